"""Pages and documents on disk, and the words that find the pages."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from vctx.errors import DiskError, InputError
from vctx.storage.branches import Branches
from vctx.storage.codec import (
    DOCUMENT,
    PAGE,
    SOURCE,
    Row,
    document_of,
    document_row,
    page_of,
    page_row,
    raw_text,
    source_document,
)
from vctx.storage.counts import TOTALS, Counts, seq
from vctx.storage.file import File
from vctx.storage.lately import Lately
from vctx.storage.places import Places, unique
from vctx.types import Document, Page, Source

_SELECT = f"SELECT {PAGE}, sum FROM pages"
_UNFIND = (
    "INSERT INTO words (words, rowid, author, text) SELECT 'delete', id, author, text FROM worded WHERE id"
)
_PART = 500

_INSERT = f"INSERT INTO pages ({PAGE}, sum) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"


class Pages:
    """The tables `pages` and `documents`, and what is fed from them: `words` and `pending`."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._counts = Counts(file)
        self._branches = Branches(file)
        self._places = Places(file, self._branches)
        self._lately = Lately()
        self._changed = 0

    def put(self, pages: Sequence[Page]) -> list[Page]:
        """Stores pages with the next ids and, in each branch, the next seqs. Inside a transaction."""
        with self._file.lock:
            branches = sorted({page.branch for page in pages})
            self._branches.there(branches)
            last, count, characters, *seqs = self._counts.get("page", *TOTALS, *map(seq, branches))
            marks = dict(zip(branches, seqs, strict=True))
            stored = list(_numbered(pages, last + 1, marks))
            self._file.write_all(_INSERT, map(page_row, stored))
            self._feed(last)
            characters += sum(len(page.text) for page in stored)
            totals = {"page": last + len(stored), "pages": count + len(stored), "characters": characters}
            self._counts.set(totals | {seq(branch): mark for branch, mark in marks.items()})
            return stored

    def get(self, ids: Sequence[int]) -> list[Page]:
        """The pages in the order asked."""
        # An id beyond SQLite's integers is not there, either.
        asked = [id for id in dict.fromkeys(ids) if 0 < id < 2**63]
        found = {row[0]: row for row in self._file.among(f"{_SELECT} WHERE id IN", asked)}
        if missing := [id for id in ids if id not in found]:
            share = f" ({len(missing)} of {len(ids)} missing)" if len(ids) > 1 else ""
            raise DiskError(f"no page {missing[0]} in {self._file.path}{share}")
        return [page_of(found[id]) for id in ids]

    def around(self, ids: Collection[int], branch: int | None) -> list[Page]:
        """Those of the pages that there are with the next before and after each, in order of id.

        Of those that the branch sees, where one is named: its neighbours are not those of another.
        """
        return self._remembered(self._places.near(ids, branch))

    def places(self, ids: Sequence[int]) -> list[int]:
        """Where each of the pages stands. Inside a snapshot."""
        order = self._places.order()
        return list(ids) if order.plain else order.of(np.array(ids, np.int64)).tolist()

    def beside(self, ids: Sequence[int], reach: int) -> list[int]:
        """The pages with so many before and after each, whether there are such pages or not."""
        order = self._places.order()
        steps = np.arange(-reach, reach + 1)[:, None]
        return unique(order.at(order.of(np.array(ids, np.int64)) + steps))

    def _remembered(self, asked: Sequence[int]) -> list[Page]:
        """Those of the pages that there are; few are read twice, as long as none is forgotten or moved."""
        changed = sum(self._counts.get("forgotten", "moved"))
        if changed != self._changed:
            self._lately.clear()
            self._changed = changed
        found = self._lately.known(asked)
        rows = self._file.among(f"{_SELECT} WHERE id IN", [id for id in asked if id not in found])
        new = {row[0]: page_of(row) for row in rows}
        # What a transaction has not committed yet may be undone, and its ids given to other pages.
        if not self._file.writing:
            self._lately.keep(new)
        found |= new
        return [found[id] for id in asked if id in found]

    def pages(self, kind: str | None, last: int | None, branch: int | None = None) -> list[Page]:
        """Pages in order of id; the last `last` of a kind; what a branch sees, or all."""
        sql = f"{_SELECT} WHERE {self._branches.where(branch) or '1'} AND {_of(kind)}"
        if last is None:
            return [page_of(row) for row in self._file.rows(f"{sql} ORDER BY id", _given(kind))]
        # SQLite reads a negative limit as none.
        rows = self._file.rows(f"{sql} ORDER BY id DESC LIMIT ?", (*_given(kind), max(last, 0)))
        return [page_of(row) for row in reversed(rows)]

    def raw(self, ids: Sequence[int]) -> list[Row]:
        """(id, author, text) of those pages that there are, garbled or not."""
        return self._file.among("SELECT id, author, text FROM pages WHERE id IN", ids)

    def drop(self, ids: Sequence[int]) -> None:
        """Deletes pages, and what finds them by their words. Inside a transaction."""
        for start in range(0, len(ids), _PART):
            part = tuple(ids[start : start + _PART])
            among = f"IN ({','.join('?' * len(part))})"
            self._file.write(f"{_UNFIND} {among}", part)
            self._file.write(f"DELETE FROM pending WHERE page {among}", part)
            # In Python: SQLite's length() ends at a NUL.
            texts = [raw_text(text) for _, _, text in self.raw(part)]
            self._counts.add({"pages": -len(texts), "characters": -sum(map(len, texts))})
            self._file.write(f"DELETE FROM pages WHERE id {among}", part)

    def summaries(self) -> dict[int, tuple[int, ...]]:
        """The pages that each summary was made from."""
        rows = self._file.rows("SELECT id, parents FROM pages WHERE kind = 'summary' AND kind <> 'message'")
        return {id: tuple(json.loads(parents or "[]")) for id, parents in rows}

    def chunks(self, document: str) -> list[int]:
        """The chunks of a document."""
        sql = (
            "SELECT id, source FROM pages WHERE kind IN ('chunk', 'record') AND kind <> 'message' ORDER BY id"
        )
        rows = self._file.rows(sql)
        return [id for id, source in rows if source is not None and source_document(source) == document]

    def remove(self, document: str) -> bool:
        """Deletes the record of a document, and says whether there was one. Inside a transaction."""
        names = {name: id for id, name in self._file.rows("SELECT id, name FROM documents")}
        found = [id for name, id in names.items() if raw_text(name) == document]
        self._file.write_all("DELETE FROM documents WHERE id = ?", ((id,) for id in found))
        return bool(found)

    def move(self, places: Mapping[int, Source]) -> None:
        """Writes down where pages stand now in a document that was changed. Inside a transaction."""
        rows = (page_row(replace(page, source=places[page.id])) for page in self.get(list(places)))
        sql = "UPDATE pages SET source = ?, sum = ? WHERE id = ?"
        self._file.write_all(sql, ((row[SOURCE], row[-1], row[0]) for row in rows))
        # Whoever remembers pages, or their order, sees by this that some are not what they were.
        self._counts.add({"moved": 1 + len(places)})

    def wait(self) -> None:
        """Puts every page but summaries on the queue. Inside a transaction."""
        self._file.write("DELETE FROM pending")
        self._file.write("INSERT INTO pending (page) SELECT id FROM worded")

    def pending(self, limit: int) -> list[Page]:
        """Up to `limit` pages that have no spans yet, oldest first."""
        sql = f"{_SELECT} WHERE id IN (SELECT page FROM pending ORDER BY page LIMIT ?) ORDER BY id"
        return [page_of(row) for row in self._file.rows(sql, (max(limit, 0),))]

    def add(self, document: Document) -> None:
        """Records a document. Inside a transaction."""
        sql = f"INSERT INTO documents ({DOCUMENT}, sum) VALUES (?, ?, ?, ?)"
        self._file.write(sql, document_row(document))

    def documents(self) -> list[Document]:
        """In the order in which they were added."""
        rows = self._file.rows(f"SELECT {DOCUMENT}, sum FROM documents ORDER BY id")
        return [document_of(row) for row in rows]

    def kinds(self) -> dict[str, int]:
        """How many pages there are of each kind. Inside a snapshot."""
        # The index holds all but the messages, most of a chat: these are what remains.
        sql = "SELECT kind, count(*) FROM pages WHERE kind <> 'message' GROUP BY kind"
        found = {str(kind): int(count) for kind, count in self._file.rows(sql)}
        [pages] = self._counts.get("pages")
        messages = pages - sum(found.values())
        return {"message": messages, **found} if messages else found

    def totals(self) -> tuple[int, int, int]:
        """Pages, their characters, and how many of them are pending."""
        pages, characters = self._counts.get(*TOTALS)
        return pages, characters, int(self._file.value("SELECT count(*) FROM pending"))

    def _feed(self, last: int) -> None:
        # Explicit inserts: a trigger costs FTS5 three times as much in bulk.
        self._file.write(
            "INSERT INTO words (rowid, author, text) SELECT id, author, text FROM worded WHERE id > ?",
            (last,),
        )
        self._file.write("INSERT INTO pending (page) SELECT id FROM worded WHERE id > ?", (last,))


def _numbered(pages: Sequence[Page], first: int, seqs: dict[int, int]) -> Iterator[Page]:
    """The pages with ids from `first`, and seqs that follow the marks of their branches, which move on."""
    group = 0
    for id, page in enumerate(pages, first):
        if page.id:
            raise InputError(f"page {page.id} is on disk already; a page is put once")
        seqs[page.branch] += 1
        if page.group == 0:
            group = group or id
        yield _assigned(page, id, seqs[page.branch], group if page.group == 0 else page.group)


def _assigned(page: Page, id: int, seq: int, group: int | None) -> Page:
    # What dataclasses.replace does, at a fifth of its cost: a tenth of a bulk import.
    return Page(
        page.kind,
        page.role,
        page.text,
        page.created_at,
        page.origin,
        page.author,
        page.source,
        group,
        page.parents,
        page.branch,
        id,
        seq,
        page.call,
    )


def _of(kind: str | None) -> str:
    if kind is None:
        return "1"
    # The index holds no messages; SQLite must be told that none is asked for.
    return "kind = ?" if kind == "message" else "kind = ? AND kind <> 'message'"


def _given(kind: str | None) -> tuple[str, ...]:
    return () if kind is None else (kind,)
