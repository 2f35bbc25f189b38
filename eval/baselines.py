"""What any memory layer must beat: the same candidates in other orders, and orders that look at nothing.

last       the last turns first               dense      by cosine
random     in any order, seeded               bm25       by BM25
oracle     what answers first                 fusion     reciprocal rank fusion of both (Cormack 2009)
"""

from collections.abc import Callable, Sequence
from random import Random

import vctx

K = 60
"""Of reciprocal rank fusion."""

Order = Callable[[Sequence[vctx.Hit], Sequence[int], frozenset[int]], list[int]]
"""From hits, all pages in order, and the pages that answer: pages, best first."""


def dense(hits: Sequence[vctx.Hit], everything: Sequence[int], gold: frozenset[int]) -> list[int]:
    """By cosine; what has no vector comes last."""
    return _pages(sorted(hits, key=lambda hit: -(hit.dense if hit.dense is not None else -2.0)))


def bm25(hits: Sequence[vctx.Hit], everything: Sequence[int], gold: frozenset[int]) -> list[int]:
    """By BM25; what has no word of the question comes last."""
    return _pages(sorted(hits, key=lambda hit: -(hit.lexical or 0.0)))


def fusion(hits: Sequence[vctx.Hit], everything: Sequence[int], gold: frozenset[int]) -> list[int]:
    """The sum of 1 / (60 + rank) by cosine and by BM25."""
    score: dict[int, float] = {}
    words = [hit for hit in hits if hit.lexical]
    for ranking in (dense(hits, (), gold), bm25(words, (), gold)):
        for rank, page in enumerate(ranking, 1):
            score[page] = score.get(page, 0.0) + 1 / (K + rank)
    return sorted(score, key=lambda page: -score[page])


def last(hits: Sequence[vctx.Hit], everything: Sequence[int], gold: frozenset[int]) -> list[int]:
    """The newest first."""
    return list(reversed(everything))


def random(hits: Sequence[vctx.Hit], everything: Sequence[int], gold: frozenset[int]) -> list[int]:
    """In an order that depends on nothing but how many there are."""
    return Random(len(everything)).sample(list(everything), len(everything))


def oracle(hits: Sequence[vctx.Hit], everything: Sequence[int], gold: frozenset[int]) -> list[int]:
    """What answers, and nothing else: the upper bound."""
    return sorted(gold)


ORDERS: dict[str, Order] = {
    "last": last,
    "random": random,
    "bm25": bm25,
    "dense": dense,
    "fusion": fusion,
    "oracle": oracle,
}


def _pages(hits: Sequence[vctx.Hit]) -> list[int]:
    return list(dict.fromkeys(hit.page for hit in hits))
