"""The experiment's pictures, SVG files that stand by themselves: costs, miss ratios, working sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vctx.eval.policies.curves import fault_ratios, miss_ratios, working_set
from vctx.eval.policies.laboratory import OURS, Row
from vctx.eval.policies.trace import Trace
from vctx.eval.svg import box, group, line, path, svg, text

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 60, 150, 34, 44
STEP = 22
"""Pixels of a bar."""
SIZES = tuple(512 * 2**n for n in range(7))
TAU = 12
"""Calls of a working set: for so long a cached read of .1 is cheaper than a fault."""
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b83280", "#718096")
STYLE = (
    "<style>.lab text{font:12px sans-serif;fill:#333}.lab .title{font-weight:bold}.lab rect{fill:#a0aec0}"
    ".lab .ours{fill:#2b6cb0}.lab line{stroke:#ddd}.lab path{fill:none;stroke-width:1.6}"
    + "".join(
        f".lab .c{n}{{stroke:{colour}}}.lab text.c{n}{{fill:{colour};stroke:none}}"
        for n, colour in enumerate(COLOURS)
    )
    + "</style>"
)

Points = Sequence[tuple[float, float]]


class Drawing(str):
    """SVG text, which a notebook shows as a picture."""

    def _repr_svg_(self) -> str:
        return str(self)


def drawn(width: float, height: float, title: str, body: Sequence[str]) -> Drawing:
    """A drawing that needs no page around it."""
    made = svg(width, height, title, [group("lab", body)])
    return Drawing(made.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def write(found: Sequence[Row], traces: Sequence[Trace], folder: Path) -> list[Path]:
    """Writes the pictures into a folder; returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"costs": costs(found), "miss-ratio": misses(traces), "working-set": sets(traces)}
    pictures["faults"] = faults(traces[0])
    files = [folder / f"{name}.svg" for name in pictures]
    for file, picture in zip(files, pictures.values(), strict=True):
        file.write_text(picture, "utf-8")
    return files


def costs(found: Sequence[Row]) -> Drawing:
    """What each policy costs, a bar each, a block for each window and provider."""
    body, y = [STYLE], float(TOP)
    for block in dict.fromkeys((row.window, row.prices) for row in found):
        here = [row for row in found if (row.window, row.prices) == block]
        most = max(row.money for row in here)
        body.append(text("title", LEFT, y, f"window {block[0]:,} tokens, {block[1]}"))
        for row in here:
            y += STEP
            width = (WIDTH - 2 * RIGHT) * row.money / most
            body.append(text("row", RIGHT - 8, y + 11, row.policy, anchor="end"))
            kind = "ours" if row.policy == OURS else "bar"
            body.append(box(kind, RIGHT, y - 2, width, STEP - 4, f"{row.policy} {row.money:.3f}"))
            body.append(text("tick", RIGHT + width + 6, y + 11, f"{row.money:.2f}"))
        y += 2 * STEP
    return drawn(WIDTH, y, "What each policy costs", body)


def misses(traces: Sequence[Trace]) -> Drawing:
    """Misses of lru by the size of the cache, a curve for each trace."""
    found = {_name(trace): [(float(a), b) for a, b in miss_ratios(trace, SIZES).items()] for trace in traces}
    return curves(found, "Share of references that lru misses, by tokens of the cache")


def faults(trace: Trace) -> Drawing:
    """Faults in windows of one to four times the recorded size, a curve for each policy."""
    own = trace.setting.budget.window
    windows = [own * n // 4 for n in (4, 6, 8, 12, 16)]
    found = {
        name: [(float(a), b) for a, b in fault_ratios(trace, name, windows).items()]
        for name in ("fifo", "lru", "lfu", "arc", "gdsf", OURS)
    }
    return curves(found, f"Share of references that fault on {trace.name}, by tokens of the window")


def sets(traces: Sequence[Trace]) -> Drawing:
    """The working set over the calls, a curve for each trace."""
    found = {_name(t): [(float(n), float(s)) for n, s in enumerate(working_set(t, TAU))] for t in traces}
    return curves(found, f"Tokens referenced within the last {TAU} calls, call by call")


def curves(series: Mapping[str, Points], title: str, height: int = 320) -> Drawing:
    """Lines with their names beside their ends, on axes from zero."""
    right = max((x for points in series.values() for x, _ in points), default=1.0) or 1.0
    high = max((y for points in series.values() for _, y in points), default=1.0) or 1.0
    floor = height - BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / right * (WIDTH - LEFT - RIGHT), floor - y / high * (floor - TOP)

    body = [STYLE, text("title", LEFT, 18, title)]
    for n in range(5):
        _, y = at(0, high * n / 4)
        body += [
            line("rule", LEFT, y, WIDTH - RIGHT, y),
            text("tick", LEFT - 6, y + 4, _number(high * n / 4), anchor="end"),
        ]
        x, _ = at(right * n / 4, 0)
        body.append(text("tick", x, floor + 18, _number(right * n / 4), anchor="middle"))
    for n, (name, points) in enumerate(series.items()):
        kind = f"c{n % len(COLOURS)}"
        body.append(path(kind, [at(x, y) for x, y in points]))
        body.append(text(kind, WIDTH - RIGHT + 8, TOP + 16 * n, name))
    return drawn(WIDTH, height, title, body)


def _name(trace: Trace) -> str:
    return f"{trace.name} {trace.setting.budget.window}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"
