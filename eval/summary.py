"""Lines summed up: the mean of every score with its 95 % interval, by system and category. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vctx.eval.intervals import bootstrap, wilson
from vctx.eval.log import Line

FEW = 5
"""Clusters below which an interval over them would have a handful of values."""


class Figure(NamedTuple):
    """A mean, its interval, and the number of questions that it is of."""

    mean: float
    low: float
    high: float
    questions: int


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one system for one group of questions."""

    system: str
    group: str
    questions: int
    figures: Mapping[str, Figure]


def rows(lines: Sequence[Line], together: Sequence[str] = (), overall: str = "all") -> list[Row]:
    """For each system: by category in the order of `together`, then the overall figure.

    Questions without a category of their own are called as all are: they stand in the overall figure only.
    """
    systems = dict.fromkeys(line.system for line in lines)
    return [row for system in systems for row in _system(system, lines, together, overall)]


def _system(system: str, lines: Sequence[Line], together: Sequence[str], overall: str) -> list[Row]:
    own = [line for line in lines if line.system == system]
    names = list(dict.fromkeys(line.category for line in own))
    names.sort(key=[*together, *(name for name in names if name not in together)].index)
    groups = [(name, [line for line in own if line.category == name]) for name in names if name != overall]
    groups.append((overall, [line for line in own if not together or line.category in together]))
    return [Row(system, name, len(group), figures(group)) for name, group in groups if group]


def figures(lines: Sequence[Line]) -> dict[str, Figure]:
    """Every score that some of the lines have, of those that have it."""
    names = dict.fromkeys(name for line in lines for name in line.scores)
    return {name: figure([(n.cluster, n.scores[name]) for n in lines if name in n.scores]) for name in names}


def figure(values: Sequence[tuple[str, float]]) -> Figure:
    """(cluster, value) of each question: Wilson's interval for yes and no of independent questions, else by
    bootstrap."""
    n, total = len(values), sum(value for _, value in values)
    if len({cluster for cluster, _ in values}) == n and all(value in (0, 1) for _, value in values):
        return Figure(total / n, *wilson(round(total), n), n)
    return Figure(total / n, *interval(values), n)


def interval(values: Sequence[tuple[str, float]]) -> tuple[float, float]:
    """By bootstrap over clusters; over questions where there are too few clusters to draw from."""
    clusters: dict[str, list[float]] = {}
    for cluster, value in values:
        clusters.setdefault(cluster, []).append(value)
    if len(clusters) < FEW:
        return bootstrap({n: [value] for n, (_, value) in enumerate(values)})
    return bootstrap(clusters)
