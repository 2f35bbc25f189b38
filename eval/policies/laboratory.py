"""The experiment: every policy on every trace at every price, beside what needs no paging and the optimum.

trace -> runs of all policies -> costs -> paired with `priced`, chat by chat -> rows
"""

import json
import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vctx.eval.intervals import bootstrap
from vctx.eval.policies.beside import WINDOWS, beside
from vctx.eval.policies.calls import problem
from vctx.eval.policies.costs import Bill, billed, money
from vctx.eval.policies.hindsight import hindsight
from vctx.eval.policies.optimum import Sitting, bounds
from vctx.eval.policies.runs import Run
from vctx.eval.policies.simulate import simulate
from vctx.eval.policies.told import Told
from vctx.eval.policies.trace import Trace
from vctx.policies import POLICIES, named
from vctx.types import Prices

OURS = "priced"
Interval = tuple[float, float, float]
"""Mean, low and high, by bootstrap over the traces."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run at one provider's prices."""

    run: Run
    window: int
    prices: Prices
    bill: Bill
    least: float | None
    """The bound of the sittings for which there is one, in the prices' unit..."""
    there: float
    """...and what the run cost there."""
    hindsight: float | None = None
    """What the same sittings would have cost at least, from the windows that this run had before them."""
    seconds: float = 0.0
    """CPU time of the simulation."""


@dataclass(frozen=True, slots=True)
class Row:
    """A policy over all traces of one window, at one provider's prices."""

    window: int
    prices: str
    policy: str
    money: float
    served: float
    """Tokens a call that the cache served..."""
    anew: float
    """...and that it did not."""
    faults: float
    """Tokens a call that were paged in."""
    thrash: float
    """The share of the faults on pages that had left within the last calls."""
    evidence: float
    """The share of the pages that answer a question that stood in the window then; NaN if none was asked."""
    gap: float | None
    """The cost above the bound, as a share of it; None without a bound."""
    hindsight: float | None
    """The cost above what hindsight would have paid from the same windows, as a share of it; ours only."""
    dearer: Interval
    """The cost above that of `priced`, as a share of it, chat by chat."""
    more: Interval
    """The evidence above that of `priced`, question by question."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What `most` sittings of a trace cost at least, spread evenly; all of them where it is None."""

    most: int | None
    folder: Path | None = None
    """Where bounds of the optimum are kept: they depend on the trace alone."""

    def optimum(self, trace: Trace, prices: Prices) -> Sequence[Sitting]:
        """Whatever stood before."""
        name = f"{trace.name}-{trace.setting.budget.window}-{prices.name}-{self.most or 'all'}.bound.json"
        file = self.folder / name if self.folder else None
        if file and file.exists():
            return [Sitting(*row) for row in json.loads(file.read_text("utf-8"))]
        found = bounds(problem(trace, prices), self.most)
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(found) + "\n", "utf-8")
        return found

    def hindsight(self, trace: Trace, prices: Prices) -> Sequence[Sitting]:
        """From what stood under our policy."""
        return hindsight(trace, named(OURS), prices, self.most)


def results(trace: Trace, prices: Prices, least: Bounds | None) -> Iterator[Result]:
    """Every policy, and every way to do without one."""
    sittings = least.optimum(trace, prices) if least else ()
    below = _total(sittings, prices)
    known = _total(least.hindsight(trace, prices), prices) if least else None
    runs: dict[str, Callable[[], Run]] = {name: partial(_policy, trace, name, prices) for name in POLICIES}
    runs[Told.name] = lambda: simulate(trace, Told(trace), prices)
    runs |= {name: partial(beside, trace, name) for name in WINDOWS}
    for name, run in runs.items():
        began = time.process_time()
        found = run()
        spent = time.process_time() - began
        bill = billed(found, prices)
        here = sum(billed(found, prices, part.start, part.stop).money for part in sittings)
        window = trace.setting.budget.window
        yield Result(found, window, prices, bill, below, here, known if name == OURS else None, spent)


def _total(sittings: Sequence[Sitting], prices: Prices) -> float | None:
    return money(sum(part.least for part in sittings), prices) if sittings else None


def _policy(trace: Trace, name: str, prices: Prices) -> Run:
    return simulate(trace, named(name), prices)


def rows(found: Sequence[Result]) -> list[Row]:
    """A row for each window, prices and policy, in order of what they cost."""
    groups: dict[tuple[int, str], dict[str, list[Result]]] = {}
    for one in found:
        here = groups.setdefault((one.window, one.prices.name), {})
        here.setdefault(one.run.policy, []).append(one)
    made = [
        _row(window, prices, name, mine, here[OURS])
        for (window, prices), here in groups.items()
        for name, mine in here.items()
    ]
    return sorted(made, key=lambda row: (-row.window, row.prices, row.money))


def _row(window: int, prices: str, name: str, mine: Sequence[Result], ours: Sequence[Result]) -> Row:
    calls = sum(len(one.run.prompts) for one in mine)
    faults = sum(one.run.faults for one in mine)
    shares = [found.share for one in mine for found in one.run.found]
    return Row(
        window,
        prices,
        name,
        sum(one.bill.money for one in mine),
        sum(one.bill.served for one in mine) / calls,
        sum(one.bill.anew for one in mine) / calls,
        sum(one.run.fault_tokens for one in mine) / calls,
        sum(one.run.thrashed for one in mine) / max(faults, 1),
        sum(shares) / len(shares) if shares else math.nan,
        _above(mine, [one.least for one in mine]),
        _above(mine, [one.hindsight for one in mine]),
        _dearer(mine, ours),
        _more(mine, ours),
    )


def _above(mine: Sequence[Result], least: Sequence[float | None]) -> float | None:
    known = [(one.there, below) for one, below in zip(mine, least, strict=True) if below is not None]
    return sum(there for there, _ in known) / sum(below for _, below in known) - 1 if known else None


def _dearer(mine: Sequence[Result], ours: Sequence[Result]) -> Interval:
    pairs = zip(mine, ours, strict=True)
    return _interval({a.run.trace: [a.bill.money / b.bill.money - 1] for a, b in pairs})


def _more(mine: Sequence[Result], ours: Sequence[Result]) -> Interval:
    differences = {
        a.run.trace: [x.share - y.share for x, y in zip(a.run.found, b.run.found, strict=True)]
        for a, b in zip(mine, ours, strict=True)
    }
    return _interval({name: values for name, values in differences.items() if values})


def _interval(clusters: Mapping[Hashable, Sequence[float]]) -> Interval:
    values = [value for cluster in clusters.values() for value in cluster]
    if not values:
        return 0.0, 0.0, 0.0
    return sum(values) / len(values), *bootstrap(clusters)


def speed(found: Sequence[Result]) -> Mapping[str, float]:
    """References that each policy's simulation takes a second of CPU time."""
    spent: dict[str, list[float]] = {}
    for one in found:
        if one.run.policy in POLICIES:
            total = spent.setdefault(one.run.policy, [0.0, 0.0])
            total[0] += one.run.references
            total[1] += one.seconds
    return {name: references / max(seconds, 1e-9) for name, (references, seconds) in spent.items()}


def data(found: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as JSON."""
    return [
        {
            name: [round(x, 4) for x in value] if isinstance(value, tuple) else _plain(value)
            for name in Row.__dataclass_fields__
            for value in (getattr(row, name),)
        }
        for row in found
    ]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def table(found: Sequence[Row], unit: str = "$") -> str:
    """The rows for the terminal, a block for each window and provider."""
    lines: list[str] = []
    block: tuple[int, str] | None = None
    for row in found:
        if block != (block := (row.window, row.prices)):
            lines += ["", f"window {row.window:,}, {row.prices}", _HEAD]
        gap, known = ("" if share is None else f"{share:+.0%}" for share in (row.gap, row.hindsight))
        dearer = "" if row.policy == OURS else _cell(row.dearer)
        asked = not math.isnan(row.evidence)
        more = "" if row.policy == OURS or not asked else _cell(row.more)
        evidence = f"{row.evidence:.3f}" if asked else ""
        lines.append(
            f"{row.policy:<15}{unit}{row.money:>8.3f}{row.served:>8,.0f}{row.anew:>8,.0f}{row.faults:>8,.0f}"
            f"{row.thrash:>8.0%}{gap:>8}{known:>10}{dearer:>27}{evidence:>10}{more:>24}".rstrip()
        )
    return "\n".join(lines[1:])


_HEAD = (
    f"{'':<15}{'cost':>9}{'cached':>8}{'not':>8}{'faults':>8}{'thrash':>8}{'bound':>8}{'hindsight':>10}"
    f"{'than priced':>27}{'evidence':>10}{'than priced':>24}"
)


def _cell(figures: Interval) -> str:
    mean, low, high = figures
    return f"{mean:+.1%} [{low:+.1%}, {high:+.1%}]"
