"""The offline optimum: the least that a whole trace can cost, for somebody who knows all that will be asked.

The problem. Each call sends the fixed part and the frames, in order of arrival. What was said last, and what
is referenced, must stand in it; anything else may leave before any call, and nothing joins but at the end:
what is said, and a page that is referenced and does not stand. All fits the room. A token costs `read` if
it is served by the provider's prefix cache, else `write`: it is served if the cache is warm, it stood in the
prompt of the call before, and so did all before it, and nothing before it has left since. Where a digest
stands, a message that leaves changes it, and only the head before it is served.

`schedules` has the program that says what every schedule costs.

The bound on a long trace adds up over sittings, which begin where the cache is cold. There every frame
that stands is written, whether or not it stood before; so what a schedule pays within a sitting, it would
also pay if it could begin the sitting with any pages said or referenced before, at their least cost. The
minimum over all such beginnings, with no price for the order in which they stand among themselves, is at
most that; and the sum of minima is at most the minimum of the sum. What is left out of the problem (the
message around a fault, the cache's step, pins, marks) can only add to what a policy pays.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from vctx.eval.policies.calls import Join, Problem, known, sittings
from vctx.eval.policies.schedules import Schedules

LONG = 20
"""Calls of a sitting that is solved with arcs of any reach, within some seconds to half a minute."""
REACH = 2
"""Calls that an arc spans in longer ones."""


def exact(problem: Problem) -> float:
    """The optimum, for traces of some ten calls, in tokens at the price of a token sent the first time.

    Raises vctx.BudgetError where what a call must hold exceeds the room.
    """
    return Schedules(problem).least(exact=True)


def bound(problem: Problem) -> float:
    """A lower bound of the optimum: the sum over sittings of what each costs at least."""
    return sum(part.least for part in bounds(problem))


class Sitting(NamedTuple):
    """Calls from `start` up to `stop`, and what they cost at least."""

    start: int
    stop: int
    least: float


def bounds(problem: Problem, most: int | None = None) -> list[Sitting]:
    """The bound sitting by sitting: of all of them, or of `most` that are not long, spread evenly."""
    found: list[Sitting] = []
    for start, part in sampled(problem, most):
        before = [Join(page, tokens, False) for page, tokens in known(problem.calls[:start]).items()]
        found.append(Sitting(start, start + len(part.calls), least(part, before)))
    return found


def sampled(problem: Problem, most: int | None) -> list[tuple[int, Problem]]:
    """Sittings, each with its first call: all, or `most` of those of up to `LONG` calls, spread evenly."""
    parts = sittings(problem)
    starts = itertools.accumulate((len(part.calls) for part in parts), initial=0)
    placed = list(zip(starts, parts, strict=False))
    if most is None:
        return placed
    short = [part for part in placed if len(part[1].calls) <= LONG] or placed
    chosen = {len(short) * (2 * n + 1) // (2 * most) for n in range(most)}
    return [short[n] for n in sorted(chosen)]


def least(sitting: Problem, before: Sequence[Join] = ()) -> float:
    """A lower bound of what one sitting costs that may begin with any of the frames `before`."""
    reach = len(sitting.calls) if len(sitting.calls) <= LONG else REACH
    return Schedules(sitting, before, reach).least(exact=False)
