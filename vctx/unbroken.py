"""Ctrl-C while modules are imported waits: one that was imported by half cannot be imported again."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unbroken() -> Iterator[None]:
    """Keeps a Ctrl-C that comes inside, and raises its KeyboardInterrupt at the end; a second one at once.

    Where Ctrl-C does something else than Python's own, and in other threads, nothing changes.
    """
    own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not own or threading.current_thread() is not threading.main_thread():
        yield
        return
    kept: list[int] = []

    def keep(number: int, frame: object) -> None:
        if kept:
            raise KeyboardInterrupt
        kept.append(number)

    signal.signal(signal.SIGINT, keep)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if kept:
        raise KeyboardInterrupt
