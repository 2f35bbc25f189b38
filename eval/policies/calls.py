"""A trace as the optimum sees it: for each call of the model, what must stand in the prompt, and whether the
provider's cache is still warm. Pure.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from vctx.eval.policies.trace import Referred, Said, Sent, Trace
from vctx.types import Form, Prices


class Join(NamedTuple):
    """A page that may join the prompt's end: it was said, or it is referenced and may be loaded."""

    page: int
    tokens: int
    said: bool
    whole: bool = True
    """Not, if it was said and stands in part only: then it answers no reference."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what joined, or might have, since the one before, in the order of the prompt."""

    warm: bool
    joins: tuple[Join, ...]
    fixed: int
    """Tokens that stand in every prompt, those of the digest included once one must be there."""

    @property
    def referenced(self) -> list[int]:
        """The pages that must stand, whoever brought them in."""
        return [join.page for join in self.joins if not join.said]

    @property
    def newest(self) -> Join | None:
        """What was said last: it must stand."""
        return next((join for join in reversed(self.joins) if join.said), None)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a clairvoyant would solve: the calls, the room, the price of a token read and of one written."""

    calls: tuple[Call, ...]
    room: int
    head: int
    """Tokens before the digest: they are never written anew while the cache is warm."""
    digest: bool
    """Whether a message that leaves changes the digest, and so all that stands behind the head."""
    read: float
    write: float
    minimum: int = 0
    """A prompt of fewer tokens is neither kept nor served: its tokens cost 1."""


def problem(trace: Trace, prices: Prices) -> Problem:
    """What each call needs; the cache is warm within its lifetime after the call before."""
    setting = trace.setting
    calls: list[Call] = []
    joins: dict[tuple[bool, int], Join] = {}
    total, last = 0, -math.inf
    for event in trace.events:
        if isinstance(event, Said):
            for frame in event.frames:
                whole = frame.form is Form.FULL
                joins[True, frame.page] = Join(frame.page, frame.tokens, True, whole)
                total += frame.tokens
        elif isinstance(event, Referred):
            for hit in reversed(event.hits):
                least = min(hit.tokens, joins.get((False, hit.page), hit).tokens)
                joins[False, hit.page] = Join(hit.page, least, False)
        elif isinstance(event, Sent):
            # All that was ever said no longer fits: something has left, so a digest stands.
            begun = setting.cap if setting.fixed + total > setting.budget.room else 0
            calls.append(
                Call(event.at - last <= prices.lifetime, tuple(joins.values()), setting.fixed + begun)
            )
            joins, last = {}, event.at
    head = setting.head if setting.cap else setting.fixed
    price = prices.read, prices.write, prices.minimum
    return Problem(tuple(calls), setting.budget.room, head, setting.cap > 0, *price)


def sittings(problem: Problem) -> list[Problem]:
    """The problem cut before each call that finds the cache cold."""
    starts = [n for n, call in enumerate(problem.calls) if n and not call.warm]
    bounds = [0, *starts, len(problem.calls)]
    return [replace(problem, calls=problem.calls[a:b]) for a, b in itertools.pairwise(bounds) if b > a]


def known(calls: Sequence[Call]) -> dict[int, int]:
    """Pages that may stand whole after these calls, with the least that each costs there."""
    least: dict[int, int] = {}
    for join in (join for call in calls for join in call.joins if join.whole):
        least[join.page] = min(join.tokens, least.get(join.page, join.tokens))
    return least
