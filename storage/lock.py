"""The write lock of one session: flock(2) on an empty file beside it, fair and bounded.

SQLite's own wait is no queue: it sleeps and tries, so that one of several busy writers may starve for
seconds. And SQLite before 3.51.3 can damage a file whose write-ahead log is restarted by one connection
while another copies it back: whoever commits or checkpoints holds this lock, so that never coincides.

The lock is not on the session's file itself: a process that closes any descriptor of that file loses
SQLite's own locks on it. flock goes with the process, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from vctx.errors import DiskError

# Seconds between two looks: of whoever is next, and of those who queue behind.
_NEXT = 0.0003
_BEHIND = 0.002


class WriteLock:
    """Held by at most one of all that name the same session. Not for two threads at once."""

    def __init__(self, session: Path) -> None:
        self.path = session.with_name(session.name + "-lock")
        self._session = session
        self._fd: int | None = None

    @contextmanager
    def held(self, busy: float) -> Iterator[None]:
        """Waits its turn, at most `busy` seconds; then DiskError."""
        if not self._acquire(busy):
            raise DiskError(
                f"another process holds {self._session} for more than {busy:g} s; close it there or try again"
            )
        try:
            yield
        finally:
            self._release()

    def remove(self) -> None:
        """Deletes the file unless somebody holds the lock; whoever still has the old one opens another."""
        if self._acquire(0):
            self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Lets go of the file. May be called again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _acquire(self, busy: float) -> bool:
        # Nobody but the first of the queue looks at the lock itself: so whoever has just released it,
        # and wants it again, cannot come before those who waited.
        until = monotonic() + busy
        first = False
        try:
            while True:
                fd = self._opened()
                first = first or _try(fcntl.lockf, fd)
                if first and _try(fcntl.flock, fd):
                    if self._current(fd):
                        return True
                    self.close()
                    first = False
                    continue
                if monotonic() >= until:
                    return False
                sleep(_NEXT if first else _BEHIND)
        finally:
            if first and self._fd is not None:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def _release(self) -> None:
        if self._fd is not None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _opened(self) -> int:
        if self._fd is None:
            try:
                self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except OSError as error:
                raise DiskError(
                    f"{self.path} cannot be opened ({error.strerror}); allow writing to the folder"
                ) from error
        return self._fd

    def _current(self, fd: int) -> bool:
        """Whether the file that is locked still stands under its name."""
        try:
            return os.path.samestat(os.fstat(fd), self.path.stat())
        except FileNotFoundError:
            return False


def _try(lock: object, fd: int) -> bool:
    try:
        lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[operator]
    except OSError:
        return False
    return True
