"""Plain text, Markdown, reStructuredText: bytes -> text, and the headings in it.

A form feed parts printed pages, as in any plain-text print. Headings are Markdown's `#` lines, and lines
underlined with punctuation, as in Markdown and reStructuredText.
"""

import re
from bisect import bisect_right

from vctx.errors import InputError
from vctx.types import Heading

MARKDOWN = frozenset({".md", ".markdown"})
HASHED = MARKDOWN | {".txt", ".text", ""}
UNDERLINED = HASHED | {".rst"}
"""Suffixes of files in which such lines are headings; in code and data they are comments and rules."""

_HASHES = re.compile(r"^\f?(?P<line>#{1,6})[ \t](?P<title>.*)$", re.MULTILINE)
_UNDERLINED = re.compile(r"^\f?(?P<title>[^\s].{0,198})\n(?P<line>([=\-~^*+#])\3{2,})[ \t]*$", re.MULTILINE)
# Where a line is no heading: fenced code, and the front matter of a Markdown file.
_FENCED = re.compile(r"^(```|~~~).*?^\1|\A---\n.*?^---$", re.MULTILINE | re.DOTALL)


def decoded(data: bytes, name: str) -> str:
    """The text of a file's bytes. Line ends become `\\n`, a byte order mark is dropped."""
    if b"\0" in data:
        raise InputError(f"{name} is not text: byte {data.index(0)} is NUL; only text files can be added")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}; convert it first (iconv)"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def headings(text: str, suffix: str = "") -> tuple[Heading, ...]:
    """The headings of a file with this suffix, in order, with their levels.

    The level of `#` lines is their number. In Markdown a line of `=` underlines level 1, of `-` level 2;
    elsewhere each kind of line, with one above the title or without, stands below those that came before it.
    """
    fenced = [match.span() for match in _FENCED.finditer(text)]
    lines = [m for m in _UNDERLINED.finditer(text) if suffix in UNDERLINED and _underlines(m)]
    lines = [m for m in lines if not _within(_start(m), fenced)]
    kinds = list(dict.fromkeys(_kind(text, m) for m in lines)) if suffix not in MARKDOWN else ["=", "-"]
    found = {_start(m): (m["title"], kinds.index(kind)) for m in lines if (kind := _kind(text, m)) in kinds}
    for match in _HASHES.finditer(text) if suffix in HASHED else ():
        if not _within(_start(match), fenced):
            found[_start(match)] = match["title"], len(match["line"]) - 1
    titles = ((at, " ".join(title.strip("# \t").split()), level) for at, (title, level) in found.items())
    return tuple(Heading(at, title, 1 + level) for at, title, level in sorted(titles) if title)


def _kind(text: str, match: re.Match[str]) -> str:
    """What underlines a title, and whether it stands above it too."""
    line: str = match["line"]
    over = text.endswith(f"{line}\n", 0, _start(match))
    return line[0] * (1 + over)


def _start(match: re.Match[str]) -> int:
    """A heading at the top of a printed page begins behind the form feed."""
    return match.start() + match[0].startswith("\f")


def _within(at: int, spans: list[tuple[int, int]]) -> bool:
    before = bisect_right(spans, (at, at))
    return before > 0 and at < spans[before - 1][1]


def _underlines(match: re.Match[str]) -> bool:
    """A line is underlined by one of its own length, or nearly so; else it is a rule or a table."""
    return abs(len(match["line"]) - len(match["title"])) <= 2
