"""Embeds the pages that wait for it: spans, hashes, vectors, in batches that each commit. Resumable.

A vector belongs to the embedded text, so what was embedded once is never embedded again.
"""

from collections.abc import Sequence
from hashlib import blake2b

from vctx.ports import Disk, Embedder, Progress
from vctx.types import Page, Span, Vector

BATCH = 512
"""Pages embedded and committed at a time."""


def embed(disk: Disk, embedder: Embedder, bound: int, progress: Progress) -> int:
    """Embeds up to `bound` waiting pages, oldest first; returns how many still wait."""
    waiting = disk.stats().pending
    todo = min(bound, waiting)
    if todo:
        with progress("embedding", todo) as advance:
            for start in range(0, todo, BATCH):
                pages = disk.pending(min(BATCH, todo - start))
                _embed(disk, embedder, pages)
                advance(len(pages))
    return waiting - todo


def spans(embedder: Embedder, page: Page) -> list[tuple[Span, str]]:
    """The spans of a page with the text that is embedded for each.

    The author, or the heading, stands before the first: a page is found by who said it and where.
    """
    title = page.source.heading if page.source else page.author
    lead = f"{title}: " if title else ""
    text = lead + page.text
    cut = [(max(0, a - len(lead)), b - len(lead), text[a:b]) for a, b in embedder.spans(text)]
    return [((a, b), part) for a, b, part in cut if b > a or not page.text]


def _embed(disk: Disk, embedder: Embedder, pages: Sequence[Page]) -> None:
    rows: list[Vector] = []
    texts: dict[bytes, str] = {}
    for page in pages:
        for span, text in spans(embedder, page):
            digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            rows.append(Vector(page.id, span, digest))
            texts[digest] = text
    known = disk.known(list(texts))
    new = [digest for digest in texts if digest not in known]
    disk.index(rows, new, embedder.embed([texts[digest] for digest in new]), embedder.name)
