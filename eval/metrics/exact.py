"""Exact match of an answer."""

from collections.abc import Sequence

from vctx.eval.metrics.words import words


def exact(answer: str, gold: Sequence[str]) -> float:
    """1 where the words are those of a gold answer, in order, else 0."""
    return float(any(words(answer) == words(right) for right in gold))
