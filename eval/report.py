"""A run as a table for the terminal, or as JSON: means, 95 % intervals, the number of questions."""

from collections.abc import Sequence
from typing import Any

from vctx.eval.log import Run
from vctx.eval.missed import missed
from vctx.eval.summary import Figure, Row, rows
from vctx.eval.systems.plain import UNSEEING

ANSWERED = ("f1", "exact", "contains", "judged")
"""Figures of answers, in this order."""


def summary(run: Run) -> list[Row]:
    """Its rows, by the categories that its task sums up together."""
    return rows(run.lines, run.config.get("together", ()), run.config.get("overall", "all"))


def columns(run: Run, found: Sequence[Row]) -> list[str]:
    """The figures that are shown: the task's own by budget, MRR, those of answers."""
    names = dict.fromkeys(name for row in found for name in row.figures)
    own = [name for name in names if name.startswith(f"{run.config['figure']}@")]
    own.sort(key=lambda name: int(name.split("@")[1]))
    return [*own, *(name for name in ("mrr", *ANSWERED, "faults") if name in names)]


def main(run: Run) -> str:
    """The figure by which categories are compared: within the second budget, where there are several."""
    budgets = run.config["budgets"]
    return f"{run.config['figure']}@{budgets[min(1, len(budgets) - 1)]}"


def table(run: Run) -> str:
    """The overall figures with their intervals, a line for each system; then its categories side by side."""
    found = summary(run)
    *others, overall = dict.fromkeys(row.group for row in found)
    blocks = [_block(overall, [row for row in found if row.group == overall], columns(run, found))]
    if len(others) > 1:
        blocks.append(_categories(found, others, main(run)))
    needs = [row.figures["needs"].mean for row in found if row.group == overall and "needs" in row.figures]
    blocks += [f"full: the whole history takes {mean:,.0f} tokens on average" for mean in needs]
    blocks += [block] if (block := _missed(run)) else []
    return "\n\n".join(blocks)


def _block(group: str, found: Sequence[Row], shown: Sequence[str]) -> str:
    wide = _wide(found)
    head = f"{group[: wide - 1]:<{wide}}{'n':>6}" + "".join(f"{_title(name):>24}" for name in shown)
    lines = [
        f"{row.system:<{wide}}{row.questions:>6}"
        + "".join(f"{_cell(row.figures.get(name), row.questions):>24}" for name in shown)
        for row in found
    ]
    return "\n".join([head, *lines])


def _categories(found: Sequence[Row], groups: Sequence[str], name: str) -> str:
    wide, cells = _wide(found), {(row.system, row.group): row for row in found}
    counts = {row.group: row.questions for row in found}
    head = f"{_title(name):<{wide}}" + "".join(f"{f'{group} ({counts[group]})':>20}" for group in groups)
    lines = [head]
    for system in dict.fromkeys(row.system for row in found):
        figures = [cells[system, group].figures.get(name) for group in groups if (system, group) in cells]
        if any(figures):
            lines.append(
                f"{system:<{wide}}" + "".join(f"{f.mean if f else float('nan'):>20.3f}" for f in figures)
            )
    return "\n".join(lines)


def _missed(run: Run) -> str:
    """What dense misses, and the share of it that others find."""
    found = missed(run.lines, run.config.get("together", ()), run.config["budgets"])
    found = [one for one in found if one.system not in UNSEEING]
    budgets = list(dict.fromkeys(one.budget for one in found))
    cells = {(one.system, one.budget): one for one in found}
    systems = list(dict.fromkeys(one.system for one in found))
    wide = max([28, *map(len, systems)]) + 1
    head = f"{'missed by dense, and found':<{wide}}" + "".join(f"{f'@{b:,}':>24}" for b in budgets)
    rows = [
        f"{system:<{wide}}"
        + "".join(
            f"{f'{one.found / one.missed:.3f} ({one.found} of {one.missed})' if one else '-':>24}"
            for one in (cells.get((system, b)) for b in budgets)
        )
        for system in systems
    ]
    return "\n".join([head, *rows]) if rows else ""


def _wide(found: Sequence[Row]) -> int:
    return max(15, *(len(row.system) for row in found)) + 1


def _title(name: str) -> str:
    kind, _, budget = name.partition("@")
    return f"{kind} @{int(budget):,}" if budget else name


def _cell(figure: Figure | None, questions: int) -> str:
    if figure is None:
        return "-"
    few = "" if figure.questions == questions else f" n={figure.questions}"
    return f"{figure.mean:.3f} [{figure.low:.3f}, {figure.high:.3f}]{few}"


def data(run: Run) -> dict[str, Any]:
    """The configuration, and every figure of every row."""
    return {
        "config": dict(run.config),
        "missed": [
            one._asdict() for one in missed(run.lines, run.config.get("together", ()), run.config["budgets"])
        ],
        "rows": [
            {
                "system": row.system,
                "group": row.group,
                "questions": row.questions,
                "figures": {
                    name: {
                        "mean": round(f.mean, 4),
                        "interval": [round(f.low, 4), round(f.high, 4)],
                        "questions": f.questions,
                    }
                    for name, f in row.figures.items()
                },
            }
            for row in summary(run)
        ],
    }
