"""Files -> readings: text with headings and printed pages. Plain text, Markdown, reStructuredText, code.

A form feed parts printed pages, as in any plain-text print. Headings are Markdown's `#` lines, and lines
underlined with punctuation, as in Markdown and reStructuredText.
"""

import re
from bisect import bisect_right
from pathlib import Path

from vctx.errors import InputError
from vctx.types import Reading

LARGEST = 256 * 2**20
"""Bytes; a text file beyond this is more likely a mistake than a book."""

HASHED = frozenset({".md", ".markdown", ".txt", ".text", ""})
UNDERLINED = HASHED | {".rst"}
"""Suffixes of files in which such lines are headings; in code and data they are comments and rules."""

_HASHES = re.compile(r"^\f?#{1,6}[ \t](?P<title>.*)$", re.MULTILINE)
_UNDERLINED = re.compile(r"^\f?(?P<title>[^\s].{0,198})\n(?P<line>([=\-~^*+#])\3{2,})[ \t]*$", re.MULTILINE)
# Where a line is no heading: fenced code, and the front matter of a Markdown file.
_FENCED = re.compile(r"^(```|~~~).*?^\1|\A---\n.*?^---$", re.MULTILINE | re.DOTALL)


def read(path: Path, *, name: str | None = None) -> Reading:
    """Reads a UTF-8 text file; `name` (default: the file's) is how its pages cite it.

    Raises InputError for what cannot be read as text, naming the first bad byte.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is larger than {LARGEST >> 20} MiB; split it first")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return reading(data, name or path.name, path.suffix.lower())


def reading(data: bytes, name: str, suffix: str = "") -> Reading:
    """The text of a file's bytes, and its headings. Line ends become `\\n`, a byte order mark is dropped."""
    if b"\0" in data:
        raise InputError(f"{name} is not text: byte {data.index(0)} is NUL; only text files can be added")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}; convert it first (iconv)"
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Reading(name, text, headings(text, suffix))


def headings(text: str, suffix: str = "") -> tuple[tuple[int, str], ...]:
    """(first character, title) of each heading of a file with this suffix, in order."""
    found = list(_HASHES.finditer(text)) if suffix in HASHED else []
    if suffix in UNDERLINED:
        found += [match for match in _UNDERLINED.finditer(text) if _underlines(match)]
    fenced = [match.span() for match in _FENCED.finditer(text)]
    titles = {_start(match): " ".join(match["title"].strip("# \t").split()) for match in found}
    return tuple((at, titles[at]) for at in sorted(titles) if titles[at] and not _within(at, fenced))


def _start(match: re.Match[str]) -> int:
    """A heading at the top of a printed page begins behind the form feed."""
    return match.start() + match[0].startswith("\f")


def _within(at: int, spans: list[tuple[int, int]]) -> bool:
    before = bisect_right(spans, (at, at))
    return before > 0 and at < spans[before - 1][1]


def _underlines(match: re.Match[str]) -> bool:
    """A line is underlined by one of its own length, or nearly so; else it is a rule or a table."""
    return abs(len(match["line"]) - len(match["title"])) <= 2
