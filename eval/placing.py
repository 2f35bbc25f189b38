"""Fills a budget of tokens with items: in order of rank, or by worth for tokens. Pure."""

from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

K = TypeVar("K", bound=Hashable)
S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Item(Generic[K, S]):
    """Something that may be placed: its own tokens, the section whose header it needs, and how probably it
    is needed (None: it is only ranked)."""

    key: K
    cost: int
    section: S
    worth: float | None = None


def placed(items: Sequence[Item[K, S]], header: Mapping[S, int], budget: int) -> set[K]:
    """Fills a budget; what does not fit is passed over.

    An item costs its own tokens, and those of its section's header where it is the first from there. In
    order of rank; where the worth is known, the most worth for its tokens comes first.
    """
    chosen: set[K] = set()
    opened: set[S] = set()
    left = budget
    ranked = all(item.worth is None for item in items)
    for item in items if ranked else _by_value(items, header, opened):
        price = item.cost + (0 if item.section in opened else header[item.section])
        if price <= left:
            left -= price
            chosen.add(item.key)
            opened.add(item.section)
    return chosen


def _by_value(items: Sequence[Item[K, S]], header: Mapping[S, int], opened: Set[S]) -> Iterator[Item[K, S]]:
    """The next by worth for tokens, given what is open already; each once."""
    sections = sorted({item.section for item in items}, key=str)
    place = np.array([sections.index(item.section) for item in items])
    worth = np.array([item.worth or 0.0 for item in items])
    cost = np.array([item.cost for item in items], float)
    for _ in items:
        heads = np.array([0 if section in opened else header[section] for section in sections])
        best = int((worth / (cost + heads[place])).argmax())
        worth[best] = -1.0
        yield items[best]


def spent(items: Sequence[Item[K, S]], header: Mapping[S, int], chosen: Set[K]) -> int:
    """What the chosen items cost together, each section's header once."""
    taken = [item for item in items if item.key in chosen]
    return sum(item.cost for item in taken) + sum(header[section] for section in {i.section for i in taken})
