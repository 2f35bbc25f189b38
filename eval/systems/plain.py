"""What any memory layer must beat: vctx's candidates in other orders, and orders that look at nothing.

last       the last pieces first              dense      by cosine
random     in any order, seeded               bm25       by BM25
full       everything, where it fits          fusion     reciprocal rank fusion of both (Cormack 2009)
oracle     what answers, and nothing else
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import vctx
from vctx.eval.case import Ask
from vctx.eval.placing import Item
from vctx.eval.shelf import Shelf
from vctx.eval.systems.system import Finder, Found

K = 60
"""Of reciprocal rank fusion."""


def dense(hits: Sequence[vctx.Hit]) -> list[int]:
    """By cosine; what vctx found in another way, such as by a chase, is left out."""
    found = [(hit.dense, hit.page) for hit in hits if hit.dense is not None]
    return _pages(sorted(found, key=lambda one: -one[0]))


def bm25(hits: Sequence[vctx.Hit]) -> list[int]:
    """By BM25, of what has a word of the question."""
    return _pages(sorted(((hit.lexical, hit.page) for hit in hits if hit.lexical), key=lambda one: -one[0]))


def fusion(hits: Sequence[vctx.Hit]) -> list[int]:
    """The sum of 1 / (60 + rank) by cosine and by BM25."""
    score: dict[int, float] = {}
    for ranking in (dense(hits), bm25(hits)):
        for rank, page in enumerate(ranking, 1):
            score[page] = score.get(page, 0.0) + 1 / (K + rank)
    return sorted(score, key=lambda page: -score[page])


SEARCHED: dict[str, Callable[[Sequence[vctx.Hit]], list[int]]] = {
    "fusion": fusion,
    "dense": dense,
    "bm25": bm25,
}
UNSEEING = ("random", "last", "full", "oracle")
NAMES = (*SEARCHED, *UNSEEING)


@dataclass(frozen=True, slots=True)
class Plain:
    """A baseline, by its name."""

    name: str

    @property
    def about(self) -> dict[str, Any]:
        return {}

    @contextmanager
    def open(self, shelf: Shelf) -> Iterator[Finder]:
        """A search ranks by the plain sum: trained weights would cut what they read."""
        if order := SEARCHED.get(self.name):
            yield lambda ask: ranked(shelf, order(shelf.search(ask, plain=True)))
        else:
            yield lambda ask: ranked(shelf, _unseeing(self.name, shelf, ask), whole=self.name == "full")

    def size(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held."""


def ranked(shelf: Shelf, pages: Sequence[int], *, whole: bool = False) -> Found:
    """Pages in this order, of no known worth."""
    pieces = (shelf.pieces[page] for page in pages)
    return Found(tuple(Item(piece.page, piece.cost, piece.section) for piece in pieces), whole=whole)


def _unseeing(name: str, shelf: Shelf, ask: Ask) -> list[int]:
    everything = list(shelf.pieces)
    if name == "random":
        return Random(len(everything)).sample(everything, len(everything))
    if name == "oracle":
        return sorted(shelf.gold(ask))
    return everything[::-1] if name == "last" else everything


def _pages(scored: Sequence[tuple[float, int]]) -> list[int]:
    return list(dict.fromkeys(page for _, page in scored))
