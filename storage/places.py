"""Where pages stand, for whoever asks what stands beside them: pages whose places follow each other do.

A page's place is its number, and nothing is kept of it, with two exceptions. A document that was brought up
to date has new chunks among older ones: its chunks have places of their own, in the order of its text, beyond
all numbers. And what vctx wrote itself, a summary or a version of a block, parts nobody in a conversation: it
has such a place, too, and numbers are counted without it.

    text     a b c d        a b x d e                             said     one two (summary) three
    number   1 2 3 4   ->   1 2 5 4 6   place: BASE and so on     number   1   2   3         4
                                                                  place    1   2   BASE      3
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vctx.storage.branches import Branches
from vctx.storage.codec import source_place
from vctx.storage.counts import Counts
from vctx.storage.file import File

Numbers = NDArray[np.int64]

BASE = 2**31
"""The first place that is no number; a shelf gives a session 2**32 of both."""

_CHUNKS = (
    "SELECT id, kind, created_at, source FROM pages WHERE kind IN ('chunk', 'record') AND kind <> 'message'"
)
_ASIDE = (
    "SELECT id FROM pages WHERE kind IN ('summary', 'block') AND kind <> 'message' AND id > ? ORDER BY id"
)
_BETWEEN = "SELECT EXISTS (SELECT 1 FROM pages WHERE id > ? AND id < ?)"


class Order:
    """The places of pages, given the chunks of each document that has places of its own, in order, and what
    stands in nobody's way, in order of its numbers.
    """

    def __init__(self, documents: Iterable[Sequence[int]] = (), aside: Sequence[int] = ()) -> None:
        # A number that no page has parts each from the next.
        self._own = np.array([id for one in (*documents, *zip(aside)) for id in (*one, 0)], np.int64)
        self._sorted = np.argsort(self._own, kind="stable")
        self._aside = np.array(aside, np.int64)
        self._before = self._aside - np.arange(len(aside))

    @property
    def plain(self) -> bool:
        """Whether every place is a number."""
        return not len(self._own)

    def of(self, ids: Numbers) -> Numbers:
        """The place of each page."""
        if self.plain:
            return ids
        found = self._own.searchsorted(ids, sorter=self._sorted)
        rows = self._sorted[np.minimum(found, len(self._own) - 1)]
        own = (self._own[rows] == ids) & (ids > 0)
        return np.where(own, BASE + rows, ids - self._aside.searchsorted(ids))

    def at(self, places: Numbers) -> Numbers:
        """The page at each place, if there is one; 0 where there is none for certain."""
        if self.plain:
            return places
        rows = places - BASE
        own = (rows >= 0) & (rows < len(self._own))
        ids = places + self._before.searchsorted(places, "right")
        left = np.isin(ids, self._own)
        return np.where(own, self._own[np.where(own, rows, 0)], np.where(left, 0, ids))


class Places:
    """The order of a file's pages, derived where documents were brought up to date."""

    def __init__(self, file: File, branches: Branches) -> None:
        self._file = file
        self._branches = branches
        self._counts = Counts(file)
        self._known = _Known([0, 0], 0, Order(), [], [])

    def order(self) -> Order:
        """The order now. Inside a snapshot."""
        last, *since = self._counts.get("page", "moved", "forgotten")
        known = self._known
        if (last, since) == (known.last, known.since):
            return known.order
        # By these counts a document was changed, or a page is gone; what is added is not among others.
        if since != known.since:
            known = _Known(since, 0, known.order, self._changed(), [])
        aside = [*known.aside, *(id for [id] in self._file.rows(_ASIDE, (known.last,)))]
        same = known.since == self._known.since and aside == known.aside
        order = known.order if same else Order(known.documents, aside)
        # What a transaction has not committed yet may be undone.
        if not self._file.writing:
            self._known = _Known(since, last, order, known.documents, aside)
        return order

    def near(self, pages: Collection[int], branch: int | None) -> list[int]:
        """Those of the pages that the branch sees, and what it sees right before and after each, by number.

        Where it sees all, what has the places before and after each, whether there are such pages or not.
        Inside a snapshot.
        """
        order = self.order()
        places = order.of(np.array([id for id in pages if 0 <= id < BASE], np.int64))
        if (mask := self._branches.visible(branch)) is None:
            return unique(order.at(places + np.array([[-1], [0], [1]])))
        seen = np.sort(order.of(np.flatnonzero(mask)))
        before, after = seen.searchsorted(places, "left"), seen.searchsorted(places, "right")
        around = [seen[before[before > 0] - 1], places[before < after], seen[after[after < len(seen)]]]
        return unique(order.at(np.concatenate(around)))

    def _changed(self) -> list[list[int]]:
        """The chunks of each document that was brought up to date, in the order of its text."""
        found: defaultdict[str, list[_Chunk]] = defaultdict(list)
        for id, kind, at, source in self._file.rows(_CHUNKS):
            if source is not None and (place := source_place(source)):
                found[place[0]].append(_Chunk(place[1], id, at if kind == "chunk" else ""))
        stand = (sorted(chunks) for chunks in found.values())
        return [[one.id for one in chunks] for chunks in stand if self._mixed(chunks)]

    def _mixed(self, chunks: Sequence["_Chunk"]) -> bool:
        """Whether they were not all written at once, which gives them numbers that follow each other.

        Where some were forgotten by hand, nothing stands between the numbers of the others.
        """
        return len({one.at for one in chunks}) > 1 or any(
            a.id > b.id or (b.id - a.id > 1 and self._file.value(_BETWEEN, (a.id, b.id)))
            for a, b in pairwise(chunks)
        )


class _Known(NamedTuple):
    """An order, and what it was made from: counts, the last page, and what has places of its own."""

    since: Sequence[int]
    last: int
    order: Order
    documents: Sequence[Sequence[int]]
    aside: Sequence[int]


class _Chunk(NamedTuple):
    start: int
    id: int
    at: str
    """When it was written; empty for what somebody said, which is dated when it was said."""


def unique(ids: Numbers) -> list[int]:
    """Each once, in order, without those that no page has."""
    found: list[int] = np.unique(ids[ids > 0]).tolist()
    return found
