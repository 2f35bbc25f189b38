"""Plain text, Markdown, reStructuredText: bytes -> text, and the headings in it.

A form feed parts printed pages, as in any plain-text print. Headings are Markdown's `#` lines, and lines
underlined with punctuation, as in Markdown and reStructuredText.
"""

import codecs
import re
from bisect import bisect_right

from charset_normalizer import from_bytes

from vctx.errors import UnreadableError
from vctx.types import Heading

MARKDOWN = frozenset({".md", ".markdown"})
HASHED = MARKDOWN | {".txt", ".text", ""}
UNDERLINED = HASHED | {".rst"}
"""Suffixes of files in which such lines are headings; in code and data they are comments and rules."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; that of UTF-32 begins with that of UTF-16."""
SAMPLE = 2**20
"""Bytes by which an encoding is guessed."""

_HASHES = re.compile(r"^\f?(?P<line>#{1,6})[ \t](?P<title>.*)$", re.MULTILINE)
_UNDERLINED = re.compile(r"^\f?(?P<title>[^\s].{0,198})\n(?P<line>([=\-~^*+#])\3{2,})[ \t]*$", re.MULTILINE)
# Where a line is no heading: fenced code, and the front matter of a Markdown file.
_FENCED = re.compile(r"^(```|~~~).*?^\1|\A---\n.*?^---$", re.MULTILINE | re.DOTALL)


def decoded(data: bytes, name: str, encoding: str = "") -> tuple[str, str]:
    """The text of a file's bytes, and the encoding that was guessed, empty where none had to be.

    Decided by a byte order mark, else by what the file itself says (`encoding`), else UTF-8, else by what
    charset-normalizer finds most likely. Line ends become `\\n`, the mark is dropped.
    """
    marked = next((codec for mark, codec in MARKS if data.startswith(mark)), "")
    for codec in filter(None, (marked, "utf-8", encoding)):
        try:
            return _lines(data.decode(codec), data, name), ""
        except (UnicodeDecodeError, LookupError):
            if marked:
                break
    if b"\0" in data:
        raise UnreadableError(f"{name} is not text: byte {data.index(0)} is NUL", "no text")
    best = from_bytes(data[:SAMPLE]).best()
    if best is None:
        raise UnreadableError(f"{name} is not text in any encoding that vctx knows", "no text")
    return _lines(data.decode(best.encoding, "replace"), data, name), best.encoding


def _lines(text: str, data: bytes, name: str) -> str:
    if "\0" in text:
        raise UnreadableError(f"{name} is not text: byte {data.index(0)} is NUL", "no text")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


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
