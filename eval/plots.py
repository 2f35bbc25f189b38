"""Plots as SVG: curves over budgets, dots by category, heat maps. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vctx.eval.summary import Figure
from vctx.eval.svg import area, box, dot, group, line, path, svg, text

WIDTH, HEIGHT = 1040, 420
LEFT, RIGHT, TOP, BOTTOM = 56, 190, 16, 46
NAME = 17
"""Pixels between the names of two curves."""
ROWS = 170
"""Pixels for the names of rows."""


class Series(NamedTuple):
    """A curve: its name, the class of its marks, and its figure at every x."""

    name: str
    style: str
    points: Mapping[int, Figure]


def curves(series: Sequence[Series], title: str) -> str:
    """Shares over budgets (on a scale of powers of two), each with its interval and its name at its end.

    The first is drawn last, on top.
    """
    ticks = sorted({x for one in series for x in one.points})
    low, high = math.log2(ticks[0]), math.log2(ticks[-1])

    def x(budget: int) -> float:
        share = 0.5 if high == low else (math.log2(budget) - low) / (high - low)
        return LEFT + 12 + share * (WIDTH - LEFT - RIGHT - 24)

    body = [*_grid(title), *(text("tick", x(t), HEIGHT - 26, f"{t:,}", anchor="middle") for t in ticks)]
    body.append(text("axis", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "tokens placed", anchor="middle"))
    drawn = [[(x(at), figure) for at, figure in sorted(one.points.items())] for one in series]
    for one, points in reversed(list(zip(series, drawn, strict=True))):
        body.append(group(one.style, _curve(one.name, points)))
    ends = [(_y(points[-1][1].mean), points[-1][0], one) for one, points in zip(series, drawn, strict=True)]
    return svg(WIDTH, HEIGHT, title, [*body, *_names(ends)])


def _curve(name: str, points: Sequence[tuple[float, Figure]]) -> Iterator[str]:
    if len(points) > 1:
        back = [(x, _y(f.low)) for x, f in reversed(points)]
        yield area("band", [*((x, _y(f.high)) for x, f in points), *back])
        yield path("curve", [(x, _y(f.mean)) for x, f in points])
    for x, f in points:
        if len(points) == 1:
            yield line("whisker", x, _y(f.low), x, _y(f.high))
        yield dot(x, _y(f.mean), _told(name, f))


def _names(ends: Sequence[tuple[float, float, Series]]) -> Iterator[str]:
    """The name of each curve right of its end, pushed apart, with a thin line to it."""
    at: float = TOP
    side = WIDTH - RIGHT + 14
    order = sorted(ends, key=lambda end: end[0])
    for n, (y, x, one) in enumerate(order):
        at = min(max(at, y), HEIGHT - BOTTOM - NAME * (len(order) - n - 1))
        yield group(
            one.style,
            [path("lead", [(x + 5, y), (side - 4, at)]), text("name", side, at + 4, one.name)],
        )
        at += NAME


def dots(rows: Mapping[str, Sequence[tuple[str, str, Figure]]], title: str) -> str:
    """For each category, a dot with its interval for every (system, class, figure)."""
    step = 11 * max(len(systems) for systems in rows.values()) + 14
    bottom = TOP + step * len(rows)
    body = [_rule(n / 5, bottom) for n in range(6)]
    body.append(text("axis", _x(0.5), bottom + 40, title, anchor="middle"))
    for n, (name, systems) in enumerate(rows.items()):
        middle = TOP + (n + 0.5) * step
        body.append(text("row", _x(0) - 14, middle + 4, name, anchor="end"))
        body.append(line("grid", 0, middle - step / 2, _x(1), middle - step / 2) if n else "")
        for k, (system, style, f) in enumerate(systems):
            y = middle + 11 * (k - (len(systems) - 1) / 2)
            whisker = line("whisker", _x(f.low), y, _x(f.high), y)
            body.append(group(style, [whisker, dot(_x(f.mean), y, _told(system, f))]))
    return svg(WIDTH, bottom + BOTTOM, title, body)


def _rule(share: float, bottom: float) -> str:
    tick = text("tick", _x(share), bottom + 18, f"{share:.1f}", anchor="middle")
    return line("grid", _x(share), TOP, _x(share), bottom) + tick


def heat(name: str, cells: Mapping[tuple[float, float], Figure], axes: tuple[str, str]) -> str:
    """A map: the first axis runs to the right, the second down; a cell says its share."""
    across, down = (sorted({cell[n] for cell in cells}) for n in (0, 1))
    wide, tall, left, top = 74, 40, 64, 34
    right, bottom = left + wide * len(across), top + tall * len(down)
    body = [text("title", left, 18, name)]
    body += [
        text("tick", left + (n + 0.5) * wide, bottom + 18, _short(a), anchor="middle")
        for n, a in enumerate(across)
    ]
    body += [
        text("tick", left - 8, top + (n + 0.5) * tall + 4, f"{d:.0%}", anchor="end")
        for n, d in enumerate(down)
    ]
    for (a, d), figure in cells.items():
        x, y = left + across.index(a) * wide, top + down.index(d) * tall
        told = _told(f"{axes[0]} {a:,.0f}, {axes[1]} {d:.0%}", figure)
        ink = "on" if figure.mean > 0.55 else "off"
        body += [box("none", x, y, wide, tall), box("heat", x, y, wide, tall, told, figure.mean)]
        body.append(text(ink, x + wide / 2, y + tall / 2 + 5, f"{figure.mean:.2f}", anchor="middle"))
    body.append(text("axis", (left + right) / 2, bottom + 36, f"{axes[0]} in tokens", anchor="middle"))
    body.append(text("axis", 14, (top + bottom) / 2, axes[1], anchor="middle", turned=True))
    return svg(right + 8, bottom + 44, name, body)


def _grid(title: str) -> Iterator[str]:
    for n in range(6):
        yield line("grid", LEFT, _y(n / 5), WIDTH - RIGHT, _y(n / 5))
        yield text("tick", LEFT - 8, _y(n / 5) + 4, f"{n / 5:.1f}", anchor="end")
    yield text("axis", 14, _y(0.5), title, anchor="middle", turned=True)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _x(share: float) -> float:
    return ROWS + share * (WIDTH - ROWS - 30)


def _told(name: str, f: Figure) -> str:
    return f"{name}: {f.mean:.3f} [{f.low:.3f}, {f.high:.3f}], {f.questions} questions"


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
