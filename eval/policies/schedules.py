"""All schedules of a problem, as a program: who stands in the prompt of which call, and what that costs.

The place of frame i in the prompt is *cut* at call t where it, or something before it, leaves:
n[i,t]. Then all behind it is cut, too. A place goes a path through the calls from cut to cut: y[i,a,b] says
that it is cut at a, and next at b; w[i,a,b] that the frame stands there all that time. So

    minimise  sum of tokens[i] * (write + read * (b - a - 1)) * w[i,a,b]
    n[i,t] <= n[i+1,t]        n[i,t] = sum over a of y[i,a,t] = sum over b of y[i,t,b]
    w[i,a,b] <= y[i,a,b]      sum over b of w[i,t,b] <= sum over a of w[i,a,t]
    1 <= sum of w[i,a,b] over the frames of a page referenced at t, a <= t < b; and of what was said last
    sum of tokens[i] * w[i,a,b], a <= t < b, <= room - fixed, for each t

A message stays where the digest is not cut. With n in {0, 1} the minimum is the optimum. Relaxed to
0 <= n <= 1 (a linear program) it is a lower bound, near the optimum, for a mixture of schedules costs what
they cost on average. A path may also stop over where nothing is cut: with arcs of at most `reach` calls the
program is smaller, and the bound a little lower.

A prompt below the cache's least size is neither kept nor served, and its tokens cost 1. Where a call is sure
to be so short, that is what they cost; where it may be, a token written costs at most 1, and the rest is as
ever: then the minimum is a lower bound, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from vctx.eval.policies.calls import Call, Join, Problem
from vctx.eval.policies.program import Program, minus

Cuts = Mapping[int, int]
"""The column that says whether a place is cut, by call."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame that may join at call `start`."""

    join: Join
    start: int
    must: bool
    """It was said last, so it stands at its first call."""
    stuck: bool
    """It was said, and stays unless the digest changes."""
    last: int
    """The last call that refers to its page; -1 if none does."""


class _Stop(NamedTuple):
    """A call on a path, and whether the place is cut there."""

    call: int
    cut: bool


class _Ends:
    """The columns of the arcs that begin, or end, at each stop: of the place, and of the frame."""

    def __init__(self) -> None:
        self.place: dict[_Stop, list[tuple[int, float]]] = {}
        self.frame: dict[_Stop, list[tuple[int, float]]] = {}

    def add(self, stop: _Stop, place: int, frame: int) -> None:
        self.place.setdefault(stop, []).append((place, 1.0))
        self.frame.setdefault(stop, []).append((frame, 1.0))


class Schedules:
    """The program of one problem: its columns and rows, frame by frame in the order of the prompt."""

    def __init__(self, problem: Problem, before: Sequence[Join] = (), reach: int | None = None) -> None:
        self._problem = problem
        self._calls = problem.calls
        self._count = len(problem.calls)
        self._reach = reach or self._count
        self._program = Program()
        self._cold = {t for t, call in enumerate(self._calls) if not t or not call.warm}
        self._read, self._write = _prices(problem, before)
        self._asked: dict[int, list[int]] = {}
        for t, call in enumerate(self._calls):
            for page in call.referenced:
                self._asked.setdefault(page, []).append(t)
        self._stands: list[list[tuple[int, float]]] = [[] for _ in self._calls]
        self._answers: dict[tuple[int, int], list[tuple[int, float]]] = {}
        self._digest = self._digests() if problem.digest else {}
        self._places(before)
        self._needs()

    def least(self, *, exact: bool) -> float:
        fixed = 0.0
        for t, call in enumerate(self._calls):
            kept = min(call.fixed, self._calls[t - 1].fixed) if t not in self._cold else 0
            fixed += self._read[t] * kept + self._write[t] * (call.fixed - kept)
        return fixed + self._program.solve(exact=exact)

    def _digests(self) -> dict[int, int]:
        """At each warm call, whether the digest changes; then all behind the head is written."""
        found: dict[int, int] = {}
        for t in range(self._count):
            if t not in self._cold:
                kept = min(self._calls[t].fixed, self._calls[t - 1].fixed) - self._problem.head
                found[t] = self._program.column((self._write[t] - self._read[t]) * kept, whole=True)
        return found

    def _places(self, before: Sequence[Join]) -> None:
        """All places in order, each cut where the one before it is."""
        cuts: Cuts = self._digest
        first: Cuts | None = None
        for frame in self._frames():
            cuts = self._cuts(frame, cuts)
            first = first or cuts
            if frame.last <= frame.start and not frame.stuck:
                self._once(frame, cuts)
            else:
                self._path(frame, cuts)
        for join in before:
            if self._last(join, 0) >= 0:
                self._early(join, first or {})

    def _frames(self) -> Iterator[_Frame]:
        """What may join, in order, but for what nobody will need."""
        for t, call in enumerate(self._calls):
            for join in call.joins:
                last = self._last(join, t)
                stuck = join.said and self._problem.digest
                if join is call.newest or stuck or last >= t:
                    yield _Frame(join, t, join is call.newest, stuck, last)

    def _last(self, join: Join, start: int) -> int:
        return max((t for t in self._asked.get(join.page, ()) if t >= start and join.whole), default=-1)

    def _cuts(self, frame: _Frame, before: Cuts) -> Cuts:
        cuts = {
            t: self._program.column(whole=True)
            for t in range(frame.start + 1, self._count)
            if t not in self._cold
        }
        for t in cuts.keys() & before.keys():
            self._program.at_most(0.0, (before[t], 1.0), (cuts[t], -1.0))
        return cuts

    def _cost(self, a: int, b: int, *, cut: bool) -> float:
        """What a token costs that stands from call a up to b, where it is written at a if that is a cut."""
        return (self._write[a] if cut else self._read[a]) + sum(self._read[a + 1 : b])

    def _stay(self, join: Join, a: int, b: int, *, cut: bool = True) -> int:
        """The column that says that a frame stands from call a up to b."""
        column = self._program.column(join.tokens * self._cost(a, b, cut=cut))
        for t in range(a, b):
            self._stands[t].append((column, float(join.tokens)))
        for t in self._asked.get(join.page, ()) if join.whole else ():
            if a <= t < b:
                self._answers.setdefault((join.page, t), []).append((column, -1.0))
        return column

    def _end(self, start: int) -> int:
        """The cold call after `start`, or the end."""
        return min((t for t in self._cold if t > start), default=self._count)

    def _once(self, frame: _Frame, cuts: Cuts) -> None:
        """A frame that is not needed again: it leaves at some cut, or when the cache is cold."""
        stays: list[tuple[int, float]] = []
        for b in range(frame.start + 1, self._end(frame.start) + 1):
            stays.append((self._stay(frame.join, frame.start, b), 1.0))
            if b in cuts:
                self._program.at_most(0.0, stays[-1], (cuts[b], -1.0))
        self._program.row(float(frame.must), 1.0, *stays)

    def _early(self, join: Join, cuts: Cuts) -> None:
        """A frame that may stand from the beginning; its place among its like is not charged."""
        stays: list[tuple[int, float]] = []
        for b in range(1, self._count + 1):
            stays.append((self._stay(join, 0, b), 1.0))
            for needed in (cuts, self._digest) if join.said else (cuts,):
                if b in needed:
                    self._program.at_most(0.0, stays[-1], (needed[b], -1.0))
        self._program.at_most(1.0, *stays)

    def _path(self, frame: _Frame, cuts: Cuts) -> None:
        """A frame that is needed again: its place's path, and the parts of it where the frame stands."""
        into, out = _Ends(), _Ends()
        for a, b in self._arcs(frame):
            y = self._program.column()
            w = self._stay(frame.join, a.call, b.call, cut=a.cut)
            self._program.at_most(0.0, (w, 1.0), (y, -1.0))
            out.add(a, y, w)
            into.add(b, y, w)
        begin = _Stop(frame.start, True)
        self._program.row(1.0, 1.0, *out.place[begin])
        if frame.must:
            self._program.row(1.0, 1.0, *out.frame[begin])
        elif frame.stuck and frame.start in self._digest:  # or it leaves before it is ever sent
            self._program.at_most(-1.0, *minus(out.frame[begin]), (self._digest[frame.start], -1.0))
        for stop in into.place:
            if stop.call < self._count:
                self._through(frame, stop, cuts, into, out)

    def _through(self, frame: _Frame, stop: _Stop, cuts: Cuts, into: _Ends, out: _Ends) -> None:
        """A stop on a path: the path goes on, and the frame only if it stood."""
        on = out.place.get(stop, [])
        if on:
            self._program.row(0.0, 0.0, *into.place[stop], *minus(on))
        if stop.cut and stop.call in cuts:
            # Where the path is not followed further, as the frame is not needed, it need not be cut, either.
            self._program.row(0.0 if on else -inf, 0.0, *into.place[stop], (cuts[stop.call], -1.0))
        stood, stays = into.frame[stop], out.frame.get(stop, [])
        if stays:
            self._program.at_most(0.0, *stays, *minus(stood))
        if not stop.cut:
            self._program.at_most(0.0, *stood, *minus(stays))
        elif frame.stuck and stop.call in self._digest:
            self._program.at_most(0.0, *stood, *minus(stays), (self._digest[stop.call], -1.0))

    def _arcs(self, frame: _Frame) -> Iterator[tuple[_Stop, _Stop]]:
        """From cut to cut, and over stops without one, until the first cut once nobody needs the frame."""
        over: set[int] = set()
        for a in range(frame.start, self._count):
            end = self._end(a)
            needed = frame.stuck or a <= frame.last
            for b in range(a + 1, min(a + self._reach, end) + 1) if needed else ():
                yield _Stop(a, True), _Stop(b, True)
            if a in over:
                yield _Stop(a, False), _Stop(a + 1, True)
            for cut, b in ((True, a + self._reach), (False, a + 1)):
                if b < end and (needed if cut else a in over):
                    over.add(b)
                    yield _Stop(a, cut), _Stop(b, False)

    def _needs(self) -> None:
        """What must stand, and that all fits."""
        for answers in self._answers.values():
            self._program.at_most(-1.0, *answers)
        for t, call in enumerate(self._calls):
            self._program.at_most(float(self._problem.room - call.fixed), *self._stands[t])


def _prices(problem: Problem, before: Sequence[Join]) -> tuple[list[float], list[float]]:
    """At each call, what a token costs at least that the cache serves, and one that it does not."""
    read: list[float] = []
    write: list[float] = []
    most = {join.page: join.tokens for join in before}
    short = False
    for call in problem.calls:
        for join in call.joins:
            most[join.page] = max(join.tokens, most.get(join.page, 0))
        was, short = short, call.fixed + sum(most.values()) < problem.minimum
        write.append(
            1.0 if short else min(1.0, problem.write) if _may_be_short(problem, call) else problem.write
        )
        read.append(write[-1] if short or was else problem.read)
    return read, write


def _may_be_short(problem: Problem, call: Call) -> bool:
    """Whether a prompt of this call may be below the cache's least size."""
    least: dict[int, int] = {}
    for join in call.joins:
        if not join.said or join is call.newest:
            least[join.page] = min(join.tokens, least.get(join.page, join.tokens))
    return call.fixed + sum(least.values()) < problem.minimum
