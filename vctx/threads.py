"""How many threads torch and numpy may take."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from vctx.errors import InputError

MOST = 16
"""Lanes at most: each needs the interpreter between operations, and memory for the activations of a batch."""

_ASIDE = ContextVar("aside", default=False)
"""Whether this thread works in the background; a new thread does not."""


def threads() -> int:
    """VCTX_THREADS where it is set, then OMP_NUM_THREADS, else the cores this process may use less one;
    at least 1.

    torch's threads meet at a barrier after every layer, so a single core taken by somebody else stalls
    all of them: one core is left free. Raises InputError where VCTX_THREADS is no positive integer.
    """
    return _asked() or max(1, _cores() - 1)


def lanes() -> int:
    """As `threads`, for threads that wait for nobody: all the cores, at most `MOST`.

    In the background one core is left free, for whoever has the foreground.
    """
    return min(MOST, threads() if _ASIDE.get() else _asked() or _cores())


@contextmanager
def aside() -> Iterator[None]:
    """Inside, this thread works in the background."""
    token = _ASIDE.set(True)
    try:
        yield
    finally:
        _ASIDE.reset(token)


def _asked() -> int:
    """What the environment asks for; 0 where it asks for nothing."""
    for name in ("VCTX_THREADS", "OMP_NUM_THREADS"):
        asked = os.environ.get(name, "")
        if asked.isdecimal() and int(asked):
            return int(asked)
        if asked and name == "VCTX_THREADS":
            raise InputError(f"VCTX_THREADS is {asked!r}: set it to a positive integer, or unset it")
    return 0


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
