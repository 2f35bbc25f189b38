"""PDF -> a reading: printed pages, headings from its outline or its type, tables, code. Text by PDFium.

pypdfium2 was chosen by trying (bench/results/ingest.md): it keeps columns apart, is twenty times as fast as
pypdf, and its licence (BSD, Apache) asks nothing of who installs it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vctx.errors import InputError, MissingError
from vctx.ingest.draft import TITLE, Draft
from vctx.ingest.layout import Line, blocks, ordered, text
from vctx.ingest.printed import lines
from vctx.ports import Progress, silent
from vctx.types import Reading

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

LARGE = 1.15
"""Times the size of the text at which a line is a heading, where the file has no outline."""
REPEATED = 0.4
"""Share of the pages on which a line stands at the same height, for it to be the header or footer."""
MARGIN = 0.08
"""Share of the page's height, above and below, where headers and footers stand."""
LETTERS = 12
"""Letters that stand beside a page's number: page 3 of 10."""
LEAST = 4
"""Pages below which nobody can tell a header."""
OCR = "run OCR first, for example: ocrmypdf {0} with-text.pdf"

_Mark = tuple[int, str, int]
"""(page from 0, title, level)"""


def read(data: bytes, name: str, *, password: str | None = None, progress: Progress = silent) -> Reading:
    """The text of a PDF. Raises InputError for one that is damaged, locked, or only scanned."""
    document = _opened(data, name, password)
    try:
        marks = list(_outline(document))
        with progress("reading", len(document)) as advance:
            pages = [_page(document, number, advance) for number in range(len(document))]
    finally:
        document.close()
    blank = [number for number, page in enumerate(pages, 1) if not page]
    if len(blank) == len(pages):
        raise InputError(f"{name} has no text: {_all(len(pages))}; {OCR.format(name)}")
    pages = _without_margins(pages)
    titled = _outlined(pages, marks) if marks else _by_size(pages)
    draft = Draft()
    for number, page in enumerate(titled):
        if number:
            draft.page()
        _write(page, draft)
    return draft.reading(name, *_notes(blank, len(pages), name))


def _opened(data: bytes, name: str, password: str | None) -> "PdfDocument":
    try:
        # Imported here because a PDF is seldom what is added.
        from pypdfium2 import PdfDocument, PdfiumError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingError("PDF needs: pip install 'vctx[documents]'") from error
    try:
        document = PdfDocument(data, password=password)
        if not len(document):
            raise InputError(f"{name} has no pages")
    except PdfiumError as error:
        if "assword" in str(error):
            what = "needs a password (--password)" if password is None else "does not open with this password"
            raise InputError(f"{name} {what}") from error
        raise InputError(f"{name} is damaged or cut off ({error}); fetch it again") from error
    return document


def _page(document: "PdfDocument", number: int, advance: Any) -> list[Line]:
    from pypdfium2 import PdfiumError  # noqa: PLC0415

    advance(1)
    try:
        page = document[number]
    except PdfiumError:
        return []  # one page is damaged: it is named among those without text
    try:
        return ordered(list(lines(page)))
    finally:
        page.close()


def _all(pages: int) -> str:
    return "its only page is a picture" if pages == 1 else f"its {pages} pages are pictures"


def _notes(blank: Sequence[int], pages: int, name: str) -> Iterator[str]:
    if blank:
        some = ", ".join(map(str, blank[:8])) + (", ..." if len(blank) > 8 else "")
        yield f"{len(blank)} of {pages} pages have no text (p. {some}); if they are scans, {OCR.format(name)}"


def _outline(document: "PdfDocument") -> Iterator[_Mark]:
    """What the file lists as its sections."""
    for item in document.get_toc(max_depth=6):
        destination = item.get_dest()
        index = destination.get_index() if destination else None
        title = " ".join((item.get_title() or "").split())
        if index is not None and title:
            yield index, title[:TITLE], item.level + 1


def _without_margins(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without the headers, footers and numbers that most of them share."""
    if len(pages) < LEAST:
        return [list(page) for page in pages]
    usual = _usual(pages)
    # Where the paper ends is not asked: what is printed highest and lowest tells it nearly as well.
    low = min(line.bottom for page in pages for line in page)
    height = max(line.top for page in pages for line in page) + low
    keys = [{_margin(line, height, usual) for line in _edge(page)} for page in pages]
    counts = Counter(key for page in keys for key in page)
    shared = {key for key, count in counts.items() if count >= max(LEAST, REPEATED * len(pages))}
    return [
        [line for line in page if line not in _edge(page) or _margin(line, height, usual) not in shared]
        for page in pages
    ]


def _edge(page: Sequence[Line]) -> list[Line]:
    """The two lines that stand highest, and the two lowest."""
    high = sorted(page, key=lambda line: -line.top)
    return [*high[:2], *high[-2:]]


def _margin(line: Line, height: float, usual: float) -> tuple[str, int]:
    """What a header has in common on all pages: its height and its words.

    Numbers may differ in a line of few letters, or at the very edge of the page; else it is text.
    """
    outside = line.bottom > (1 - MARGIN) * height or line.top < MARGIN * height
    short = sum(map(str.isalpha, line.text)) <= LETTERS
    counted = line.size <= usual and (short or outside)
    return re.sub(r"\d+", "#", line.text) if counted else line.text, round(line.bottom / 4)


def _usual(pages: Sequence[Sequence[Line]]) -> float:
    """The size in which most of the text is set."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[_half(line.size)] += len(line.text)
    return sizes.most_common(1)[0][0]


def _outlined(pages: Sequence[Sequence[Line]], marks: Sequence[_Mark]) -> list[list[Line]]:
    """Marks the lines that the outline names; a title that is nowhere on its page stands at its head."""
    out = [list(page) for page in pages]
    for number, title, level in marks:
        if number < len(out):
            out[number] = _titled(out[number], title, level)
    return out


def _titled(page: list[Line], title: str, level: int) -> list[Line]:
    wanted = _letters(title)
    for start, line in enumerate(page):
        if line.title or not wanted.startswith(_letters(line.text) or "\0"):
            continue
        for stop in range(start + 1, min(start + 5, len(page)) + 1):
            if _letters("".join(one.text for one in page[start:stop])) == wanted:
                return [*page[:start], replace(line, text=title, title=level, cells=()), *page[stop:]]
    top = page[0] if page else Line("", 0, 0, 0, 0)
    return [
        *(one for one in page[:0]),
        replace(top, text=title, title=level, cells=(), mono=False, hyphen=False),
        *page,
    ]


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _by_size(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Marks lines in larger type as headings, the largest as level 1."""
    usual = _usual(pages)
    sizes: Counter[float] = Counter()
    for line in (line for page in pages for line in page):
        sizes[_half(line.size)] += len(line.text)
    large = sorted({size for size in sizes if size >= LARGE * usual}, reverse=True)[:6]
    levels = {size: level for level, size in enumerate(large, 1)}
    found = sum(sizes[size] for size in levels)
    if found > sizes.total() / 5:
        return [list(page) for page in pages]  # no headings, but a text in two sizes
    return [[_sized(line, levels) for line in page] for page in pages]


def _sized(line: Line, levels: dict[float, int]) -> Line:
    level = levels.get(_half(line.size), 0)
    words = len(line.text) <= TITLE and any(char.isalpha() for char in line.text)
    return replace(line, title=level, cells=()) if level and words else line


def _half(size: float) -> float:
    return round(size * 2) / 2


def _write(page: Sequence[Line], draft: Draft) -> None:
    for block in blocks(page):
        if block[0].title:
            draft.heading(" ".join(line.text for line in block), block[0].title)
        elif block[0].mono:
            draft.code(text(block))
        else:
            draft.block(text(block))
