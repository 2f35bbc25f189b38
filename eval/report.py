"""Scores as a table or as JSON: means, 95 % intervals by conversation, the number of questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vctx.eval.intervals import bootstrap
from vctx.eval.locomo import CATEGORIES, Score


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a category, its questions, and (mean, low, high) at each budget."""

    name: str
    questions: int
    recall: dict[int, tuple[float, float, float]]


def rows(scores: Sequence[Score]) -> list[Row]:
    """By category, then categories 1 to 4 together (what is published), then all."""
    groups = [(name, [s for s in scores if s.category == c]) for c, name in CATEGORIES.items()]
    groups.append(("categories 1-4", [s for s in scores if s.category <= 4]))
    groups.append(("all", list(scores)))
    return [_row(name, group) for name, group in groups if group]


def table(rows: Sequence[Row]) -> str:
    """Evidence recall within token budgets, for the terminal."""
    budgets = list(rows[0].recall)
    head = f"{'evidence recall within':<22}{'n':>5}" + "".join(f"{b:>24,}" for b in budgets)
    lines = [
        f"{r.name:<22}{r.questions:>5}" + "".join(f"{_cell(r.recall[b]):>24}" for b in budgets) for r in rows
    ]
    return "\n".join([head, *lines])


def data(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The same as JSON."""
    return [
        {
            "name": row.name,
            "questions": row.questions,
            "evidence_recall": {
                str(budget): {"mean": round(mean, 4), "interval": [round(low, 4), round(high, 4)]}
                for budget, (mean, low, high) in row.recall.items()
            },
        }
        for row in rows
    ]


def _row(name: str, scores: Sequence[Score]) -> Row:
    return Row(name, len(scores), {budget: _mean(scores, budget) for budget in scores[0].recall})


def _mean(scores: Sequence[Score], budget: int) -> tuple[float, float, float]:
    clusters: dict[Any, list[float]] = {}
    for score in scores:
        clusters.setdefault(score.conversation, []).append(score.recall[budget])
    values = [score.recall[budget] for score in scores]
    return (sum(values) / len(values), *bootstrap(clusters))


def _cell(figures: tuple[float, float, float]) -> str:
    mean, low, high = figures
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"
