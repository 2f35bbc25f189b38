"""Where to cut a text: paragraphs, then sentences, then words, then characters. Pure."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

from vctx.types import Page, Reading, Source, Span

Count = Callable[[Sequence[str]], list[int]]
"""Tokens of each text."""

# From the coarsest cut to the finest; each pattern matches what ends a piece.
_CUTS = (
    re.compile(r"\n[ \t]*\n\s*"),
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
    """The chunks of a document as pages that know their place: characters, printed page, heading.

    A chunk crosses neither a heading nor the end of a printed page, so that its place is exact.
    """
    text = reading.text
    titles = dict(reading.headings)
    breaks = [match.end() for match in re.finditer("\f", text)]
    edges = sorted({0, len(text), *titles, *breaks})
    out: list[Page] = []
    heading = ""
    for start, stop in pairwise(edges):
        heading = titles.get(start, heading)
        number = 1 + bisect_right(breaks, start) if breaks else None
        for a, b in split(text[start:stop], limit, count):
            source = Source(reading.name, start + a, start + b, number, heading)
            out.append(Page("chunk", "user", text[start + a : start + b], at, "document", source=source))
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
    middle = (span[0] + span[1]) // 2
    last = len(_CUTS)
    left = _split(text, (span[0], middle), limit, count, last)
    return left + _split(text, (middle, span[1]), limit, count, last)
