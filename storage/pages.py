"""Pages and documents on disk, and the words that find the pages."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from vctx.errors import DiskError, InputError
from vctx.storage.codec import DOCUMENT, PAGE, document_of, document_row, page_of, page_row
from vctx.storage.file import File
from vctx.types import Document, Page

_SELECT = f"SELECT {PAGE}, sum FROM pages"
_INSERT = f"INSERT INTO pages ({PAGE}, sum) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"


class Pages:
    """The tables `pages` and `documents`, and what is fed from them: `words` and `pending`."""

    def __init__(self, file: File) -> None:
        self._file = file

    def put(self, pages: Sequence[Page]) -> list[Page]:
        """Stores pages with the next ids and, in each branch, the next seqs. Inside a transaction."""
        with self._file.lock:
            first = self._last() + 1
            stored = list(self._numbered(pages, first))
            self._file.write_all(_INSERT, map(page_row, stored))
            self._feed(first, stored)
            return stored

    def get(self, ids: Sequence[int]) -> list[Page]:
        """The pages in the order asked."""
        # An id beyond SQLite's integers is not there, either.
        asked = [id for id in dict.fromkeys(ids) if 0 < id < 2**63]
        found = {row[0]: row for row in self._file.among(f"{_SELECT} WHERE id IN", asked)}
        if missing := [id for id in ids if id not in found]:
            raise DiskError(
                f"no page {missing[0]} in {self._file.path} ({len(missing)} of {len(ids)} missing)"
            )
        return [page_of(found[id]) for id in ids]

    def pages(self, kind: str | None, last: int | None) -> list[Page]:
        """Pages in order of id; the last `last` of a kind."""
        where = "" if kind is None else " WHERE kind = ?"
        if last is None:
            return [page_of(row) for row in self._file.rows(f"{_SELECT}{where} ORDER BY id", _given(kind))]
        sql = f"{_SELECT}{where} ORDER BY id DESC LIMIT ?"
        # SQLite reads a negative limit as none.
        rows = self._file.rows(sql, (*_given(kind), max(last, 0)))
        return [page_of(row) for row in reversed(rows)]

    def groups(self, ids: Sequence[int]) -> dict[int, int]:
        """The group of those pages that have one."""
        rows = self._file.among("SELECT id, grp FROM pages WHERE grp IS NOT NULL AND id IN", ids)
        return dict(rows)

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

    def totals(self) -> tuple[int, int, int]:
        """Pages, their characters, and how many of them are pending."""
        sql = "SELECT pages, characters, (SELECT count(*) FROM pending) FROM totals"
        pages, characters, pending = self._file.rows(sql)[0]
        return pages, characters, pending

    def _last(self) -> int:
        return int(self._file.rows("SELECT coalesce(max(id), 0) FROM pages")[0][0])

    def _numbered(self, pages: Sequence[Page], first: int) -> Iterator[Page]:
        seqs: dict[int, int] = {}
        for id, page in enumerate(pages, first):
            if page.id:
                raise InputError(f"page {page.id} is on disk already; a page is put once")
            if page.branch not in seqs:
                seqs[page.branch] = self._seq(page.branch)
            seqs[page.branch] += 1
            yield replace(page, id=id, seq=seqs[page.branch])

    def _seq(self, branch: int) -> int:
        sql = "SELECT coalesce(max(seq), 0) FROM pages WHERE branch = ?"
        return int(self._file.rows(sql, (branch,))[0][0])

    def _feed(self, first: int, stored: Sequence[Page]) -> None:
        # Explicit inserts: a trigger costs FTS5 three times as much in bulk.
        self._file.write(
            "INSERT INTO words (rowid, author, text) SELECT id, author, text FROM worded WHERE id >= ?",
            (first,),
        )
        self._file.write("INSERT INTO pending (page) SELECT id FROM worded WHERE id >= ?", (first,))
        sql = "UPDATE totals SET pages = pages + ?, characters = characters + ?"
        self._file.write(sql, (len(stored), sum(len(page.text) for page in stored)))


def _given(kind: str | None) -> tuple[str, ...]:
    return () if kind is None else (kind,)
