"""EPUB -> a reading: a zip of XHTML pages, in the order of its spine; each page is read as HTML.

https://www.w3.org/TR/epub-33/: META-INF/container.xml names the package file; its manifest names the pages,
its spine their order.
"""

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from vctx.errors import InputError
from vctx.ingest import archive, html
from vctx.ingest.draft import Draft
from vctx.ingest.text import decoded
from vctx.types import Reading

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
PAGES = frozenset(("application/xhtml+xml", "text/html"))


def read(data: bytes, name: str) -> Reading:
    """The text of a book with its headings. Raises InputError for one that is damaged, or locked."""
    with archive.opened(data, name) as file:
        root = next(
            (e.get("full-path") for e in _tree(file, CONTAINER, name).iter() if _tag(e) == "rootfile"), None
        )
        if root is None:
            raise InputError(f"{name} names no package file; it is no whole EPUB")
        draft = Draft()
        locked = _locked(file, name)
        for path in _spine(file, root, name):
            if path in locked:
                raise InputError(f"{name} is locked by its seller (DRM); its text cannot be read")
            text, _ = decoded(archive.member(file, path, name), f"{name}: {path}")
            html.write(text, draft)
        return draft.reading(name)


def _spine(file: ZipFile, root: str, name: str) -> Iterator[str]:
    """The paths of the pages, in order."""
    package = _tree(file, root, name)
    items = {e.get("id"): e for e in package.iter() if _tag(e) == "item"}
    for ref in package.iter():
        item = items.get(ref.get("idref")) if _tag(ref) == "itemref" else None
        # The navigation page lists the headings that the text holds anyway.
        if (
            item is not None
            and item.get("media-type") in PAGES
            and "nav" not in (item.get("properties") or "").split()
        ):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(root), unquote(item.get("href") or "")))


def _locked(file: ZipFile, name: str) -> frozenset[str]:
    """The members that are encrypted; fonts often are, and do not matter."""
    if ENCRYPTION not in file.namelist():
        return frozenset()
    found = (e.get("URI") for e in _tree(file, ENCRYPTION, name).iter() if _tag(e) == "CipherReference")
    return frozenset(unquote(uri) for uri in found if uri)


def _tree(file: ZipFile, path: str, name: str) -> Element:
    try:
        return ElementTree.fromstring(archive.member(file, path, name))
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise InputError(f"{name} is damaged at {path}: {error}") from error


def _tag(element: Element) -> str:
    """The name of an element, whatever its namespace."""
    return element.tag.rpartition("}")[2]
