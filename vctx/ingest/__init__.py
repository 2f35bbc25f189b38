"""Files -> readings: text with headings, printed pages and turns. One file a format."""

import stat
from collections.abc import Callable
from pathlib import Path

from vctx.errors import InputError
from vctx.ingest import archive, chats, code, docx, epub, html, pdf, text
from vctx.ingest.draft import Draft
from vctx.ingest.sniff import Kind, kind
from vctx.ports import Progress, silent
from vctx.types import Reading

LARGEST = 2**30
"""Bytes of a file; one beyond this is more likely a mistake than a book."""
MOST = 256 * 2**20
"""Bytes of a text file."""


def read(
    path: Path, *, name: str | None = None, password: str | None = None, progress: Progress = silent
) -> Reading:
    """Reads a file in whatever format it is; `name` (default: the file's) is how its pages cite it.

    Raises InputError for what cannot be read, MissingError where a format needs a package that is not there.
    """
    return reading(_bytes(path), name or path.name, path.suffix.lower(), password=password, progress=progress)


def reading(
    data: bytes, name: str, suffix: str = "", *, password: str | None = None, progress: Progress = silent
) -> Reading:
    """The text of a file's bytes. What it is, its content says; the suffix tells kinds of text apart."""
    found = kind(data, name, suffix)
    if found == "pdf":
        return pdf.read(data, name, password=password, progress=progress)
    return _READERS[found](data, name, suffix)


def _bytes(path: Path) -> bytes:
    """All of a file, as it stands at one moment."""
    try:
        mode = path.stat().st_mode
        # To open a pipe would wait for whoever writes into it; what a folder is, the system says.
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise InputError(
                f"{path} is no file but a device or a pipe; give its content on standard input (-)"
            )
        with path.open("rb") as file:
            before = path.stat()
            if before.st_size > LARGEST:
                raise InputError(f"{path} is larger than {LARGEST >> 20} MiB; split it first")
            data = file.read(LARGEST + 1)
            after = path.stat()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(data) != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
        raise InputError(f"{path} changed while it was read; add it again once nobody writes to it")
    return data


def _docx(data: bytes, name: str, suffix: str) -> Reading:
    return docx.read(data, name)


def _epub(data: bytes, name: str, suffix: str) -> Reading:
    return epub.read(data, name)


def _html(data: bytes, name: str, suffix: str) -> Reading:
    page, guessed = text.decoded(data, name, html.charset(data))
    draft = Draft()
    html.write(page, draft)
    return draft.reading(name, *_guessed(guessed))


def _zip(data: bytes, name: str, suffix: str) -> Reading:
    """The export of a chat service: its conversations."""
    with archive.opened(data, name) as file:
        path = next(path for path in file.namelist() if path.rpartition("/")[2] == chats.EXPORT)
        page, _ = text.decoded(archive.member(file, path, name), name)
    return chats.export(page, name)


def _text(data: bytes, name: str, suffix: str) -> Reading:
    if len(data) > MOST:
        raise InputError(f"{name} is larger than {MOST >> 20} MiB of text; split it first")
    page, guessed = text.decoded(data, name)
    if suffix in ("", ".json", ".jsonl", ".ndjson") and chats.is_lines(page):
        return chats.lines(page, name)
    if suffix in ("", ".json") and chats.is_export(page):
        return chats.export(page, name)
    found = code.headings(page) if suffix in code.SUFFIXES else text.headings(page, suffix)
    return Reading(name, page, found, notes=tuple(_guessed(guessed)))


def _guessed(encoding: str) -> list[str]:
    return [f"not UTF-8, and nothing in it says what it is: read as {encoding}"] if encoding else []


_READERS: dict[Kind, Callable[[bytes, str, str], Reading]] = {
    "docx": _docx,
    "epub": _epub,
    "html": _html,
    "chats": _zip,
    "text": _text,
}
