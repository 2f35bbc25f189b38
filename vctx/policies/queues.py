"""Policies that remember no page that has left: fifo, lru, clock and the working set."""

from collections.abc import Collection, Sequence

from vctx.policies.base import Ranked, best
from vctx.types import Flush, Unit

TAU = 96
"""Ticks of the working set's window: some thirty turns, each a question, a recall and a reply."""


class Fifo(Ranked):
    """First in, first out: MemGPT's queue (Packer et al. 2023, arXiv:2310.08560).

    Pages 1, 2, 3 arrive in this order, and 1 is referenced: 1, 2, 3 leave in this order.
    """

    name: str = "fifo"

    def rank(self, unit: Unit) -> int:
        return unit.arrived


class Lru(Ranked):
    """Least recently used: by the tick of the last reference, or of the arrival.

    Pages 1, 2, 3 arrive in this order, then 1 is referenced: 2, 3, 1 leave in this order.
    """

    name: str = "lru"

    def rank(self, unit: Unit) -> int:
        return unit.referenced


class Clock(Ranked):
    """Second chance: a hand goes round, and spares once who was referenced since it passed (Corbato 1968).

    Pages 1, 2, 3 arrive in this order, then 1 is referenced. The hand stands at 1, spares it and clears its
    mark, takes 2, 3, then 1. If only 2 leaves, 1 stands behind 3 from then on, without a mark: 3, 1.
    """

    name: str = "clock"

    def __init__(self) -> None:
        self._ring: dict[int, bool] = {}
        """From the hand on: each page, and whether it was referenced since the hand passed."""

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        self._ring[page] = self._ring.get(page, False)

    def touched(self, page: int, tick: int) -> None:
        if page in self._ring:
            self._ring[page] = True

    def left(self, pages: Sequence[int], tick: int) -> None:
        gone, ring = set(pages) & self._ring.keys(), list(self._ring)
        # Once round, all marks are cleared; only on the second round does a page go that bore one.
        second = any([self._ring[page] for page in gone])
        there = [n for n, page in enumerate(ring) if page in gone and self._ring[page] is second]
        stop = there[-1] + 1 if there else 0
        ahead = {page: self._ring[page] and not second for page in ring[stop:] if page not in gone}
        passed = {page: False for page in ring[:stop] if page not in gone}
        self._ring = {**ahead, **passed}

    def forgot(self, pages: Collection[int]) -> None:
        for page in pages:
            self._ring.pop(page, None)

    def choose(self, flush: Flush) -> tuple[Sequence[int], int]:
        """Those without a mark from the hand on, then those with one."""
        size = len(self._ring)
        place = {page: n + size * mark for n, (page, mark) in enumerate(self._ring.items())}
        keys = best(place, flush.units)
        return sorted(range(len(keys)), key=keys.__getitem__), flush.aim


class WorkingSet(Ranked):
    """What was not used within the last `tau` ticks leaves, even below the low mark (Denning 1968).

    Down to the low mark the order is lru's. With tau 10, pages 1, 2, 3 of 20 tokens, last used at ticks 5, 80
    and 92, and the low mark 20 tokens away: at tick 99 all that was used before 89 leaves, 1 and 2.
    """

    name: str = "working-set"

    def __init__(self, tau: int = TAU) -> None:
        self._tau = tau

    def rank(self, unit: Unit) -> int:
        return unit.referenced

    def choose(self, flush: Flush) -> tuple[Sequence[int], int]:
        order, _ = super().choose(flush)
        outside = sum(unit.tokens for unit in flush.units if unit.referenced < flush.tick - self._tau)
        return order, max(flush.aim, outside)
