"""Normalised discounted cumulative gain with two grades (Järvelin and Kekäläinen 2002)."""

import math
from collections.abc import Sequence, Set

CUT = 10
"""Ranks that are looked at."""


def ndcg(ranked: Sequence[int], gold: Set[int], cut: int = CUT) -> float:
    """The sum of 1 / log2(rank + 1) over gold among the first `cut`, over that of the best ranking."""
    gain = sum(1 / math.log2(rank + 1) for rank, page in enumerate(ranked[:cut], 1) if page in gold)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(cut, len(gold)) + 1))
