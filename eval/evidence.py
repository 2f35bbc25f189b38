"""Evidence recall under a token budget: the share of a question's gold turns that fit, best first."""

from collections.abc import Hashable, Mapping, Sequence, Set
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
S = TypeVar("S", bound=Hashable)


def placed(
    ranking: Sequence[K],
    cost: Mapping[K, int],
    section: Mapping[K, S],
    header: Mapping[S, int],
    budget: int,
) -> set[K]:
    """Fills a budget in order of rank; what does not fit is passed over.

    An item costs its own tokens, and those of its section's header where it is the first from there.
    """
    chosen: set[K] = set()
    opened: set[S] = set()
    left = budget
    for item in ranking:
        price = cost[item] + (0 if section[item] in opened else header[section[item]])
        if price <= left:
            left -= price
            chosen.add(item)
            opened.add(section[item])
    return chosen


def evidence_recall(chosen: Set[K], gold: Set[K]) -> float:
    """|chosen & gold| / |gold|; gold must not be empty."""
    return len(chosen & gold) / len(gold)
