"""Token lengths -> batches without padding. Pure."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

Shape = tuple[int, int]
"""(texts, length) of neighbours of one length: attention over them needs neither padding nor a mask."""


def batches(lengths: Sequence[int], budget: Callable[[], int]) -> Iterator[list[int]]:
    """Yields every index once, shortest texts first, at most `budget()` tokens a batch.

    The budget is asked before every text, so it may shrink on the way. A text longer than the budget is a
    batch by itself.
    """
    batch: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and tokens + lengths[index] > budget():
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += lengths[index]
    if batch:
        yield batch


def shapes(lengths: Sequence[int]) -> list[Shape]:
    """The groups of equal length in a batch, end to end as they stand in it."""
    return [(sum(1 for _ in group), length) for length, group in groupby(lengths)]


def padding(tokens: int) -> int:
    """Tokens to add to a batch so that batches come in few sizes: multiples of 8, sixteen to a doubling.

    oneDNN keeps the code that it generates for every number of rows, 3 MB each for a small encoder: without
    this a long stream of texts grows for as long as new sizes appear.
    """
    step = max(8, (1 << tokens.bit_length() - 1) // 16)
    return -tokens % step
