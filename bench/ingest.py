"""What is left of a document when it is read, by format, producer and library; what a thousand pages cost.

    python bench/ingest.py formats        the same text from each producer on this machine, read back
    python bench/ingest.py pages          1,000 printed pages: read, cut, written, embedded
    python bench/ingest.py lanes          the chunks of a hundred pages, embedded by one thread and by several

Producers: pandoc, LibreOffice (soffice), Chromium. Libraries that are compared where they are installed:
pypdf, pdfminer.six, pdfplumber, PyMuPDF. The text is the language reference that CPython carries.
"""

import argparse
import importlib
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest_lanes import lanes
from ingest_source import book, markdown

import vctx

CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    "--generate-pdf-document-outline",
)
GRAMS = 5


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def shares(found: str, source: str) -> tuple[float, float]:
    """The share of the source's words that were found, and of its runs of five words, as they stand in it."""
    have, want = words(found), words(source)
    once = (Counter(have) & Counter(want)).total() / len(want)
    runs, wanted = (Counter(zip(*(ws[n:] for n in range(GRAMS)), strict=False)) for ws in (have, want))
    return once, (runs & wanted).total() / wanted.total()


# -- producers


def made(folder: Path) -> Iterator[tuple[str, Path]]:
    """(producer, file) of what this machine can make."""
    source = folder / "source.md"
    source.write_text(markdown(), encoding="utf-8")
    for suffix in ("docx", "epub", "html"):
        yield from _run("pandoc", folder / f"pandoc.{suffix}", source, "-s", "-f", FROM, "-o")
    if shutil.which("soffice"):
        command = ["soffice", "--headless", "--convert-to", "pdf", "--outdir", folder, folder / "pandoc.docx"]
        subprocess.run(command, check=True, capture_output=True)
        yield "LibreOffice", (folder / "pandoc.pdf").rename(folder / "libreoffice.pdf")
    if browser := shutil.which("chromium"):
        page = folder / "pandoc.html"
        columns = folder / "columns.html"
        style = "<style>body { columns: 2; max-width: none; font-size: 9pt } pre { overflow: hidden }</style>"
        columns.write_text(page.read_text("utf-8").replace("</head>", f"{style}</head>"), "utf-8")
        yield "Chromium", _printed(browser, page, folder / "chromium.pdf")
        yield "Chromium, two columns", _printed(browser, columns, folder / "columns.pdf")


def _printed(browser: str, page: Path, target: Path) -> Path:
    options = (*CHROMIUM, f"--user-data-dir={target.with_suffix('')}", f"--print-to-pdf={target}")
    subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True)
    return target


FROM = "gfm-tex_math_dollars"


def _run(program: str, target: Path, source: Path, *options: str) -> Iterator[tuple[str, Path]]:
    if shutil.which(program):
        subprocess.run([program, source, *options, target], check=True, capture_output=True)
        yield program, target


# -- readers


def ours(path: Path) -> str:
    return vctx.read(path).text


def pypdf(path: Path) -> str:
    reader = importlib.import_module("pypdf").PdfReader(path)
    return "\n".join(page.extract_text() for page in reader.pages)


def pdfminer(path: Path) -> str:
    return str(importlib.import_module("pdfminer.high_level").extract_text(path))


def pdfplumber(path: Path) -> str:
    with importlib.import_module("pdfplumber").open(path) as document:
        return "\n".join(page.extract_text() or "" for page in document.pages)


def pymupdf(path: Path) -> str:
    return "\n".join(page.get_text() for page in importlib.import_module("pymupdf").open(path))


def pdfium(path: Path) -> str:
    document = importlib.import_module("pypdfium2").PdfDocument(path)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


READERS: dict[str, Sequence[Callable[[Path], str]]] = {
    ".pdf": (ours, pdfium, pymupdf, pypdf, pdfminer, pdfplumber)
}


def formats() -> Iterator[str]:
    """A table: producer, reader, words, runs of five words, seconds of CPU."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield "| file | producer | reader | words | runs of five | CPU, s |\n|---|---|---|---|---|---|"
        files = list(made(folder))
        plain = ["pandoc", folder / "source.md", "-f", FROM, "-t", "plain", "--wrap=none"]
        source = subprocess.run(plain, check=True, capture_output=True, text=True).stdout
        for producer, path in files:
            for reader in READERS.get(path.suffix, (ours,)):
                try:
                    start = time.process_time()
                    once, runs = shares(reader(path), source)
                except ModuleNotFoundError:
                    continue
                spent = time.process_time() - start
                name = "vctx" if reader is ours else reader.__name__
                yield f"| {path.suffix[1:]} | {producer} | {name} | {once:.4f} | {runs:.4f} | {spent:.1f} |"


def pages() -> Iterator[str]:
    """A table: what each step of adding a thousand printed pages takes."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "book.pdf"
        book(file, 1000)
        yield "| step | CPU, s | wall, s |\n|---|---|---|"
        reading, row = timed("read", lambda: vctx.read(file))
        yield row
        with vctx.open(Path(name) / "book.db", model=None, background=False) as ctx:
            ctx.embed()
            added, row = timed("cut and write", lambda: ctx.add(reading))
            yield row
            _, row = timed("embed", ctx.embed)
            yield row
            _, row = timed("a question", lambda: ctx.search("which exception does division by zero raise?"))
            yield row
            _, row = timed("the same file again", lambda: ctx.add(reading))
            yield row
            page = len(reading.text) // 2
            edited = vctx.Reading(reading.name, f"{reading.text[:page]} Edited. {reading.text[page:]}")
            moved = tuple(h._replace(start=h.start + 9 * (h.start > page)) for h in reading.headings)
            changed = vctx.Reading(edited.name, edited.text, moved)
            again, row = timed("one word more, in the middle", lambda: (ctx.add(changed), ctx.embed())[0])
            yield row
        yield f"\n{added.printed:,} printed pages, {added.chunks:,} chunks, {added.tokens:,} tokens; "
        yield f"of the changed file {again.new} chunks were new, {again.gone} gone"


def side_by_side() -> Iterator[str]:
    """A table: what embedding takes in one lane and in several."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "book.pdf"
        book(file, 100)
        with vctx.open(Path(name) / "book.db", model=None, background=False) as ctx:
            added = ctx.add(vctx.read(file))
            pages = ctx.pages(range(1, added.chunks + 1))
    yield from lanes([page.text for page in pages])


def timed(step: str, work: Callable[[], Any]) -> tuple[Any, str]:
    wall, cpu = time.perf_counter(), time.process_time()
    out = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return out, f"| {step} | {cpu:.1f} | {wall:.1f} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("formats", "pages", "lanes"))
    for line in {"formats": formats, "pages": pages, "lanes": side_by_side}[parser.parse_args().what]():
        print(line, flush=True)
