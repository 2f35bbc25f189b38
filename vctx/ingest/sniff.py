"""What a file is, by its content: a suffix may be wrong."""

import re
from typing import Literal

from vctx.errors import UnreadableError
from vctx.ingest import archive
from vctx.ingest.chats import EXPORT

Kind = Literal["pdf", "docx", "epub", "html", "chats", "text"]

MAGIC = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"OggS", "a recording"),
    (b"ID3", "a recording"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office file, or one with a password; save it as DOCX without one",
    ),
    (b"{\\rtf", "RTF; save it as DOCX"),
    (b"%!PS", "PostScript; convert it to PDF (ps2pdf)"),
)
"""How files begin that hold no text that vctx reads."""
OFFICE = {
    "xl/workbook.xml": "an Excel workbook; save its sheets as CSV",
    "ppt/presentation.xml": "a PowerPoint presentation; save it as PDF",
    "content.xml": "an OpenDocument file; save it as DOCX or PDF",
}
"""What else a zip archive may be, by a member."""

_HTML = re.compile(
    rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(rb"<(head|body|div|p|h[1-6]|table|ul|article|title)\b[^>]*>", re.IGNORECASE)


def kind(data: bytes, name: str, suffix: str) -> Kind:
    """What a file is. Raises UnreadableError for an empty one, and for what holds no text that vctx reads."""
    if not data:
        raise UnreadableError(f"{name} is empty", "empty")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith((b"PK\3\4", b"PK\5\6")):
        return _zipped(data, name)
    for magic, what in MAGIC:
        # Two letters begin many a text; a program has a NUL soon.
        if data.startswith(magic) and (len(magic) > 3 or b"\0" in data[:512]):
            raise UnreadableError(f"{name} is no text: it is {what}", what.partition(";")[0])
    return "html" if _is_html(data, suffix) else "text"


def _is_html(data: bytes, suffix: str) -> bool:
    head = data[:4096].removeprefix(b"\xef\xbb\xbf")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\0", b"")[2:]
    return bool(_HTML.match(head) or (suffix in (".html", ".htm", ".xhtml") and _TAG.search(data)))


def _zipped(data: bytes, name: str) -> Kind:
    with archive.opened(data, name) as file:
        members = set(file.namelist())
    if "word/document.xml" in members:
        return "docx"
    if "META-INF/container.xml" in members and "content.xml" not in members:
        return "epub"
    if any(member.rpartition("/")[2] == EXPORT for member in members):
        return "chats"
    what = next(
        (OFFICE[member] for member in OFFICE if member in members),
        "a zip archive; unpack it, and add what is in it",
    )
    raise UnreadableError(f"{name} is {what}", what.partition(";")[0])
