"""Token F1 of an answer: the harmonic mean of precision and recall over words."""

from collections import Counter
from collections.abc import Sequence

from vctx.eval.metrics.words import words


def f1(answer: str, gold: Sequence[str]) -> float:
    """Against the gold answer that it is nearest to; words count as often as they stand."""
    return max(_f1(words(answer), words(right)) for right in gold)


def _f1(said: Sequence[str], right: Sequence[str]) -> float:
    if not said or not right:
        return float(not said and not right)
    common = (Counter(said) & Counter(right)).total()
    return 2 * common / (len(said) + len(right))
