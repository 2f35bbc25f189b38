"""Token lengths -> batches without padding. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby

Group = list[int]
"""Indices of texts of one length: attention over them needs neither padding nor a mask."""


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[Group]]:
    """Yields every index once, shortest texts first, at most `budget` tokens a batch.

    A text longer than the budget is a batch by itself.
    """
    batch: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and tokens + lengths[index] > budget:
            yield _groups(batch, lengths)
            batch, tokens = [], 0
        batch.append(index)
        tokens += lengths[index]
    if batch:
        yield _groups(batch, lengths)


def _groups(batch: Sequence[int], lengths: Sequence[int]) -> list[Group]:
    return [list(group) for _, group in groupby(batch, key=lengths.__getitem__)]
