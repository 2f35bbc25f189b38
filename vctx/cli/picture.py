"""The window as a picture of at most 80 columns: what stands where, in which form, and how old. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import accumulate
from typing import Any, NamedTuple

import click

from vctx.types import Form, Region

COLUMNS = 64
"""Blocks of a line."""
LINES = 4
"""Lines of blocks, at most."""


class Look(NamedTuple):
    """What a terminal can show."""

    unicode: bool
    colour: bool


BLOCKS = {
    True: {"full": "█", "cut": "▓", "gist": "▒", "handle": "░", "free": "·"},
    False: {"full": "#", "cut": "=", "gist": "-", "handle": ":", "free": "."},
}
"""A form's block, in Unicode and without."""
REGIONS = {
    "fixed": ("S", "system and template", "blue"),
    "digest": ("D", "digest of what has left", "magenta"),
    "message": ("M", "messages", "green"),
    "fault": ("F", "paged in", "yellow"),
    "free": (".", "free", "white"),
}
"""Letter, name and colour of each region, in the order in which they are listed."""


def data(regions: Sequence[Region]) -> list[dict[str, Any]]:
    return [
        {"region": r.name, "tokens": r.tokens, "age": r.age, "frame": asdict(r.frame) if r.frame else None}
        for r in regions
    ]


def drawn(regions: Sequence[Region], title: str, look: Look) -> str:
    """The picture, and below it what each region takes."""
    cells = _cells(regions)
    room = sum(region.tokens for region in regions)
    taken = room - sum(region.tokens for region in regions if region.name == "free")
    head = f"{title}: {taken:,} of {room:,} tokens, {taken / max(1, room):.0%}"
    each = f"a block is {room / max(1, len(cells)):,.0f} tokens"
    return "\n".join([f"{head}; {each}", "", *_rows(cells, regions, look), *_legend(regions, look)])


def _cells(regions: Sequence[Region]) -> list[Region]:
    """What stands in the middle of each block."""
    ends = list(accumulate(region.tokens for region in regions))
    room = ends[-1] if ends else 0
    count = min(room, COLUMNS * LINES)
    cells, place = [], 0
    for number in range(count):
        while ends[place] <= (number + 0.5) * room / count:
            place += 1
        cells.append(regions[place])
    return cells


def _rows(cells: Sequence[Region], regions: Sequence[Region], look: Look) -> Iterator[str]:
    oldest = max((region.age for region in regions), default=0)
    for start in range(0, len(cells), COLUMNS):
        row = cells[start : start + COLUMNS]
        yield "  form    " + "".join(_block(region, look) for region in row)
        letters = "".join(REGIONS[region.name][0] for region in row).rstrip(".")
        yield from (f"  region  {letters}",) if letters and not look.colour else ()
        ages = "".join(_age(region, oldest) for region in row).rstrip()
        yield from (f"  age     {click.style(ages, dim=True) if look.colour else ages}",) if ages else ()
        yield ""


def _block(region: Region, look: Look) -> str:
    block = BLOCKS[look.unicode][_form(region)]
    return click.style(block, fg=REGIONS[region.name][2]) if look.colour else block


def _form(region: Region) -> str:
    return str(region.frame.form) if region.frame else "free" if region.name == "free" else "full"


def _age(region: Region, oldest: int) -> str:
    """From 0, the newest tenth, to 9."""
    return str(region.age * 10 // (oldest + 1)) if region.frame else " "


def _legend(regions: Sequence[Region], look: Look) -> Iterator[str]:
    for name, (letter, words, colour) in REGIONS.items():
        here = [region for region in regions if region.name == name]
        if here:
            block = BLOCKS[look.unicode]["free" if name == "free" else "full"]
            mark = click.style(block, fg=colour) if look.colour else letter
            tokens = sum(region.tokens for region in here)
            yield f"  {mark} {words:<24}{tokens:>9,} tokens{_told(here)}"
    forms = dict.fromkeys(_form(region) for region in regions if region.frame)
    used = "  ".join(
        f"{BLOCKS[look.unicode][form]} {form}" for form in (f.value for f in Form) if form in forms
    )
    if used:
        yield f"  form: {used}    age: 0 newest to 9 oldest"


def _told(regions: Sequence[Region]) -> str:
    frames = [region.frame for region in regions if region.frame]
    if not frames:
        return ""
    pinned = sum(frame.pinned for frame in frames)
    ages = sorted(region.age for region in regions)
    span = f"{ages[0]}" if ages[0] == ages[-1] else f"{ages[0]} to {ages[-1]}"
    pages = len({frame.page for frame in frames})
    return f"  {pages} page{'s' * (pages != 1)}, {span} ticks old{f', {pinned} pinned' if pinned else ''}"
