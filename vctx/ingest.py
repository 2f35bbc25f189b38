"""Files -> readings: text with headings and printed pages. Plain text, Markdown, reStructuredText, code.

A form feed parts printed pages, as in any plain-text print. Headings are Markdown's `#` lines, and lines
underlined with punctuation, as in Markdown and reStructuredText.
"""

import re
from pathlib import Path

from vctx.errors import InputError
from vctx.types import Reading

LARGEST = 256 * 2**20
"""Bytes; a text file beyond this is more likely a mistake than a book."""

_HASHES = re.compile(r"^\f?#{1,6}[ \t]+(?P<title>.+?)[ \t#]*$", re.MULTILINE)
_UNDERLINED = re.compile(
    r"^\f?(?P<title>[^\s].{0,198})\n(?P<line>([=\-~^*\"'+#.`_])\3{2,})[ \t]*$", re.MULTILINE
)


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
    return reading(data, name or path.name)


def reading(data: bytes, name: str) -> Reading:
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
    return Reading(name, text, headings(text))


def headings(text: str) -> tuple[tuple[int, str], ...]:
    """(first character, title) of each heading, in order."""
    found = [*_HASHES.finditer(text), *(m for m in _UNDERLINED.finditer(text) if _underlines(m))]
    # A heading at the top of a printed page begins behind the form feed.
    starts = (match.start() + match[0].startswith("\f") for match in found)
    return tuple(sorted((a, " ".join(m["title"].split())) for a, m in zip(starts, found, strict=True)))


def _underlines(match: re.Match[str]) -> bool:
    """A line is underlined by one of its own length, or nearly so; else it is a rule or a table."""
    return abs(len(match["line"]) - len(match["title"])) <= 2
