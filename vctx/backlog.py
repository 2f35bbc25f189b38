"""Embeds the pages that wait for it: spans, hashes, vectors, in batches that each commit. Resumable.

A vector belongs to the embedded text, so what was embedded once is never embedded again.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from vctx.errors import MismatchError
from vctx.ports import Advance, Disk, Embedder, Progress, silent
from vctx.types import Page, Span, Vector

if TYPE_CHECKING:
    from vctx.ports import Vectors

BATCH = 512
"""Pages embedded and committed at a time: progress is told, and kept, so often. Fewer would leave cores idle
at the end of each. Always as many, however fast the machine is: in bfloat16 a vector depends, in its last
digits, on what is embedded with it, and two runs over the same pages are to end with the same ones.
"""

Count = Callable[[Sequence[str]], list[int]]
"""How many tokens each text has."""


class Backlog:
    """What waits in one session: embedded when somebody asks for it, in the caller's thread.

    `vctx.background` has the one with a thread. Raises MismatchError where another embedder made the
    session's vectors.
    """

    def __init__(self, disk: Disk, embedder: Embedder, progress: Progress = silent) -> None:
        self._disk = disk
        self._embedder = embedder
        self._progress = progress
        same_embedder(disk, embedder)

    def wake(self) -> None:
        """Says that pages were appended: here, they wait until somebody asks."""

    def embed(self, bound: int | None = None, count: Count | None = None) -> int:
        """Embeds up to `bound` waiting pages (None: all), oldest first; returns how many still wait.

        With `count`, progress is told of tokens, too.
        """
        same_embedder(self._disk, self._embedder)
        waiting = self._disk.stats().pending
        todo = waiting if bound is None else min(bound, waiting)
        if self._progress is silent:
            count = None  # nobody is told
        if todo:
            with self._progress("embedding chunks", todo) as advance:
                advance_by(self._disk, self._embedder, todo, advance, count=count)
        return waiting - todo

    def vectors(self, texts: Sequence[str]) -> "Vectors":
        """The vectors of a query or a few sentences; they are not kept."""
        return self._embedder.embed(texts)

    def close(self, *, drain: bool = True) -> None:
        """Lets go of the thread, where there is one; with `drain`, after it has embedded what it was told of.

        Raises what went wrong in it since the last `embed`.
        """


def advance_by(
    disk: Disk, embedder: Embedder, most: int, advance: Advance, *, count: Count | None = None
) -> int:
    """Embeds the `most` pages that have waited longest, in batches; returns how many there were."""
    done = 0
    while done < most and (pages := disk.pending(min(BATCH, most - done))):
        vectors = _embed(disk, embedder, pages)
        done += len(pages)
        tokens = {"tokens": sum(count([page.text for page in pages]))} if count else {}
        advance(len(pages), **tokens, vectors=vectors)
    return done


def same_embedder(disk: Disk, embedder: Embedder) -> None:
    """MismatchError where another embedder made the session's vectors: they are never mixed."""
    made = disk.embedder
    if made and made[0] != embedder.name:
        raise MismatchError(
            f"the session's vectors were made by {made[0]}, not by {embedder.name}: open it with the embedder"
            " that made them, or change that for good with `vctx reembed`"
        )


def spans(embedder: Embedder, page: Page) -> list[tuple[Span, str]]:
    """The spans of a page with the text that is embedded for each.

    The author, or the heading, stands before the first: a page is found by who said it and where.
    """
    title = page.source.heading if page.source else page.author
    lead = f"{title}: " if title else ""
    text = lead + page.text
    cut = [(max(0, a - len(lead)), b - len(lead), text[a:b]) for a, b in embedder.spans(text)]
    return [((a, b), part) for a, b, part in cut if b > a or not page.text]


def _embed(disk: Disk, embedder: Embedder, pages: Sequence[Page]) -> int:
    """Returns how many vectors were made."""
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
    return len(new)
