"""Files -> readings: text with headings, printed pages and turns. One file a format."""

from pathlib import Path

from vctx.errors import InputError
from vctx.ingest import text
from vctx.types import Reading

LARGEST = 256 * 2**20
"""Bytes; a text file beyond this is more likely a mistake than a book."""


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
    decoded = text.decoded(data, name)
    return Reading(name, decoded, text.headings(decoded, suffix))
