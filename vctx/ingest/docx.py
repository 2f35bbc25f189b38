"""DOCX -> a reading: mammoth makes HTML of it by its styles, and that is read as HTML."""

import zlib
from io import BytesIO
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile

from vctx.errors import InputError, MissingError
from vctx.ingest import archive, html
from vctx.ingest.draft import Draft
from vctx.types import Reading

STYLES = "\n".join(
    f"p[style-name='{name}'] => pre:separator('\\n')"
    for name in ("Source Code", "Code", "HTML Preformatted", "Preformatted Text", "Plain Text")
)
"""Paragraph styles that hold code, as Word, LibreOffice and pandoc name them."""

BROKEN = (
    *(BadZipFile, zlib.error, EOFError, NotImplementedError, ExpatError),
    *(LookupError, ValueError, AttributeError, TypeError),
)
"""What mammoth, and what it reads with, raise on a document that is not as Word writes it."""


def read(data: bytes, name: str) -> Reading:
    """The text of a document, its headings, lists and tables. Raises InputError for one that is damaged."""
    try:
        # Imported here because a Word document is seldom what is added.
        import mammoth  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingError("DOCX needs: pip install 'vctx[documents]'") from error
    archive.opened(data, name).close()
    try:
        made = mammoth.convert_to_html(
            BytesIO(data), style_map=STYLES, convert_image=mammoth.images.img_element(_no_image)
        )
    except BROKEN as error:
        raise InputError(f"{name} is no whole Word document: {error}") from error
    draft = Draft()
    html.write(made.value, draft)
    return draft.reading(name)


def _no_image(image: object) -> dict[str, str]:
    """An image is not text; without this its bytes would stand in the HTML."""
    return {"src": ""}
