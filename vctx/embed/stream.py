"""Texts in blocks, and the next block prepared while this one is worked on."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import TypeVar

from vctx.embed import tokens

TEXTS = 4096
CHARACTERS = 1_000_000
"""A block holds at most so many texts and, unless it is one text, characters: enough to sort by length, so
that batches are of one length, and little beside the weights (a token id takes about 8 bytes)."""

In = TypeVar("In")
Out = TypeVar("Out")


def blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts in order. Raises InputError, with position and type, at what is no string."""
    if isinstance(texts, str):
        raise tokens.single()
    block: list[str] = []
    size = 0
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise tokens.no_string(position, text)
        if block and (len(block) == TEXTS or size + len(text) > CHARACTERS):
            yield block
            block, size = [], 0
        block.append(text)
        size += len(text)
    if block:
        yield block


def ahead(worker: Executor, work: Callable[[In], Out], items: Iterator[In]) -> Iterator[Out]:
    """`work` of each item, in order; that of the next runs in the worker while the caller uses this one.

    The first runs in the caller's thread: there is nothing yet to do meanwhile.
    """
    for item in items:
        done = work(item)
        break
    else:
        return
    for item in items:
        coming = worker.submit(work, item)
        yield done
        done = coming.result()
    yield done
