"""Which pages answer a question. A pure generator: it yields searches, takes their hits, and returns a
ranking; whoever runs it does the I/O.

The score is a sum of z-scores over the candidates, dense + 0.5 BM25: on the chats it was measured on it
is ahead of reciprocal rank fusion (Cormack et al. 2009), which throws the distances away.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from statistics import fmean, pstdev

from vctx.types import Hit, Search

LEXICAL_WEIGHT = 0.5
CANDIDATES = 200
"""Spans asked of each signal."""

Recall = Generator[Search, Sequence[Hit], list[Hit]]


def recall(text: str, *, candidates: int = CANDIDATES) -> Recall:
    """Ranks what the disk has for `text`, best first."""
    hits = yield Search(text, candidates)
    return rank(hits)


def run(steps: Recall, search: Callable[[Search], Sequence[Hit]]) -> list[Hit]:
    """Drives a recall with a search function."""
    try:
        request = next(steps)
        while True:
            request = steps.send(search(request))
    except StopIteration as done:
        ranking: list[Hit] = done.value
        return ranking


def rank(hits: Sequence[Hit]) -> list[Hit]:
    """Hits by descending score; ties by page and span, so that the order is a function of the hits."""
    dense = _standard([hit.dense for hit in hits])
    lexical = _standard([hit.lexical for hit in hits])
    scored = [
        replace(hit, score=d + LEXICAL_WEIGHT * w) for hit, d, w in zip(hits, dense, lexical, strict=True)
    ]
    return sorted(scored, key=lambda hit: (-hit.score, hit.page, hit.span or (0, 0)))


def _standard(values: Sequence[float | None]) -> list[float]:
    """z-scores; what lacks the signal gets the lowest one seen."""
    seen = [value for value in values if value is not None]
    if not seen:
        return [0.0] * len(values)
    mean, spread, floor = fmean(seen), pstdev(seen), min(seen)
    if spread == 0.0:
        return [0.0 if value is not None else -1.0 for value in values]
    return [((floor if value is None else value) - mean) / spread for value in values]
