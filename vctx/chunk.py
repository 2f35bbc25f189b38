"""Where to cut a text: paragraphs, then sentences, then words, then characters. Pure."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from vctx.types import Heading, Page, Reading, Source, Span

Count = Callable[[Sequence[str]], list[int]]
"""Tokens of each text."""

PATH = " > "
"""What stands between the headings of a section's path."""
GRAPHEME = 16
"""Characters that one visible character has at most, for a cut: a family of emoji has eleven."""

# From the coarsest cut to the finest; each pattern matches what ends a piece.
_CUTS = (
    re.compile(r"\n[ \t]*\n(?:[ \t]*\n)*"),
    re.compile(r"\n+"),
    re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。！？])"),
    re.compile(r"\s+"),
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped, empty ones left out; a line break inside one is kept."""
    pieces = (
        text[a:b].strip() for para in _pieces(text, (0, len(text)), 0) for a, b in _pieces(text, para, 2)
    )
    return [piece for piece in pieces if piece]


def split(text: str, limit: int, count: Count) -> list[Span]:
    """Consecutive spans that cover the text, each of at most `limit` tokens where that is possible.

    A span is cut at the coarsest boundary that serves, and neighbours are joined while they fit. A
    single character that exceeds the limit by itself stands alone. An empty text has no span.
    """
    if limit < 1:
        raise ValueError(f"a limit of {limit} tokens leaves no room for text")
    return _split(text, (0, len(text)), limit, count, 0) if text else []


def pages(reading: Reading, limit: int, count: Count, at: datetime) -> list[Page]:
    """A document as pages that know their place: characters, printed page, section.

    A chunk crosses neither a heading nor the end of a printed page, so that its place is exact. A turn of a
    history is one page, as it was said; one that does not say when is dated `at`.
    """
    edges = sections(reading)
    if reading.turns:
        return _records(reading, edges, at)
    text = reading.text
    breaks = [match.end() for match in re.finditer("\f", text)]
    out: list[Page] = []
    heading = ""
    for start, stop in pairwise(sorted({0, len(text), *edges, *breaks})):
        heading = edges.get(start, heading)
        number = 1 + bisect_right(breaks, start) if breaks else None
        for a, b in split(text[start:stop], limit, count):
            # What ends a chunk depends on what follows it, and is no part of it.
            words = text[start + a : start + b].rstrip()
            source = Source(reading.name, start + a, start + a + len(words), number, heading)
            out.append(Page("chunk", "user", words, at, "document", source=source))
    return [page for page in out if page.text.strip()]


def sections(reading: Reading) -> dict[int, str]:
    """Where each section begins, and its path: "7 Paging > 7.4 Faults".

    The title of the whole document stands in no other path. A heading with nothing below it but the next one
    begins no section of its own: what it says stands at the head of that one.
    """
    headings = [Heading(*one) for one in reading.headings]
    whole = _whole(headings)
    stack: list[Heading] = []
    edges: dict[int, str] = {}
    held: int | None = None
    for one, after in pairwise([*headings, Heading(len(reading.text), "", 0)] if headings else ()):
        stack = [*(above for above in stack if whole < above.level < one.level), one]
        begin = one.start if held is None else held
        bare = after.level > one.level and _bare(reading.text[one.start : after.start])
        held = begin if bare else None
        if not bare:
            edges[begin] = PATH.join(above.title for above in stack)
    return edges


def _whole(headings: Sequence[Heading]) -> int:
    """The level of the document's own title: the first heading, where no other is of its level; else 0."""
    top = {one.title for one in headings if one.level <= headings[0].level}
    return headings[0].level if len(top) == 1 and len(headings) > 1 else 0


def _bare(text: str) -> bool:
    """Whether a section is nothing but its heading, on one printed page."""
    lines = [line for line in text.split("\n") if line.strip("=-~^*+# \t")]
    return len(lines) == 1 and "\f" not in text


def _records(reading: Reading, edges: Mapping[int, str], at: datetime) -> list[Page]:
    heading = ""
    out: list[Page] = []
    starts = sorted(edges)
    for turn in reading.turns:
        if (n := bisect_right(starts, turn.start)) > 0:
            heading = edges[starts[n - 1]]
        source = Source(reading.name, turn.start, turn.stop, None, heading)
        text, role = reading.text[turn.start : turn.stop], turn.role
        out.append(Page("record", role, text, turn.at or at, role, turn.author, source))
    return [page for page in out if page.text.strip()]


def _split(text: str, span: Span, limit: int, count: Count, level: int) -> list[Span]:
    if count([text[slice(*span)]])[0] <= limit or span[1] - span[0] == 1:
        return [span]
    if level == len(_CUTS):
        return _halves(text, span, limit, count)
    parts = _pieces(text, span, level)
    if len(parts) == 1:
        return _split(text, span, limit, count, level + 1)
    out: list[Span] = []
    for joined in _join(text, parts, limit, count):
        out.extend(_split(text, joined, limit, count, level + 1))
    return out


def _pieces(text: str, span: Span, level: int) -> list[Span]:
    """Cuts a span behind each match; every character belongs to exactly one piece."""
    ends = (match.end() for match in _CUTS[level].finditer(text, *span))
    edges = [span[0], *(end for end in ends if span[0] < end < span[1]), span[1]]
    return [(a, b) for a, b in pairwise(edges) if a < b]


def _join(text: str, parts: list[Span], limit: int, count: Count) -> list[Span]:
    """Joins neighbours while their tokens, counted apart, stay within the limit."""
    sizes = count([text[slice(*part)] for part in parts])
    out: list[Span] = []
    used = 0
    for part, size in zip(parts, sizes, strict=True):
        if out and used + size <= limit:
            out[-1] = (out[-1][0], part[1])
            used += size
        else:
            out.append(part)
            used = size
    return out


def _halves(text: str, span: Span, limit: int, count: Count) -> list[Span]:
    middle = _between(text, span)
    last = len(_CUTS)
    left = _split(text, (span[0], middle), limit, count, last)
    return left + _split(text, (middle, span[1]), limit, count, last)


def _between(text: str, span: Span) -> int:
    """Near the middle of a span, and where possible not within what a reader sees as one character."""
    start, stop = span
    middle = (start + stop) // 2
    back = middle
    while back > max(start, middle - GRAPHEME) and _joined(text[back - 1], text[back]):
        back -= 1
    return back if start < back and not _joined(text[back - 1], text[back]) else middle


def _joined(before: str, after: str) -> bool:
    """Whether two characters are parts of one: accents, emoji of several parts, flags, a line's end."""
    return (
        unicodedata.category(after) in ("Mn", "Me", "Mc")
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")
    )
