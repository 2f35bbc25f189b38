"""Totals and high-water marks: the table `counts`, a few numbers by name."""

from collections.abc import Mapping, Sequence

from vctx.errors import DiskError
from vctx.storage.file import File
from vctx.storage.settled import Settled

_SET = "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_ADD = "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"

TOTALS = ("pages", "characters")
"""What is the sum of the rows that there are."""

MARKS = ("page", "span")
"""The last ids given: they are never given again, whatever has been forgotten since."""


class Counts:
    """A name that nobody has set counts 0."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._settled = Settled(file)

    def get(self, *names: str) -> list[int]:
        """The values of names, in their order."""
        return list(self._settled.get(names, lambda: self._read(names)))

    def set(self, values: Mapping[str, int]) -> None:
        """Inside a transaction."""
        self._file.write_all(_SET, values.items())

    def add(self, values: Mapping[str, int]) -> None:
        """Adds to what is there. Inside a transaction."""
        self._file.write_all(_ADD, values.items())

    def _read(self, names: Sequence[str]) -> list[int]:
        found: dict[str, int] = dict(self._file.among("SELECT name, value FROM counts WHERE name IN", names))
        values = [found.get(name, 0) for name in names]
        if not all(type(value) is int for value in values):
            raise DiskError(f"a count of {self._file.path} is garbled; check the session")
        return values


def seq(branch: int) -> str:
    """The name of a branch's last seq."""
    return f"seq {branch}"
