"""How many threads torch and numpy may take."""

import os

from vctx.errors import InputError


def threads() -> int:
    """VCTX_THREADS where it is set, then OMP_NUM_THREADS, else the cores this process may use less one;
    at least 1.

    torch's threads meet at a barrier after every layer, so a single core taken by somebody else stalls
    all of them: one core is left free. Raises InputError where VCTX_THREADS is no positive integer.
    """
    for name in ("VCTX_THREADS", "OMP_NUM_THREADS"):
        asked = os.environ.get(name, "")
        if asked.isdecimal() and int(asked):
            return int(asked)
        if asked and name == "VCTX_THREADS":
            raise InputError(f"VCTX_THREADS is {asked!r}: set it to a positive integer, or unset it")
    return max(1, _cores() - 1)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
