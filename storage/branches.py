"""Branches: a branch sees its own pages, and its ancestors' up to where it forked.

0  --1--2--3--4--5        fork(0, at=3) is branch 1: it sees 1 2 3 and its own 6
          \\--6           fork(1) is branch 2: it sees 1 2 3 6 and its own

Documents are no branch's: every branch sees all their chunks.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from vctx.errors import DiskError, InputError
from vctx.storage.counts import Counts, seq
from vctx.storage.file import File
from vctx.storage.settled import Settled

TRUNK = 0
"""The branch that every session begins with; it has no row."""

# Each branch that has pages counts them.
_MARKS = "SELECT name FROM counts WHERE name BETWEEN 'seq ' AND 'seq :'"

_LAST = (
    "SELECT max(coalesce((SELECT max(id) FROM branches), 0), coalesce((SELECT max(branch) FROM pages), 0))"
)


class Branches:
    """The table `branches`."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._counts = Counts(file)
        self._settled = Settled(file)
        self._seen: dict[int, tuple[int, int, NDArray[np.bool_]]] = {}

    def fork(self, parent: int, at: int | None) -> int:
        """A new branch of `parent` that sees it up to page `at`, or as it stands. Inside a transaction."""
        [last] = self._counts.get("page")
        at = last if at is None else at
        self.there([parent])
        if not 0 <= at <= last:
            raise InputError(f"a branch forks at a page from 0 to {last}, not at {at}")
        new = 1 + int(self._file.value(_LAST))
        self._file.write("INSERT INTO branches (id, parent, at) VALUES (?, ?, ?)", (new, parent, at))
        return new

    def there(self, branches: Collection[int]) -> None:
        """InputError for a branch that nobody has forked."""
        if branches and (gone := set(branches) - {TRUNK}) and (gone := gone - self._parents().keys()):
            raise InputError(f"no branch {min(gone)} in {self._file.path}")

    def sees(self, branch: int) -> dict[int, int]:
        """The branches whose pages stand in `branch`, each with the last page that does."""
        self.there([branch])
        parents = self._parents()
        seen, limit = {branch: 2**62}, 2**62
        while branch in parents:
            branch, at = parents[branch]
            limit = min(limit, at)
            seen[branch] = limit
        return seen

    def where(self, branch: int | None) -> str:
        """An SQL condition on `pages` for what a branch sees; empty where that is everything."""
        return "" if branch is None else self._settled.get(branch, lambda: self._condition(branch))

    def visible(self, branch: int | None) -> NDArray[np.bool_] | None:
        """Whether the branch sees page i; None where it sees all. Inside a snapshot.

        What was looked up is remembered: a page never changes its branch, nor a branch what it sees.
        """
        if not (where := self.where(branch)) or branch is None:
            return None
        last, forgotten = self._counts.get("page", "forgotten")
        upto, since, mask = self._seen.get(branch, (0, forgotten, np.zeros(1, bool)))
        if since != forgotten:
            upto, mask = 0, np.zeros(1, bool)
        if last > upto:
            found = self._file.rows(f"SELECT id FROM pages WHERE id > ? AND {where}", (upto,))
            mask = np.concatenate([mask, np.zeros(last - upto, bool)])
            mask[[id for [id] in found]] = True
        # What a transaction has not committed yet may be undone, and its ids given to other pages.
        if not self._file.writing:
            self._seen[branch] = last, forgotten, mask
        return mask

    def _condition(self, branch: int) -> str:
        if branch == TRUNK and self._alone():
            return ""
        own = (f"branch = {b} AND id <= {at}" for b, at in self.sees(branch).items())
        return f"({' OR '.join(own)} OR kind IN ('chunk', 'record'))"

    def _alone(self) -> bool:
        """Whether every page is on the trunk."""
        return {name for [name] in self._file.rows(_MARKS)} <= {seq(TRUNK)}

    def _parents(self) -> dict[int, tuple[int, int]]:
        rows = self._file.rows("SELECT id, parent, at FROM branches")
        if not all(type(value) is int for row in rows for value in row):
            raise DiskError(f"the branches of {self._file.path} are garbled; restore a copy")
        return {id: (parent, at) for id, parent, at in rows}
