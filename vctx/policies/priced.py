"""The policy that counts what a flush costs, in money: `priced`.

A flush whose first change stands at position x of the prompt has all written anew that stays behind x. Let w
and r be the prices of a token written and of one read from the cache, and W the tokens of the prompt that
the cache still holds. Pages of F tokens in all leave. A page that is used every u calls is missed within T
calls with probability p; let V be the sum of tokens * p over what leaves: what comes back. With g
tokens that a call adds, the window is full again after T = (F - V) / g calls. A call then costs, beside what
no choice changes,

    ((w - r) * max(0, W - x)  -  w * F  +  w * V) / T  -  r * F / 2

the rewriting, of all where x is below the least prefix that is cached, less what need not be written; the
faults that bring pages back; and what need not be read while the window fills up again. For a given x pages
leave by u, longest first: as V is a sum over them, and their tokens add up to F, no other choice at x of the
same F has a smaller V, but for the last of them, which may be larger than what is asked for. For a few x,
each at a few depths F, this is compared, and the cheapest is the choice. Where a message that leaves changes
the digest, which stands first, x is the digest's place, unless only faults leave.

Once the cache is cold, W is 0: all is written anew anyway, so what is not soon needed leaves for nothing.

Before a call for which nothing must leave, the end of the prompt is trimmed: of the pages that faults
brought, those leave that cost more to read, and by the room they take, than to bring back; from the place
on behind which that saves most, less what it costs to write the rest anew. What was last paged in stands
there, so little has to be.

Expected use: a page that was used n times in the i calls since it was first seen is used every
u = (i + SOON) / (n + ONCE) calls, and within T calls with odds of (T / u) ** STEEP to 1. On recorded chats
that foretells the next use better than what was used last: of pages with u = 3.3, 10 and 22, .91, .43 and
.26 were used within 12 calls.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import accumulate, compress

from vctx.policies.base import Ranked
from vctx.prices import cached
from vctx.types import Flush, Prices

USUAL = Prices("usual", 1.0, read=0.1)
"""Where no prices are given: a tenth for a token that the cache serves, as most providers ask."""
SOON = 4.0
ONCE = 0.5
STEEP = 1.5
AHEAD = 3.0
"""Calls that are looked ahead when the end of the prompt is trimmed."""
SPACE = 0.6
"""What a token that stands costs beside its reading, in tokens written: it brings the next flush nearer,
which writes about as much anew as it frees, if there is one before the cache goes cold."""
PLACES = 8
"""Places x of the first change that are compared."""
DEPTHS = 8
"""Depths F that are compared for each."""
GROWTH = 100.0
"""Tokens that a call is taken to add before the first."""

Choice = tuple[float, int, int, bool]
"""Cost of a call, depth, the unit before which nothing leaves, and whether only faults do."""


class Priced(Ranked):
    """By money: prices of cached and uncached tokens, what is still warm, where pages stand, expected use.

    Behind 100 tokens that never leave stand pages 1 to 4, of 100 tokens each; a token read costs .1, one
    written 1. If one must leave while all is warm, to drop page 1 has 300 tokens written anew, to drop page 4
    none: so 4 leaves, even if it was used before. Once the cache is cold, or where a message that leaves
    changes the digest, the place does not matter, and it is the one that is expected last.
    """

    name: str = "priced"
    eager = True

    def __init__(self) -> None:
        self._calls = 0
        self._loaded = 0
        self._uses: Counter[int] = Counter()
        self._born: dict[int, int] = {}

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        self._loaded += tokens
        self._uses[page] = self._uses.get(page, 0) + fault
        self._born.setdefault(page, self._calls)

    def touched(self, page: int, tick: int) -> None:
        self._uses[page] += 1

    def sent(self, tick: int) -> None:
        self._calls += 1

    def forgot(self, pages: Collection[int]) -> None:
        for page in pages:
            self._uses.pop(page, None)
            self._born.pop(page, None)

    def gaps(self, pages: Sequence[int]) -> list[float]:
        """Calls that are expected between two uses of each page."""
        now, born, uses = self._calls, self._born, self._uses
        return [(now - born.get(page, now) + SOON) / (uses[page] + ONCE) for page in pages]

    def choose(self, flush: Flush) -> tuple[Sequence[int], int]:
        """The cheapest of the choices that are compared, then all others by expected use."""
        gaps = self.gaps([unit.pages[0] for unit in flush.units])
        for n, unit in enumerate(flush.units):
            if len(unit.pages) > 1:
                gaps[n] = min(self.gaps(unit.pages))
        order = sorted(range(len(gaps)), key=gaps.__getitem__, reverse=True)
        if flush.need <= 0 and flush.warm:
            first = _trimmed(flush, gaps)
            return _before(first, order), sum(flush.units[n].tokens for n in first)
        most = max(flush.aim, flush.need)
        if most <= 0 or not order:
            return order, 0
        growth = (self._loaded + GROWTH) / (self._calls + 1)
        span = max(1.0, most / growth)
        back = [unit.tokens * _soon(gap, span) for unit, gap in zip(flush.units, gaps, strict=True)]
        best = _cheapest(flush, order, back, growth)
        if best is None:
            return order, most
        _, depth, start, faults = best
        return _before(_leaving(flush, order, start, faults), order), depth


def _soon(gap: float, calls: float) -> float:
    """The probability that a page that is used every `gap` calls is used within so many."""
    return 1.0 / (1.0 + math.pow(gap / calls, STEEP))


def _before(first: list[int], order: list[int]) -> list[int]:
    """The first, and then all others in their order."""
    chosen = frozenset(first)
    return [*first, *[n for n in order if n not in chosen]]


def _trimmed(flush: Flush, gaps: list[float]) -> list[int]:
    """The units near the end of the prompt that are not worth their place there."""
    prices = flush.prices or USUAL
    held = cached(prices, flush.warm)
    least = total = 0.0
    tokens, start = 0, len(gaps)
    worth: list[int] = []
    for n in range(len(gaps) - 1, -1, -1):
        unit = flush.units[n]
        used = _soon(gaps[n], AHEAD)
        saved = prices.read * AHEAD * (1 - used / 2) + SPACE * (1 - used) - prices.write * used
        if unit.said or saved <= 0:
            continue
        worth.append(n)
        total += unit.tokens * saved
        tokens += unit.tokens
        anew = max(0, held - cached(prices, unit.at) - tokens)
        cost = (prices.write - prices.read) * anew - total
        if cost < least:
            least, start = cost, n
    return [n for n in worth if n >= start]


def _cheapest(flush: Flush, order: list[int], back: list[float], growth: float) -> Choice | None:
    """The cheapest choice of those that free what must be free; of equals the least."""
    prices = flush.prices or USUAL
    read, write, marks = prices.read, prices.write, _marks(flush)
    held = cached(prices, flush.warm)
    columns = {faults: _columns(flush, order, back, faults) for faults in (False, flush.digest)}
    best: Choice | None = None
    for start, faults in _starts(flush):
        places, tokens, returns = columns[faults]
        leaves = [n >= start for n in places]
        freed = list(accumulate(compress(tokens, leaves)))
        last = len(freed) - 1
        if freed[last] < flush.need:
            continue
        lost = list(accumulate(compress(returns, leaves)))
        first = flush.head if flush.digest and not faults else flush.units[start].at
        written = (write - read) * max(0, held - cached(prices, first))
        k = -1
        for mark in marks:
            if k == last:
                break
            before, k = k, min(bisect_left(freed, mark), last)
            if k == before:
                continue
            gone = freed[k] - lost[k]
            cost = written - write * gone
            cost = (cost / (gone / growth) if gone > growth else cost) - read * freed[k] / 2
            if best is None or cost <= best[0]:
                choice = cost, freed[k], start, faults
                best = choice if best is None else min(best, choice)
    return best


def _columns(
    flush: Flush, order: list[int], back: list[float], faults: bool
) -> tuple[list[int], list[int], list[float]]:
    """Of all units in their order, or of those that faults brought in: place, tokens, what comes back."""
    units = flush.units
    places = [n for n in order if not units[n].said] if faults else order
    return places, [units[n].tokens for n in places], [back[n] for n in places]


def _leaving(flush: Flush, order: list[int], start: int, faults: bool) -> list[int]:
    """The units from `start` on, in their order; with `faults`, only those that faults brought in."""
    if not faults:
        return [n for n in order if n >= start]
    return [n for n in order if n >= start and not flush.units[n].said]


def _starts(flush: Flush) -> list[tuple[int, bool]]:
    """The unit with which the first change may begin, each with whether only faults leave."""
    units = range(len(flush.units))
    if flush.digest:
        faults = [n for n in units if not flush.units[n].said]
        return [(0, False), *((n, True) for n in faults[:: max(1, len(faults) // PLACES)])]
    return [(n, False) for n in units[:: max(1, len(units) // PLACES)]]


def _marks(flush: Flush) -> list[int]:
    """Depths to compare: from what must leave down to the low mark."""
    least, most = max(flush.need, 1), max(flush.aim, flush.need, 1)
    return [least + (most - least) * n // (DEPTHS - 1) for n in range(DEPTHS)]
