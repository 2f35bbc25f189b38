"""The offline optimum: the least that a whole trace can cost, for somebody who knows all that will be asked.

The problem. Each call sends the fixed part and the frames, in order of arrival. What was said last, and what
is referenced, must stand in it; anything else may leave before any call, and nothing joins but at the end:
what is said, and a page that is referenced and does not stand. All fits the room. A token costs `read` if
it is served by the provider's prefix cache, else `write`: it is served if the cache is warm, it stood in the
prompt of the call before, and so did all before it, and nothing before it has left since. Where a digest
stands, a message that leaves changes it, and only the head before it is served.

The program. x[i,t] says that frame i stands at call t, c[i,t] that it is read from the cache, q[i,t] that
nothing up to frame i left before call t:

    minimise  sum of tokens[i] * (write * x[i,t] - (write - read) * c[i,t])
    x[i,t] <= x[i,t-1]       c[i,t] <= x[i,t]        c[i,t] <= q[i-1,t]
    q[i,t] <= q[i-1,t]       q[i,t] <= 1 - x[i,t-1] + x[i,t]
    1 <= sum of x[i,t] over the frames of a page referenced at t; x = 1 for what was said last at t
    sum of tokens[i] * x[i,t] <= room - fixed

With x in {0, 1} its minimum is the optimum: every schedule is a solution of equal cost, and from a solution
a schedule of at most its cost is read off. Relaxed to 0 <= x <= 1 (a linear program) it is a lower bound: the
same on most traces of some ten calls, several per cent below the optimum on longer ones.

The bound on a long trace adds up over sittings, which begin where the cache is cold. There every frame
that stands is written, whether or not it stood before; so what a schedule pays within a sitting, it would
also pay if it could begin the sitting with any pages said or referenced before, at their least cost. The
minimum over all such beginnings, with no price for the order in which they stand among themselves, is at
most that; and the sum of minima is at most the minimum of the sum. What is left out of the problem (the
message around a fault, the cache's step, pins, marks) can only add to what a policy pays.

A prompt below the cache's least size is not served and costs 1 for each token, even where `write` is more.
y[t] says that call t is so short: then c[.,t] = 0, and its tokens are below the minimum m. It pays d[t] less:

    d[t] <= (write - 1) * (m - 1) * y[t]      d[t] <= (write - 1) * (fixed + sum of tokens[i] * x[i,t])
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.optimize import milp
from scipy.sparse import csr_matrix

import vctx
from vctx.eval.policies.calls import Join, Problem, known, sittings


class _Copy(NamedTuple):
    """A frame that a page may have: from call `start` on, until it leaves."""

    join: Join
    start: int
    must: bool
    """It was said last, so it stands at its first call."""
    free: bool = False
    """It may stand from the beginning of a sitting, and its place in the prompt is not charged."""


@dataclass
class _Program:
    """A linear program under construction: columns with cost and upper bound, rows of `<=`."""

    cost: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    def column(self, cost: float = 0.0, low: float = 0.0, whole: int = 0) -> int:
        self.cost.append(cost)
        self.low.append(low)
        self.whole.append(whole)
        return len(self.cost) - 1

    def at_most(self, limit: float, *terms: tuple[int, float]) -> None:
        self.entries += [(len(self.limits), column, value) for column, value in terms]
        self.limits.append(limit)

    def unchanged(self, before: int | None, stays: tuple[tuple[int, float], ...]) -> int:
        """The column that says that a frame stays, and that all did that stand before it."""
        column = self.column()
        self.at_most(1.0, (column, 1.0), *stays)
        if before is not None:
            self.at_most(0.0, (column, 1.0), (before, -1.0))
        return column

    def solve(self, exact: bool, seconds: float | None) -> float:
        """The minimum; with `exact`, over whole numbers, or the best bound after so many seconds."""
        rows, columns, values = zip(*self.entries, strict=True)
        matrix = csr_matrix((values, (rows, columns)), shape=(len(self.limits), len(self.cost)))
        options = {"mip_rel_gap": 0.0, **({"time_limit": seconds} if seconds else {})}
        found = milp(
            self.cost,
            constraints=(matrix, -np.inf, self.limits),
            bounds=(self.low, 1.0),
            integrality=np.array(self.whole) if exact else None,
            options=options,
        )
        if found.status == 2:
            raise vctx.BudgetError("what one call must hold exceeds the room: the window is too small")
        bound = found.mip_dual_bound if exact and found.status == 1 else found.fun
        if bound is None:
            raise RuntimeError(f"the solver stopped: {found.message}")
        return float(bound)


def exact(problem: Problem) -> float:
    """The optimum, for traces of some tens of calls, in tokens at the price of a token sent the first time.

    Raises vctx.BudgetError where what a call must hold exceeds the room.
    """
    return _minimum(problem, {}, exact=True)


def bound(problem: Problem, *, seconds: float | None = None) -> float:
    """A lower bound of the optimum: the sum over sittings of what each costs at least.

    By linear programs; with `seconds`, by integer ones, each for at most so long, which is never lower.
    """
    return sum(part.least for part in bounds(problem, seconds=seconds))


class Sitting(NamedTuple):
    """Calls from `start` up to `stop`, and what they cost at least."""

    start: int
    stop: int
    least: float


def bounds(problem: Problem, most: int | None = None, *, seconds: float | None = None) -> list[Sitting]:
    """The bound sitting by sitting, of all of them or of `most`, spread evenly."""
    found: list[Sitting] = []
    parts = sittings(problem)
    chosen = {len(parts) * (2 * n + 1) // (2 * most) for n in range(most)} if most else range(len(parts))
    done = 0
    for number, part in enumerate(parts):
        stop = done + len(part.calls)
        if number in chosen:
            before = known(problem.calls[:done])
            least = _minimum(part, before, exact=False)
            if seconds:
                least = max(least, _minimum(part, before, exact=True, seconds=seconds))
            found.append(Sitting(done, stop, least))
        done = stop
    return found


def _minimum(
    problem: Problem,
    before: dict[int, int],
    *,
    exact: bool,
    seconds: float | None = None,
) -> float:
    program = _Program()
    copies = list(_copies(problem, before))
    stands = [
        {
            t: program.column(problem.write * copy.join.tokens, float(copy.must and t == copy.start), 1)
            for t in range(copy.start, len(problem.calls))
        }
        for copy in copies
    ]
    base = sum(problem.write * call.fixed for call in problem.calls)
    for t, call in enumerate(problem.calls):
        short = _short(problem, program, t)
        if t and call.warm:
            base -= _served(problem, program, copies, stands, t, short)
        _needed(problem, program, copies, stands, t, short)
    for here in stands:
        for t in list(here)[1:]:
            program.at_most(0.0, (here[t], 1.0), (here[t - 1], -1.0))
    return base + program.solve(exact, seconds)


def _copies(problem: Problem, before: dict[int, int]) -> Iterator[_Copy]:
    """All frames that a page may have, in order: at the beginning, when said, at each reference."""
    later = {page for call in problem.calls for page in call.referenced}
    for page in sorted(before.keys() & later):
        yield _Copy(Join(page, before[page], False), 0, False, free=True)
    for t, call in enumerate(problem.calls):
        yield from (_Copy(join, t, join is call.newest) for join in call.joins)


def _short(problem: Problem, program: _Program, t: int) -> int | None:
    """The column that says that call t is below the cache's least size, where that may be, and pays."""
    call = problem.calls[t]
    least: dict[int, int] = {}
    for join in call.joins:
        if not join.said or join is call.newest:
            least[join.page] = min(join.tokens, least.get(join.page, join.tokens))
    if problem.write <= 1 or call.fixed + sum(least.values()) >= problem.minimum:
        return None
    return program.column()


def _served(
    problem: Problem,
    program: _Program,
    copies: list[_Copy],
    stands: list[dict[int, int]],
    t: int,
    short: int | None,
) -> float:
    """The columns that say what the cache serves at call t; returns what it serves whatever leaves."""
    saved = problem.write - problem.read
    fixed = min(problem.calls[t - 1].fixed, problem.calls[t].fixed)
    always = problem.head if problem.digest else fixed
    digest = program.column(-saved * (fixed - problem.head)) if problem.digest else None
    before = digest
    if short is not None:  # then nothing is served: not the head, nor what stands behind it
        program.cost[short] += saved * always
        before = before if before is not None else program.column()
        program.at_most(1.0, (before, 1.0), (short, 1.0))
    first = before
    for copy, here in zip(copies, stands, strict=True):
        if copy.start > t:
            break
        if copy.start == t:
            if digest is not None and copy.join.said:  # it may leave before it is ever sent
                program.at_most(0.0, (digest, 1.0), (here[t], -1.0))
            continue
        stays = ((here[t - 1], 1.0), (here[t], -1.0))
        served = program.column(-saved * copy.join.tokens)
        program.at_most(0.0, (served, 1.0), (here[t], -1.0))
        if (reach := first if copy.free else before) is not None:
            program.at_most(0.0, (served, 1.0), (reach, -1.0))
        before = program.unchanged(before, stays)
        if digest is not None and copy.join.said:
            program.at_most(1.0, (digest, 1.0), *stays)
    return saved * always


def _needed(
    problem: Problem,
    program: _Program,
    copies: list[_Copy],
    stands: list[dict[int, int]],
    t: int,
    short: int | None,
) -> None:
    """The rows that say what must stand at call t, and that all fits."""
    call = problem.calls[t]
    there = [(copy.join, here[t]) for copy, here in zip(copies, stands, strict=True) if t in here]
    for page in call.referenced:
        program.at_most(-1.0, *((x, -1.0) for join, x in there if join.page == page and join.whole))
    weights = [(x, float(join.tokens)) for join, x in there]
    if short is not None:
        less = problem.minimum - 1
        saved = program.column(-(problem.write - 1) * less)
        program.at_most(0.0, (saved, 1.0), (short, -1.0))
        program.at_most(float(call.fixed), (saved, float(less)), *((x, -tokens) for x, tokens in weights))
        weights.append((short, float(problem.room - less)))
    program.at_most(float(problem.room - call.fixed), *weights)
