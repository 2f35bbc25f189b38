"""Whether an answer holds a gold answer, whatever else it says."""

from collections.abc import Sequence

from vctx.eval.metrics.words import words


def containment(answer: str, gold: Sequence[str]) -> float:
    """1 where the words of a gold answer stand side by side in it, else 0."""
    said = f" {' '.join(words(answer))} "
    return float(any(f" {' '.join(words(right))} " in said for right in gold if words(right)))
