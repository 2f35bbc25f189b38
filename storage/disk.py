"""SqliteDisk: the one door to a session's file. Implements vctx.ports.Disk."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vctx.storage.file import File
from vctx.storage.index import SpanIndex
from vctx.storage.journal import Journal
from vctx.storage.pages import Pages
from vctx.storage.spans import Spans
from vctx.storage.union import union
from vctx.storage.words import Words
from vctx.types import Document, Entry, Hit, Page, Search, Stats, Vector

Vectors = NDArray[np.float32]


class SqliteDisk:
    """The session in the file at `path`, made where there is none (its folder must exist).

    Several processes, and several threads of one, may hold the same session. Whoever waits more than
    `busy` seconds for another process gets a DiskError. What `transaction()` has left is durable: it
    survives the end of the process and (synchronous=FULL) of the power. `close()` it, or use it as a
    context manager.
    """

    def __init__(self, path: str | PathLike[str], *, busy: float = 5.0) -> None:
        self._file = File(path, busy)
        self._pages = Pages(self._file)
        self._journal = Journal(self._file)
        self._spans = Spans(self._file)
        self._words = Words(self._file)
        self._index: SpanIndex | None = None

    def __enter__(self) -> "SqliteDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The session's file."""
        return self._file.path

    @property
    def embedder(self) -> tuple[str, int] | None:
        """Name and dimension of the embedder that made the session's vectors; None before the first."""
        return self._spans.embedder()

    def transaction(self) -> AbstractContextManager[None]:
        """The write lock: what is written inside is durable at its end, or absent. Does not nest."""
        return self._file.transaction()

    def put(self, pages: Sequence[Page]) -> list[Page]:
        """Stores pages and returns them with `id` and `seq` (both from 1) assigned. Inside a transaction."""
        return self._pages.put(pages)

    def add(self, document: Document) -> None:
        """Records a document whose chunks have been put. Inside a transaction."""
        self._pages.add(document)

    def documents(self) -> list[Document]:
        """In the order in which they were added."""
        return self._pages.documents()

    def get(self, ids: Sequence[int]) -> list[Page]:
        """The pages in the order asked; a DiskError names one that is not there, or is garbled."""
        return self._pages.get(ids)

    def pages(self, *, kind: str | None = None, last: int | None = None) -> list[Page]:
        """Pages in order of id; the last `last` of a kind."""
        return self._pages.pages(kind, last)

    def note(self, entry: Entry) -> None:
        """Appends to the journal; DiskError for a tick that is there already. Inside a transaction.

        Request and outcome must be JSON; a tuple in them comes back as a list.
        """
        self._journal.note(entry)

    def entries(self, since: int = -1) -> list[Entry]:
        """Journal entries with a tick above `since`, in order."""
        return self._journal.entries(since)

    def pending(self, limit: int) -> list[Page]:
        """Up to `limit` pages that wait for their embedding, oldest first; summaries never do."""
        return self._pages.pending(limit)

    def known(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the hashes whose vector is stored already."""
        return self._spans.known(hashes)

    def index(self, rows: Sequence[Vector], hashes: Sequence[bytes], vectors: Vectors, embedder: str) -> None:
        """Stores new vectors, (len(hashes), dim), and the spans that refer to them.

        Opens its own transaction. All spans of a page come in one call: every page named is no longer
        pending. What is stored already stays as it is, so two processes may index the same pages.
        MismatchError for another embedder or dimension.
        """
        self._spans.index(rows, hashes, vectors, embedder)

    def search(self, search: Search, vector: Vectors | None) -> list[Hit]:
        """The `k` best spans by cosine and the `k` best pages by BM25, in no order, at most one hit a span.

        `vector` is of unit length, (dim,) or (1, dim), or None to search by words only. A page found by
        one signal gets the other where it exists: the BM25 of its words, or its best span and its cosine.
        """
        k = max(search.k, 0)
        with self._file.lock:
            # Words first: whatever they find has its spans in the index when it is caught up after.
            lexical = self._words.best(search.text, k)
            index = self._caught_up()
            if index is None or vector is None:
                return union(None, [], {}, lexical, self._pages.groups(list(lexical)))
            dense = index.nearest(vector, k)
            meant = dict.fromkeys(index.page(row) for row, _ in dense)
            rest = index.best((page for page in lexical if page not in meant), vector)
            lexical |= self._words.scores(search.text, [page for page in meant if page not in lexical])
            return union(index, dense, rest, lexical, self._pages.groups([*meant, *lexical]))

    def phrase(self, text: str, k: int) -> list[int]:
        """The first `k` pages, by id, that hold the words of `text` in this order."""
        return self._words.phrase(text, k)

    def stats(self) -> Stats:
        """Pages (summaries included), their characters, what is pending, and the documents."""
        return Stats(*self._pages.totals(), documents=tuple(self.documents()))

    def close(self) -> None:
        """May be called again; any other use after it is a DiskError."""
        self._file.close()

    def _caught_up(self) -> SpanIndex | None:
        """The index with all that has been committed, by any process; None while nothing is embedded."""
        if self._index is None and (made := self.embedder):
            self._index = SpanIndex(made[1])
        if self._index is not None:
            self._index.add(self._spans.since(self._index.watermark))
        return self._index
