"""The lines of a printed page -> paragraphs, code and rows of tables, in reading order. Pure: no PDF here.

A page is printed in the order in which a program drew it. That is the order of reading but for what is drawn
late, such as code on a background: lines that fill a gap of what was drawn before them go there. Two columns
share every height, so neither fills the other's gaps.

    drawn 1 2 3 5 6 | 4       read 1 2 3 4 5 6
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

PITCH = 1.45
"""Line distance, in sizes of the type, beyond which a paragraph ends, where no usual distance is known."""
LOOSE = 1.3
"""Times the usual distance of its lines at which a paragraph ends."""
NEAR = 0.06
"""Share of a column's width within which a line has reached its edge."""
COLUMN = 3.0
"""Points by which lines of a column may begin apart."""

GAP = 3.2
"""Sizes of the type between lines of one piece of code: one of them may be empty."""

ITEM = re.compile(r"([•◦▪‣·*–—-]|\(?[0-9a-zA-Z]{1,3}[.)])(\s|$)")
"""What begins an item of a list."""


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line; lengths in points, from the lower left corner of the page."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float = 10.0
    mono: bool = False
    cells: tuple[str, ...] = ()
    """Its parts, where wide gaps part it as a row of a table."""
    lefts: tuple[float, ...] = ()
    """Where each of them begins."""
    hyphen: bool = False
    """Its last word goes on in the next line."""
    title: int = 0
    """The level of the heading that it is; 0 for none."""


def ordered(lines: Sequence[Line]) -> list[Line]:
    """The lines in the order of reading."""
    runs: list[list[Line]] = []
    for run in _runs(lines):
        home = next((earlier for earlier in reversed(runs) if _fills(run, earlier)), None)
        if home is None:
            runs.append(run)
        else:
            home.extend(run)
            home.sort(key=lambda line: -line.top)
    return [line for run in runs for line in run]


def _runs(lines: Sequence[Line]) -> list[list[Line]]:
    """Stretches in which the lines follow each other down the page."""
    runs: list[list[Line]] = []
    for line in lines:
        if runs and line.top <= runs[-1][-1].top + line.size:
            runs[-1].append(line)
        else:
            runs.append([line])
    return runs


def _fills(run: Sequence[Line], earlier: Sequence[Line]) -> bool:
    """Whether a run stands in gaps of an earlier one: above it, below it or between, and never beside."""
    left, right = min(line.left for line in earlier), max(line.right for line in earlier)
    if run[0].left > right or run[0].right < left:
        return False
    return not any(_beside(line, other) for line in run for other in earlier)


def _beside(line: Line, other: Line) -> bool:
    """Whether two lines share more than a third of the lower one's height."""
    shared = min(line.top, other.top) - max(line.bottom, other.bottom)
    return shared > min(line.top - line.bottom, other.top - other.bottom) / 3


def blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """Paragraphs, code, tables and headings: lines that belong together."""
    rows = _rows(lines)
    usual = _pitch(rows)
    out: list[list[Line]] = []
    for line in rows:
        if out and _goes_on(out[-1][-1], line, usual):
            out[-1].append(line)
        else:
            out.append([line])
    return out


def _rows(lines: Sequence[Line]) -> list[Line]:
    """The lines with those of a table made rows of it: cells stand side by side, and may go on below."""
    rows: list[Line] = []
    columns: list[float] = []
    for line in lines:
        last = rows[-1] if rows else None
        column = _column(columns, line)
        if last and (row := _beside_last(last, line)):
            rows[-1] = row
        elif last and column and line.bottom < last.top:
            rows[-1] = _into(last, line, column)
        elif column == 0 and not line.cells and line.right < columns[1]:
            rows.append(replace(line, cells=(line.text,), lefts=(line.left,)))
        else:
            rows.append(line)
            columns = []
        columns = max(columns, list(rows[-1].lefts), key=len)
    return rows


def _beside_last(last: Line, line: Line) -> Line | None:
    """The row that a line makes with the one before it, where both stand at one height, side by side."""
    apart = abs(last.bottom - line.bottom) >= 2 or line.left <= last.right
    if apart or last.title or line.title or last.mono or line.mono:
        return None
    cells = (*(last.cells or (last.text,)), *(line.cells or (line.text,)))
    lefts = (*(last.lefts or (last.left,)), *(line.lefts or (line.left,)))
    return replace(
        last, text=f"{last.text} {line.text}", right=line.right, cells=cells, lefts=lefts, hyphen=False
    )


def _column(columns: Sequence[float], line: Line) -> int | None:
    """The column of a table at whose left edge a line begins."""
    if line.title or line.mono or len(columns) < 2:
        return None
    return next((n for n, left in enumerate(columns) if abs(left - line.left) < COLUMN), None)


def _into(row: Line, line: Line, column: int) -> Line:
    """A row with a line more in the cells from `column` on."""
    cells = [*row.cells, *[""] * (column + max(1, len(line.cells)) - len(row.cells))]
    lefts = [*row.lefts, *[line.left] * (len(cells) - len(row.lefts))]
    for n, text in enumerate(line.cells or (line.text,), column):
        cells[n] = f"{cells[n]} {text}".strip()
    return replace(
        row, text=" ".join(cells), cells=tuple(cells), lefts=tuple(lefts), bottom=min(row.bottom, line.bottom)
    )


def _pitch(lines: Sequence[Line]) -> float:
    """The usual distance of lines, in sizes of their type; the lower quartile: paragraphs stand apart."""
    steps = sorted(
        (above.bottom - below.bottom) / below.size
        for above, below in pairwise(lines)
        if above.size == below.size and 0 < above.bottom - below.bottom < 3 * below.size
    )
    return steps[len(steps) // 4] if len(steps) > 3 else PITCH / LOOSE


def _goes_on(above: Line, below: Line, usual: float) -> bool:
    if above.hyphen:
        return True
    if above.title != below.title or above.mono != below.mono or bool(above.cells) != bool(below.cells):
        return False
    step = above.bottom - below.bottom
    if step <= 0:
        # The next column: a sentence goes on there.
        return not (above.title or above.text.rstrip().endswith((".", "!", "?", ":")))
    if above.mono:
        return step <= GAP * below.size
    near = bool(above.cells) or step <= LOOSE * usual * max(above.size, below.size)
    return near and abs(above.size - below.size) < 1.5


def text(block: Sequence[Line]) -> str:
    """A block as text: lines of code and rows stay, lines of a paragraph are joined where they were full."""
    if block[0].mono:
        return "\n".join(_indented(block))
    left, right = min(line.left for line in block), max(line.right for line in block)
    out = ""
    for line, after in zip(block, [*block[1:], None], strict=True):
        out += f"| {' | '.join(line.cells)} |" if line.cells else line.text
        if after is None or line.hyphen:
            continue
        full = line.right > right - NEAR * (right - left)
        joined = (full or _broken(line, after, right) or after.bottom > line.bottom) and not ITEM.match(
            after.text
        )
        out += " " if joined and not line.cells else "\n"
    return out


def _broken(line: Line, after: Line, right: float) -> bool:
    """Whether a line ended for want of room: the next word would not have stood in it."""
    word = len(after.text.split(None, 1)[0]) + 1
    return line.right + word * (line.right - line.left) / max(len(line.text), 1) > right


def _indented(block: Sequence[Line]) -> list[str]:
    """Lines of code, each as far from the left as it was printed, and empty ones where there were any."""
    left = min(line.left for line in block)
    widths = sorted((line.right - line.left) / max(len(line.text), 1) for line in block)
    width = widths[len(widths) // 2] or 1.0
    steps = sorted(above.bottom - below.bottom for above, below in pairwise(block))
    usual = steps[len(steps) // 4] if steps else 0.0
    out: list[str] = []
    for above, line in zip([None, *block], block, strict=False):
        if above and usual and above.bottom - line.bottom > 1.6 * usual:
            out.append("")
        out.append(" " * round((line.left - left) / width) + line.text)
    return out
