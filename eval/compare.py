"""Two runs, or two systems of one, question by question: the difference of every score, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import vctx
from vctx.eval.log import Line, Run
from vctx.eval.summary import interval


@dataclass(frozen=True, slots=True)
class Difference:
    """A score of two systems on the same questions; clusters are resampled."""

    score: str
    questions: int
    before: float
    after: float
    mean: float
    low: float
    high: float
    won: int
    lost: int

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def compare(before: Run, after: Run, systems: tuple[str, str] = ("vctx", "vctx")) -> list[Difference]:
    """Of every score that both have, on the questions that both were asked.

    Raises vctx.InputError where there are none, or a run has no such system.
    """
    old, new = (_lines(run, system) for run, system in zip((before, after), systems, strict=True))
    shared = [(line, new[id]) for id, line in old.items() if id in new]
    if not shared:
        raise vctx.InputError("the two runs share no question: compare runs of one task on the same data")
    together = before.config.get("together") or ()
    counted = [(a, b) for a, b in shared if not together or a.category in together]
    names = dict.fromkeys(name for a, b in counted for name in a.scores if name in b.scores)
    return [_difference(name, counted) for name in names]


def _lines(run: Run, system: str) -> dict[str, Line]:
    found = {line.id: line for line in run.lines if line.system == system}
    if not found:
        names = ", ".join(dict.fromkeys(line.system for line in run.lines))
        raise vctx.InputError(f"the run has no system {system!r}; it has: {names}")
    return found


def _difference(name: str, pairs: Sequence[tuple[Line, Line]]) -> Difference:
    rows = [
        (a.cluster, a.scores[name], b.scores[name]) for a, b in pairs if name in a.scores and name in b.scores
    ]
    n = len(rows)
    low_high = interval([(cluster, new - old) for cluster, old, new in rows])
    before, after = sum(old for _, old, _ in rows) / n, sum(new for _, _, new in rows) / n
    won, lost = sum(new > old for _, old, new in rows), sum(new < old for _, old, new in rows)
    return Difference(name, n, before, after, after - before, *low_high, won, lost)


def table(found: Sequence[Difference]) -> str:
    """A line for each score; a star where the interval leaves out zero."""
    head = f"{'score':<16}{'n':>6}{'before':>10}{'after':>10}  {'difference':<28}{'won':>6}{'lost':>6}"
    return "\n".join([head, *map(_line, found)])


def _line(d: Difference) -> str:
    gain = f"{d.mean:+.3f} [{d.low:+.3f}, {d.high:+.3f}]{' *' if d.sure else ''}"
    return f"{d.score:<16}{d.questions:>6}{d.before:>10.3f}{d.after:>10.3f}  {gain:<28}{d.won:>6}{d.lost:>6}"
