"""When what was said was written: a number for each page, in RAM, caught up from the file. Documents have no
day of their own.
"""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from vctx.errors import DiskError
from vctx.storage.branches import Branches
from vctx.storage.counts import Counts
from vctx.storage.file import File

_SINCE = "SELECT id, substr(created_at, 1, 10) FROM pages WHERE id > ? AND kind IN ('message', 'record')"

Days = NDArray[np.int64]
"""Rows of (page, day), in order of page; a day is a proleptic Gregorian ordinal."""


class Times:
    """Pages by the day on which they were written."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._counts = Counts(file)
        self._branches = Branches(file)
        self._upto = 0
        self._days: Days = np.empty((0, 2), np.int64)

    def between(self, first: date, last: date, branch: int | None) -> list[int]:
        """What was said from one day to the other, by id; of what `branch` sees. Inside a snapshot."""
        days = self._caught_up()
        there = (first.toordinal() <= days[:, 1]) & (days[:, 1] <= last.toordinal())
        ids = days[there, 0]
        seen = self._branches.visible(branch)
        found: list[int] = (ids if seen is None else ids[seen[ids]]).tolist()
        return found

    def _caught_up(self) -> Days:
        [last] = self._counts.get("page")
        if last <= self._upto:
            return self._days
        rows = self._file.rows(_SINCE, (self._upto,))
        try:
            new = [(id, date.fromisoformat(day).toordinal()) for id, day in rows]
        except (TypeError, ValueError) as error:
            raise DiskError(f"a page of {self._file.path} has no date; check the session") from error
        days = np.concatenate([self._days, np.array(sorted(new), np.int64).reshape(-1, 2)])
        # What a transaction has not committed yet may be undone, and its ids given to other pages.
        if not self._file.writing:
            self._upto, self._days = last, days
        return days
