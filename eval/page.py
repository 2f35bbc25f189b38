"""A run as one page of HTML that opens from disk: no script, nothing loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vctx.eval import plots
from vctx.eval.log import Line, Run
from vctx.eval.metrics import ndcg
from vctx.eval.report import ANSWERED, main, summary
from vctx.eval.summary import Figure, Row, figure
from vctx.eval.systems import plain

TEXT = Path(__file__).with_name("text")
BOUND = ("oracle", "full")
"""Systems that no curve is drawn of: what they place is known beforehand."""
SPENT = ("prompt", "fresh", "cached", "written", "calls", "faults")


def page(run: Run) -> str:
    """The page's text."""
    found = summary(run)
    *groups, overall = dict.fromkeys(row.group for row in found)
    whole = [row for row in found if row.group == overall]
    loader = Environment(loader=FileSystemLoader(TEXT), autoescape=True, undefined=StrictUndefined)
    return loader.get_template("report.html").render(
        run=run,
        config=run.config,
        overall=overall,
        rows=whole,
        shown=_columns(run, whole),
        others=_others(run, whole),
        best=_best(whole),
        answers=[name for name in (*ANSWERED, *SPENT) if any(name in row.figures for row in whole)],
        curves=_curves(run, whole),
        dots=_dots(run, found, groups) if len(groups) > 1 else "",
        maps=maps(run),
        main=main(run),
        costs=_costs(run),
        shelved=_shelved(run),
        needs=next((row.figures["needs"].mean for row in whole if "needs" in row.figures), 0.0),
        style=styles([row.system for row in whole]),
        cut=ndcg.CUT,
    )


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plot by itself, as a notebook shows it."""

    svg: str

    def _repr_html_(self) -> str:
        return f"<style>{(TEXT / 'plots.css').read_text('utf-8')}</style>{self.svg}"


def drawing(run: Run) -> Drawing:
    """The run's curves over budgets."""
    *_, overall = found = summary(run)
    return Drawing(_curves(run, [row for row in found if row.group == overall.group]))


def write(run: Run, file: Path) -> None:
    """Writes the page."""
    file.write_text(page(run), "utf-8")


def styles(systems: Sequence[str]) -> dict[str, str]:
    """The class of each system's marks: vctx first, other layers by colour, baselines in their own."""
    ours = [name for name in dict.fromkeys(systems) if name.startswith("vctx")]
    others = [name for name in dict.fromkeys(systems) if name not in ours and name not in plain.NAMES]
    found = {name: f"ours o{min(n, 2)}" for n, name in enumerate(ours)}
    found |= {name: f"other s{n % 6}" for n, name in enumerate(others)}
    return found | {name: f"plain p{n}" for n, name in enumerate(plain.NAMES)}


def _columns(run: Run, found: Sequence[Row]) -> list[str]:
    names = dict.fromkeys(name for row in found for name in row.figures)
    budgets = {int(name.split("@")[1]) for name in names if name.startswith("recall@")}
    placed = [f"{run.config['figure']}@{budget}" for budget in sorted(budgets)]
    return [*placed, *(name for name in ("mrr", f"ndcg@{ndcg.CUT}") if name in names)]


def _others(run: Run, found: Sequence[Row]) -> list[str]:
    """The figures of the other kind: of every piece where the task's is of each, or the reverse."""
    kind = "all" if run.config["figure"] == "recall" else "recall"
    return [
        f"{kind}@{name.split('@')[1]}"
        for name in _columns(run, found)
        if name.startswith(run.config["figure"])
    ]


def _best(found: Sequence[Row]) -> dict[str, float]:
    """The highest mean of each figure, the bounds left out."""
    rows = [row for row in found if row.system not in BOUND]
    names = dict.fromkeys(name for row in rows for name in row.figures)
    return {name: max(row.figures[name].mean for row in rows if name in row.figures) for name in names}


def _curves(run: Run, found: Sequence[Row]) -> str:
    kind, style = run.config["figure"], styles([row.system for row in found])
    series = [
        plots.Series(
            row.system,
            style[row.system],
            {int(name.split("@")[1]): f for name, f in row.figures.items() if name.startswith(f"{kind}@")},
        )
        for row in found
        if row.system not in BOUND
    ]
    return plots.curves(series, TITLES[kind])


TITLES = {"recall": "share of the evidence placed", "all": "questions with all evidence placed"}


def _dots(run: Run, found: Sequence[Row], groups: Sequence[str]) -> str:
    name, style = main(run), styles([row.system for row in found])
    rows: dict[str, list[tuple[str, str, Figure]]] = {}
    for row in found:
        if row.group in groups and name in row.figures and row.system not in (*BOUND, "random", "last"):
            label = f"{row.group} ({row.questions})"
            rows.setdefault(label, []).append((row.system, style[row.system], row.figures[name]))
    kind, budget = name.split("@")
    return plots.dots(rows, f"{TITLES[kind]} within {int(budget):,} tokens")


def maps(run: Run) -> list[str]:
    """A map for each system, of a task that has axes."""
    axes = tuple(run.config["axes"])
    if len(axes) != 2:
        return []
    found = []
    for system in dict.fromkeys(line.system for line in run.lines):
        cells: dict[tuple[float, float], list[Line]] = {}
        for line in run.lines:
            if line.system == system and main(run) in line.scores:
                cells.setdefault((line.axes[axes[0]], line.axes[axes[1]]), []).append(line)
        if cells:
            figures = {
                c: figure([(n.cluster, n.scores[main(run)]) for n in some]) for c, some in cells.items()
            }
            found.append(plots.heat(system, figures, (axes[0], axes[1])))
    return found


def _costs(run: Run) -> dict[str, dict[str, float]]:
    """Median seconds and bytes of each system, by part."""
    seconds: dict[str, dict[str, list[float]]] = {}
    for cost in run.costs:
        for part in ("find", "answer"):
            if part in cost:
                seconds.setdefault(cost["system"], {}).setdefault(part, []).append(cost[part])
        if cost.get("part") == "open":
            parts = seconds.setdefault(cost["system"], {})
            parts.setdefault("open", []).append(cost["seconds"])
            parts.setdefault("bytes", []).append(cost.get("bytes", 0))
    return {system: {part: median(some) for part, some in parts.items()} for system, parts in seconds.items()}


def _shelved(run: Run) -> Mapping[str, Any]:
    """What it took to put the cases on disk."""
    rows = [cost for cost in run.costs if cost.get("part") == "shelve"]
    return {
        "cases": len(rows),
        "seconds": sum(row["seconds"] for row in rows),
        "bytes": sum(row["bytes"] for row in rows),
    }
