"""Greedy decoding's known failure: text that repeats itself for ever (Holtzman et al. 2020). Pure."""

from collections.abc import Sequence

LEAST = 16
"""Tokens of the shortest repeat that counts: refrains and table rules are shorter."""


def period(ids: Sequence[int], least: int = LEAST) -> int:
    """The smallest p >= `least` such that the last p ids repeat the p before them; 0 if there is none."""
    for p in range(least, len(ids) // 2 + 1):
        if ids[-1] == ids[-1 - p] and ids[-p:] == ids[-2 * p : -p]:
            return p
    return 0
