"""SqliteDisk: the one door to a session's file. Implements vctx.ports.Disk."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from os import PathLike
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from vctx.candidates import Candidates
from vctx.errors import InputError
from vctx.storage.branches import Branches
from vctx.storage.check import Check, Report
from vctx.storage.codec import Row
from vctx.storage.connection import Opener, standard
from vctx.storage.copies import backup, purge, unmake
from vctx.storage.counts import Counts
from vctx.storage.dense import Dense
from vctx.storage.dump import Dump
from vctx.storage.file import File
from vctx.storage.forget import Forgetting
from vctx.storage.journal import Journal
from vctx.storage.meta import Meta
from vctx.storage.pages import Pages
from vctx.storage.settled import Settled
from vctx.storage.spans import Spans
from vctx.storage.times import Times
from vctx.storage.union import both, union, without, words
from vctx.storage.words import Words
from vctx.types import Document, Entry, Page, Search, Source, Stats, Vector

Vectors = NDArray[np.float32]


class SqliteDisk:
    """The session in the file at `path`, made where there is none (its folder must exist).

    Several processes, and several threads of one, may hold the same session: readers wait for nobody,
    writers queue. Whoever waits more than `busy` seconds gets a DiskError. What `transaction()` has left
    is durable: it survives the end of the process and (synchronous=FULL) of the power. `close()` it, or
    use it as a context manager.

    With `readonly`, or where the file or its folder may not be written, it is opened for reading: writing
    is a DiskError. `connect` makes the connection; the standard library's SQLite unless said otherwise.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        busy: float = 5.0,
        readonly: bool = False,
        connect: Opener = standard,
    ) -> None:
        self._connect = connect
        self._file = File(path, busy, readonly=readonly, opener=connect)
        self._pages = Pages(self._file)
        self._journal = Journal(self._file)
        self._spans = Spans(self._file)
        self._words = Words(self._file)
        self._counts = Counts(self._file)
        self._branches = Branches(self._file)
        self._meta = Meta(self._file)
        self._forgetting = Forgetting(self._file, self._pages, self._journal, self._spans, self._words)
        self._dense = Dense(self._file, self._spans)
        self._times = Times(self._file)
        self._settled = Settled(self._file)

    def __enter__(self) -> "SqliteDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The session's file."""
        return self._file.path

    @property
    def readonly(self) -> bool:
        """Whether writing is an error."""
        return self._file.readonly

    @property
    def embedder(self) -> tuple[str, int] | None:
        """Name and dimension of the embedder that made the session's vectors; None before the first."""
        return self._meta.embedder()

    @property
    def owner(self) -> tuple[str, str]:
        """Whose session it is, and its title; empty where nobody said so."""
        known = self._meta.get()
        return known.get("user", ""), known.get("title", "")

    # -- writing

    def own(self, user: str, title: str) -> None:
        """Writes down whose session it is, and its title. Inside a transaction."""
        self._meta.set({"user": user, "title": title})

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """The write lock: what is written inside is kept at its end, or absent. Does not nest.

        With `durable` False the end may come before the disk has it all, so that a power cut may take the
        last of such transactions, in order; the next durable one makes them durable, too.
        """
        return self._file.transaction(durable=durable)

    @contextmanager
    def relaxed(self) -> Iterator[None]:
        """For bulk import: transactions inside end before they are durable; at its own end all of them are.

        Until then a power cut may take the last of them, in order. The end of the process takes none.
        """
        try:
            with self._file.unsynced():
                yield
        finally:
            with self.transaction():
                # A synced write syncs all before it; SQLite would not write a value that stays the same.
                self._counts.add({"relaxed": 1})

    def put(self, pages: Sequence[Page]) -> list[Page]:
        """Stores pages and returns them with `id` and `seq` (both from 1) assigned. Inside a transaction.

        No id is ever given twice, whatever has been forgotten.
        """
        return self._pages.put(pages)

    def add(self, document: Document) -> None:
        """Records a document whose chunks have been put. Inside a transaction."""
        self._pages.add(document)

    def move(self, places: Mapping[int, Source]) -> None:
        """Writes down where pages stand now in a document that was changed. Inside a transaction."""
        self._pages.move(places)

    def note(self, entry: Entry) -> None:
        """Appends to the journal; DiskError for a tick that is there already. Inside a transaction.

        Request and outcome must be JSON; a tuple in them comes back as a list.
        """
        self._journal.note(entry)

    def index(self, rows: Sequence[Vector], hashes: Sequence[bytes], vectors: Vectors, embedder: str) -> None:
        """Stores new vectors, (len(hashes), dim), and the spans that refer to them.

        Opens its own transaction. All spans of a page come in one call: every page named is no longer
        pending. What is stored already stays as it is, so two processes may index the same pages.
        MismatchError for another embedder or dimension.
        """
        self._spans.index(rows, hashes, vectors, embedder)

    def fork(self, parent: int = 0, at: int | None = None) -> int:
        """A new branch that sees `parent` up to page `at` (default: all of it now). Inside a transaction."""
        return self._branches.fork(parent, at)

    def reembed(self, embedder: str, dim: int) -> int:
        """Drops the vectors of any other embedder, so that this one makes them anew; returns what waits.

        Opens its own transaction. Until the pages are embedded again, they are found by their words.
        """
        with self._file.transaction():
            if self.embedder != (embedder, dim):
                self._spans.clear()
                self._meta.record(embedder, dim)
                # Others who have the session open see by these that their index is out of date.
                self._counts.add({"forgotten": 1, "purged": 1})
                self._pages.wait()
            return self.stats().pending

    # -- reading

    def documents(self) -> list[Document]:
        """In the order in which they were added."""
        return self._pages.documents()

    def get(self, ids: Sequence[int]) -> list[Page]:
        """The pages in the order asked; a DiskError names one that is not there, or is garbled."""
        return self._pages.get(ids)

    def pages(
        self, *, kind: str | None = None, last: int | None = None, branch: int | None = None
    ) -> list[Page]:
        """Pages in order of id; the last `last` of a kind; what `branch` sees (default: of all branches)."""
        return self._pages.pages(kind, last, branch)

    def entries(self, since: int = -1) -> list[Entry]:
        """Journal entries with a tick above `since`, in order."""
        return self._journal.entries(since)

    def pending(self, limit: int) -> list[Page]:
        """Up to `limit` pages that wait for their embedding, oldest first; summaries never do."""
        return self._pages.pending(limit)

    def known(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the hashes whose vector is stored already."""
        return self._spans.known(hashes)

    def search(self, search: Search, vector: Vectors | None, *, branch: int | None = None) -> Candidates:
        """The `k` best spans by cosine and the `k` best pages by BM25, in no order, at most one hit a span.

        `vector` is of unit length, (dim,) or (1, dim), or None to search by words only. A page found by
        one signal gets the other where it exists: the BM25 of its words, or its best span and its cosine.
        With `branch`, only what that branch sees (BM25 weighs words by all pages, all the same).
        """
        k = max(search.k, 0)
        with self._file.snapshot():
            where = self._branches.where(branch)
            lexical = self._words.best(search.text, k, where)
            index = None if vector is None else self._dense.caught_up()
            if index is None or vector is None:
                return words(lexical)
            dense = index.nearest(vector, k, self._branches.visible(branch))
            meant, _ = index.named(dense[0])
            rest = index.best(without(lexical, meant), vector)
            others = [page for page in dict.fromkeys(meant.tolist()) if page not in lexical]
            lexical |= self._words.scores(search.text, others)
            return union(index, both(dense, rest), lexical)

    def vectors(self, since: int) -> tuple[int, list[Row]]:
        """How often something was forgotten, and the spans after span `since` with their vectors, in order.

        (id, page, start, stop, fp16 bytes). What was read before something was forgotten is out of date.
        """
        with self._file.snapshot():
            [forgotten] = self._counts.get("forgotten")
            return forgotten, self._spans.since(since)

    def cosines(self, vectors: Sequence[Vectors], pages: Sequence[int]) -> Vectors:
        """The cosine of each page, by its best span, to each vector, (len(vectors), len(pages)).

        NaN for a page that has not been embedded.
        """
        with self._file.snapshot():
            index = self._dense.caught_up()
        if index is None:
            return np.full((len(vectors), len(pages)), np.nan, np.float32)
        return index.cosines(np.array(pages, np.int64), np.array(vectors, np.float32))

    def around(self, pages: Sequence[int], *, branch: int | None = None) -> list[Page]:
        """The pages and those that stand next to them, in order of id; what is not there is left out.

        With `branch`, those of the pages that the branch sees, and what it sees right before and after.
        """
        with self._file.snapshot():
            return self._pages.around(pages, branch)

    def places(self, pages: Sequence[int]) -> list[int]:
        """Where each page stands: places that follow each other are side by side. Mostly its number.

        In a document that was brought up to date, the order of the text; these places are beyond all numbers.
        """
        with self._file.snapshot():
            return self._pages.places(pages)

    def beside(self, pages: Sequence[int], reach: int) -> list[int]:
        """The numbers of the pages and of `reach` before and after each, whether they are there or not."""
        with self._file.snapshot():
            return self._pages.beside(pages, reach)

    def phrase(self, text: str, k: int, *, branch: int | None = None) -> list[int]:
        """The first `k` pages, by id, that hold the words of `text` in this order; of what `branch` sees."""
        with self._file.snapshot():
            return self._words.phrase(text, k, self._branches.where(branch))

    def written(self, first: date, last: date, *, branch: int | None = None) -> list[int]:
        """What was said from one day to the other, by id; of what `branch` sees. Documents have no day."""
        with self._file.snapshot():
            return self._times.between(first, last, branch)

    def stats(self) -> Stats:
        """Pages (summaries included), their characters, what is pending, and the documents."""
        return self._settled.get("stats", self._stats)

    def _stats(self) -> Stats:
        with self._file.snapshot():
            return Stats(*self._pages.totals(), documents=tuple(self.documents()))

    def kinds(self) -> dict[str, int]:
        """How many pages there are of each kind, on all branches."""
        with self._file.snapshot():
            return self._pages.kinds()

    # -- forgetting

    def erase(self, pages: Sequence[int]) -> tuple[int, ...]:
        """Deletes pages, every summary made from them, and all that was derived. Inside a transaction.

        Returns all pages that went; the journal keeps its plans and loses the texts that quote them.
        DiskError for a page that is not there. `scrub()` afterwards: until then their bytes may stay.
        """
        return self._forgetting.erase(pages)

    def scrub(self) -> bool:
        """Removes the bytes of what was erased, and reads the files to make sure.

        False while they are not yet purged, because a reader still holds them: call it again later.
        """
        return self._forgetting.scrub()

    def forget(self, pages: Sequence[int]) -> bool:
        """Erases pages and scrubs; True once their bytes are in no file of the session."""
        with self.transaction():
            self.erase(pages)
        return self.scrub()

    def remove(self, document: str) -> list[int]:
        """Removes the record of a document and returns its chunks, to be erased. Inside a transaction.

        InputError where there is none of that name.
        """
        if not self._pages.remove(document):
            raise InputError(f"no document {document} in {self.path}")
        return self._pages.chunks(document)

    def forget_document(self, name: str) -> bool:
        """Erases a document and its chunks, and scrubs; InputError where there is none of that name."""
        with self.transaction():
            self.erase(self.remove(name))
        return self.scrub()

    @property
    def purged(self) -> bool:
        """Whether the bytes of all that was ever erased are known to be gone."""
        return self._forgetting.purged()

    @staticmethod
    def purge(path: str | PathLike[str], *, busy: float = 5.0) -> None:
        """Deletes a whole session: its file, log, lock, and what migrations left. DiskError where none is.

        Whoever has it open can write to it no more.
        """
        purge(Path(path), busy)

    @staticmethod
    def unmake(path: str | PathLike[str], *, busy: float = 5.0) -> bool:
        """Deletes a session in which nothing was ever written, and that nobody has open; says whether."""
        return unmake(Path(path), busy, standard)

    # -- keeping

    def backup(self, target: str | PathLike[str]) -> None:
        """Copies the session, as it stands at one moment, to a new file; durable, whole or absent.

        Others may go on reading and writing. InputError where `target` is there already.
        """
        backup(self._file, Path(target), self._connect)

    def check(self, *, repair: bool = True) -> Report:
        """Compares every row with its checksum, and what is derived with what it was made from.

        What is derived and wrong is made anew, unless `repair` is False or the file is read only.
        """
        return Check(self._file, self._words).run(repair and not self.readonly)

    def export(self, stream: TextIO) -> int:
        """Writes the session as JSON Lines, without loss; returns how many rows it has.

        DiskError for a garbled row.
        """
        return Dump(self._file, self._words).write(stream)

    def import_(self, stream: TextIO) -> int:
        """Fills this session, which must be empty, from an export; wholly, or (InputError) not at all."""
        return Dump(self._file, self._words).read(stream)

    def close(self) -> None:
        """Keeps the index in the cache beside the file, if that saves time, and lets go of the file.

        May be called again; any other use after it is a DiskError.
        """
        if self._file.open:
            self._dense.keep()
        self._file.close()
