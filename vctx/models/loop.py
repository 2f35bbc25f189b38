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


def held(ids: Sequence[int], least: int = LEAST) -> int:
    """How many of the last ids may be the beginning of a repeat: they repeat what stands before them."""
    return max((_matching(ids, p) for p in range(least, len(ids))), default=0)


def _matching(ids: Sequence[int], p: int) -> int:
    """How many ids at the end, at most p, are those that stand p before them."""
    most = min(p, len(ids) - p)
    return next((n for n in range(most) if ids[-1 - n] != ids[-1 - n - p]), most)
