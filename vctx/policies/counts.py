"""Policies that count references: lfu, lru-k and gdsf."""

from collections import Counter
from collections.abc import Collection, Sequence

from vctx.policies.base import Ranked
from vctx.types import Unit

K = 2
NEVER = -1
"""Before the first tick."""


class Lfu(Ranked):
    """Least frequently used: by references in all, those before the page last left included; then lru.

    Pages 1, 2, 3 are said; 1 is referenced twice, 3 once: 2, 3, 1 leave in this order.
    """

    name: str = "lfu"

    def __init__(self) -> None:
        self._count: Counter[int] = Counter()

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        self._count[page] += fault

    def touched(self, page: int, tick: int) -> None:
        self._count[page] += 1

    def forgot(self, pages: Collection[int]) -> None:
        for page in pages:
            self._count.pop(page, None)

    def rank(self, unit: Unit) -> tuple[int, int]:
        return max(map(self._count.__getitem__, unit.pages)), unit.referenced


class LruK(Ranked):
    """By the tick of the K-th last use, K = 2; who has fewer leaves first, then lru (O'Neil et al. 1993).

    To be said is a use. What is known of a page outlasts its stay. Pages 1, 2, 3 are said at ticks 1, 2, 3;
    2 is referenced at 4, 1 at 5 and 6. The second last uses are at 5, 2 and never: 3, 2, 1 leave in this
    order.
    """

    name: str = "lru-k"

    def __init__(self, k: int = K) -> None:
        self._k = k
        self._uses: dict[int, tuple[int, ...]] = {}

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        self.touched(page, tick)

    def touched(self, page: int, tick: int) -> None:
        self._uses[page] = (*self._uses.get(page, ()), tick)[-self._k :]

    def forgot(self, pages: Collection[int]) -> None:
        for page in pages:
            self._uses.pop(page, None)

    def rank(self, unit: Unit) -> tuple[int, int]:
        return max(map(self._last, unit.pages)), unit.referenced

    def _last(self, page: int) -> int:
        """The tick of the K-th last use."""
        uses = self._uses.get(page, ())
        return uses[0] if len(uses) == self._k else NEVER


class Gdsf(Ranked):
    """GreedyDual-Size with frequency: by L + uses / tokens, where L is the highest rank that has left so far
    (Cherkasova 1998, with a cost of 1 for each fault).

    To be said is a use; uses are counted anew when a page comes back. Pages 1, 2, 3 of 10, 40 and 20 tokens
    are said, and 2 is referenced: ranks .1, .05, .05. 2 leaves first, for it is older than 3; L is .05 then,
    and page 4 of 40 tokens, said now, ranks .075: 3, 4, 1.
    """

    name: str = "gdsf"

    def __init__(self) -> None:
        self._level = 0.0
        self._uses: Counter[int] = Counter()
        self._tokens: dict[int, int] = {}
        self._rank: dict[int, float] = {}

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        self._tokens[page] = max(tokens, 1)
        self.touched(page, tick)

    def touched(self, page: int, tick: int) -> None:
        self._uses[page] += 1
        self._rank[page] = self._level + self._uses[page] / self._tokens[page]

    def left(self, pages: Sequence[int], tick: int) -> None:
        self._level = max((self._rank[page] for page in pages), default=self._level)
        self.forgot(pages)

    def forgot(self, pages: Collection[int]) -> None:
        for page in pages:
            for known in (self._uses, self._tokens, self._rank):
                known.pop(page, None)

    def rank(self, unit: Unit) -> float:
        ranks = self._rank
        if len(unit.pages) == 1:
            return ranks.get(unit.pages[0], 0.0)
        return max([ranks.get(page, 0.0) for page in unit.pages])
