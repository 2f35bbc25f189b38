"""Branches: a branch sees its own pages, and its ancestors' up to where it forked.

0  --1--2--3--4--5        fork(0, at=3) is branch 1: it sees 1 2 3 and its own 6
          \\--6           fork(1) is branch 2: it sees 1 2 3 6 and its own
"""

from vctx.errors import DiskError, InputError
from vctx.storage.counts import Counts
from vctx.storage.file import File

TRUNK = 0
"""The branch that every session begins with; it has no row."""


_LAST = (
    "SELECT max(coalesce((SELECT max(id) FROM branches), 0), coalesce((SELECT max(branch) FROM pages), 0))"
)


class Branches:
    """The table `branches`."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._counts = Counts(file)

    def fork(self, parent: int, at: int | None) -> int:
        """A new branch of `parent` that sees it up to page `at`, or as it stands. Inside a transaction."""
        [last] = self._counts.get("page")
        at = last if at is None else at
        if parent != TRUNK and parent not in self._parents():
            raise InputError(f"no branch {parent} in {self._file.path}")
        if not 0 <= at <= last:
            raise InputError(f"a branch forks at a page from 0 to {last}, not at {at}")
        new = 1 + int(self._file.value(_LAST))
        self._file.write("INSERT INTO branches (id, parent, at) VALUES (?, ?, ?)", (new, parent, at))
        return new

    def sees(self, branch: int) -> dict[int, int]:
        """The branches whose pages stand in `branch`, each with the last page that does."""
        parents = self._parents()
        if branch != TRUNK and branch not in parents:
            raise InputError(f"no branch {branch} in {self._file.path}")
        seen, limit = {branch: 2**62}, 2**62
        while branch in parents:
            branch, at = parents[branch]
            limit = min(limit, at)
            seen[branch] = limit
        return seen

    def where(self, branch: int | None) -> str:
        """An SQL condition on `pages` for what a branch sees; all pages for None."""
        if branch is None:
            return "1"
        return "(" + " OR ".join(f"branch = {b} AND id <= {at}" for b, at in self.sees(branch).items()) + ")"

    def _parents(self) -> dict[int, tuple[int, int]]:
        rows = self._file.rows("SELECT id, parent, at FROM branches")
        if not all(type(value) is int for row in rows for value in row):
            raise DiskError(f"the branches of {self._file.path} are garbled; restore a copy")
        return {id: (parent, at) for id, parent, at in rows}
