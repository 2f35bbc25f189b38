"""What policies share: a memory that keeps nothing, the order by rank, and that of two queues."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from vctx.types import Flush, Unit

ARRIVED = attrgetter("arrived")


def best(values: Mapping[int, int], units: Sequence[Unit]) -> list[int]:
    """Of each unit the greatest value of its pages; -1 where none has one."""
    get = values.get
    return [
        get(unit.pages[0], -1) if len(unit.pages) == 1 else max([get(page, -1) for page in unit.pages])
        for unit in units
    ]


class Ranked:
    """A policy that ranks each unit by itself: the lowest leaves first, of equals the oldest.

    It leaves the flush its depth: down to the low mark.
    """

    name: str
    eager = False

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        """Keeps nothing."""

    def touched(self, page: int, tick: int) -> None:
        """Keeps nothing."""

    def left(self, pages: Sequence[int], tick: int) -> None:
        """Keeps nothing."""

    def sent(self, tick: int) -> None:
        """Keeps nothing."""

    def forgot(self, pages: Collection[int]) -> None:
        """Keeps nothing."""

    def rank(self, unit: Unit) -> Any:
        """Anything that compares; a group's rank is that of its best page."""
        raise NotImplementedError

    def choose(self, flush: Flush) -> tuple[Sequence[int], int]:
        """By rank, then by arrival."""
        keys = list(zip(map(self.rank, flush.units), map(ARRIVED, flush.units), strict=True))
        return sorted(range(len(keys)), key=keys.__getitem__), flush.aim


class Queue:
    """Two queues, for pages used once and for pages used again; each maps pages to tokens, oldest first.

    The first empties while it holds more than `share` of the tokens that stay.
    """

    name: str
    eager = False

    def __init__(self) -> None:
        self.once: OrderedDict[int, int] = OrderedDict()
        self.again: OrderedDict[int, int] = OrderedDict()

    @property
    def share(self) -> float:
        """The first queue's share of what stays, from 0 to 1."""
        raise NotImplementedError

    @property
    def tokens(self) -> int:
        """What stands in both queues."""
        return sum(self.once.values()) + sum(self.again.values())

    def part(self, pages: Collection[int]) -> tuple[dict[int, int], dict[int, int]]:
        """Takes pages out of both queues; returns what was in each, oldest first."""
        gone = frozenset(pages)
        once, again = ({p: n for p, n in queue.items() if p in gone} for queue in (self.once, self.again))
        for page in once:
            del self.once[page]
        for page in again:
            del self.again[page]
        return once, again

    def sent(self, tick: int) -> None:
        """Keeps nothing."""

    def forgot(self, pages: Collection[int]) -> None:
        """Takes pages out of both queues."""
        for page in pages:
            self.once.pop(page, None)
            self.again.pop(page, None)

    def choose(self, flush: Flush) -> tuple[Sequence[int], int]:
        """From the front of either queue, as their shares demand; a group stands where its best page does."""
        place = {page: n for n, page in enumerate(chain(self.once, self.again))}
        found = best(place, flush.units)
        order = sorted(range(len(found)), key=found.__getitem__, reverse=True)
        again = sum([n >= len(self.once) for n in found])
        tokens = [unit.tokens for unit in flush.units]
        return merged(order[again:], order[:again], tokens, self.share), flush.aim


def merged(once: list[int], again: list[int], tokens: Sequence[int], share: float) -> list[int]:
    """The order in which two queues empty, each from its end; the first while it exceeds its share."""
    first, second = (sum([tokens[n] for n in queue]) for queue in (once, again))
    out: list[int] = []
    while once and again:
        if first > share * (first + second):
            out.append(once.pop())
            first -= tokens[out[-1]]
        else:
            out.append(again.pop())
            second -= tokens[out[-1]]
    return [*out, *reversed(once), *reversed(again)]
