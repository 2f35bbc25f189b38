"""A page of a PDF -> its lines, with their place and type. The only file that speaks to PDFium's C API."""

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vctx.ingest.layout import ITEM, Line

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

FIXED = 1
"""The flag of a font whose characters are equally wide: PDF 32000-1, table 123."""
GAP = 1.1
"""Sizes of the type between two words of a line that stand in different cells."""
SPLIT = "\ufffe"
"""What PDFium writes where a word was parted at the end of a line."""

_MONO = re.compile("mono|courier|consol|typewriter|code|menlo|cmtt", re.IGNORECASE)
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\xa0": " "}
)
_LINE = re.compile(r"[^\r\n\ufffe]+")


def lines(page: "PdfPage") -> Iterator[Line]:
    """The lines of a page in the order in which they were drawn."""
    printed = page.get_textpage()
    try:
        whole = printed.get_text_range()
        type_ = _Type(printed.raw, whole)
        for match in _LINE.finditer(whole):
            if match[0].strip():
                yield _line(type_, whole, match)
    finally:
        printed.close()


def _line(type_: "_Type", whole: str, match: re.Match[str]) -> Line:
    stripped = match[0].strip()
    start = match.start() + match[0].index(stripped[0])
    stop = start + len(stripped)
    left, bottom, _, top = type_.box(start)
    right = max(left, type_.box(stop - 1)[2])
    hyphen = whole[match.end() : match.end() + 1] == SPLIT and stripped[-1].isalpha()
    size = type_.size(start) or max(top - bottom, 1.0)
    mono = type_.mono(start)
    gaps = _gaps(type_, whole, start, stop)
    shown = _spaced(whole, start, stop, gaps) if mono else stripped
    line = Line(shown.translate(_LIGATURES), left, right, bottom, top, size, mono, hyphen=hyphen)
    cuts = [after for _, after, gap in gaps if gap > GAP * size]
    return line if mono or not cuts else _row(line, type_, whole, [start, *cuts, stop])


_Gap = tuple[int, int, float]
"""The places of a word's last character and the next one's first, and the points between them."""


def _gaps(type_: "_Type", whole: str, start: int, stop: int) -> list[_Gap]:
    """The gaps between the words of a line, but for what stands behind the mark of an item."""
    item = ITEM.match(whole[start:stop])
    begin = start + item.end() if item else start
    places = [(m.start() - 1, m.end()) for m in re.compile(r"\s+").finditer(whole, begin, stop)]
    return [(a, b, type_.box(b)[0] - type_.box(a)[2]) for a, b in places if a >= begin]


def _spaced(whole: str, start: int, stop: int, gaps: Sequence[_Gap]) -> str:
    """A line of code, with as many spaces as were printed."""
    printed = [gap for _, _, gap in gaps if gap > 0]
    width = min(printed, default=1.0)
    out, at = "", start
    for before, after, gap in gaps:
        out += whole[at : before + 1] + " " * max(1, round(gap / width))
        at = after
    return out + whole[at:stop]


def _row(line: Line, type_: "_Type", whole: str, cuts: Sequence[int]) -> Line:
    cells = tuple(whole[a:b].strip().translate(_LIGATURES) for a, b in pairwise(cuts))
    return replace(line, cells=cells, lefts=tuple(type_.box(cut)[0] for cut in cuts[:-1]))


class _Type:
    """Where the characters of a page's text stand, and in which font; by place in the text."""

    def __init__(self, handle: Any, whole: str) -> None:
        # Imported here because a PDF is seldom what is added.
        from pypdfium2 import raw  # noqa: PLC0415

        self._raw = raw
        self._handle = handle
        self._wide = (
            [place for place, char in enumerate(whole) if char > "\uffff"] if not whole.isascii() else []
        )
        self._rect = raw.FS_RECTF()

    def box(self, place: int) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) of the character's cell."""
        rect = self._rect
        if not self._raw.FPDFText_GetLooseCharBox(self._handle, self._char(place), rect):
            return 0.0, 0.0, 0.0, 0.0
        return rect.left, rect.bottom, rect.right, rect.top

    def size(self, place: int) -> float:
        """The size of the type, in points of the page."""
        _, bottom, _, top = self.box(place)
        return round(top - bottom, 1)

    def mono(self, place: int) -> bool:
        """Whether the character's font gives all the same width."""
        buffer = ctypes.create_string_buffer(64)
        flags = ctypes.c_int()
        self._raw.FPDFText_GetFontInfo(self._handle, self._char(place), buffer, 64, flags)
        return bool(flags.value & FIXED) or bool(_MONO.search(buffer.value.decode("latin-1")))

    def _char(self, place: int) -> int:
        """PDFium numbers characters; its text is UTF-16, and leaves some of them out."""
        units = place + sum(wide < place for wide in self._wide)
        return int(self._raw.FPDFText_GetCharIndexFromTextIndex(self._handle, units))
