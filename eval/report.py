"""Scores as a table or as JSON: means, 95 % intervals, the number of questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vctx.eval.docqa import Found
from vctx.eval.intervals import bootstrap, wilson
from vctx.eval.nested_kv import Solved
from vctx.eval.talk import Score


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its name, its questions, and (mean, low, high) within each token budget."""

    name: str
    questions: int
    within: dict[int, tuple[float, float, float]]


def chats(scores: Sequence[Score], together: Sequence[str] = ()) -> list[Row]:
    """By category in order of their first question, then those named together, then all."""
    names = list(dict.fromkeys(score.category for score in scores))
    if together:
        names.sort(key=[*together, *(name for name in names if name not in together)].index)
    groups = [(name, [s for s in scores if s.category == name]) for name in names]
    if together:
        groups.append(("categories 1-4", [s for s in scores if s.category in together]))
    groups.append(("all", list(scores)))
    return [_row(name, group) for name, group in groups if group]


def nested_kv(solved: Sequence[Solved]) -> list[Row]:
    """By depth: the share of chains that are solved."""
    depths = sorted({s.depth for s in solved})
    return [_depth(depth, [s for s in solved if s.depth == depth]) for depth in depths]


def docqa(found: Sequence[Found]) -> list[Row]:
    """By category, the share of the evidence within each budget; then the mean reciprocal rank."""
    names = list(dict.fromkeys(f.category for f in found))
    groups = [(name, [f for f in found if f.category == name]) for name in names]
    return [row for name, group in groups for row in _docqa(name, group)]


def _docqa(name: str, group: Sequence[Found]) -> list[Row]:
    by_question = {b: {n: [f.recall[b]] for n, f in enumerate(group)} for b in group[0].recall}
    ranks = {n: [f.reciprocal] for n, f in enumerate(group)}
    mrr = (sum(f.reciprocal for f in group) / len(group), *bootstrap(ranks))
    means = {b: (sum(v[0] for v in c.values()) / len(group), *bootstrap(c)) for b, c in by_question.items()}
    return [Row(name, len(group), means), Row(f"{name}: MRR", len(group), dict.fromkeys(means, mrr))]


def table(title: str, rows: Sequence[Row]) -> str:
    """A line for each row, a column for each token budget, for the terminal."""
    budgets = list(rows[0].within)
    head = f"{title:<22}{'n':>5}" + "".join(f"{b:>24,}" for b in budgets)
    lines = [
        f"{r.name:<22}{r.questions:>5}" + "".join(f"{_cell(r.within[b]):>24}" for b in budgets) for r in rows
    ]
    return "\n".join([head, *lines])


def data(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The same as JSON."""
    return [
        {
            "name": row.name,
            "questions": row.questions,
            "within": {
                str(budget): {"mean": round(mean, 4), "interval": [round(low, 4), round(high, 4)]}
                for budget, (mean, low, high) in row.within.items()
            },
        }
        for row in rows
    ]


def _row(name: str, scores: Sequence[Score]) -> Row:
    return Row(name, len(scores), {budget: _mean(scores, budget) for budget in scores[0].recall})


def _depth(depth: int, solved: Sequence[Solved]) -> Row:
    counts = {b: sum(s.within[b] for s in solved) for b in solved[0].within}
    n = len(solved)
    return Row(f"depth {depth}", n, {b: (k / n, *wilson(k, n)) for b, k in counts.items()})


def _mean(scores: Sequence[Score], budget: int) -> tuple[float, float, float]:
    clusters: dict[Any, list[float]] = {}
    for score in scores:
        clusters.setdefault(score.conversation, []).append(score.recall[budget])
    values = [score.recall[budget] for score in scores]
    return (sum(values) / len(values), *bootstrap(clusters))


def _cell(figures: tuple[float, float, float]) -> str:
    mean, low, high = figures
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"
