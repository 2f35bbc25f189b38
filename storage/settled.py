"""What was read and holds until somebody commits something: the small facts that every search asks for."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from vctx.storage.file import File

T = TypeVar("T")


class Settled:
    """Facts by name, of one reader of a file. Another process's commit ends them as one's own does."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._at: tuple[int, int] | None = None
        self._facts: dict[Hashable, Any] = {}

    def get(self, name: Hashable, read: Callable[[], T]) -> T:
        """What `read` gives, read once as long as nothing is committed; inside a transaction, each time."""
        with self._file.lock:
            at = self._file.state
            if at is None:
                return read()
            if at != self._at:
                self._at, self._facts = at, {}
            if name not in self._facts:
                self._facts[name] = read()
            fact: T = self._facts[name]
            return fact
