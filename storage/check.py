"""Checking a session: what is true is compared with its checksums, what is derived with what is true.

True: pages, journal, documents. A garbled row of these is reported, never mended: only a copy can bring
it back. Derived: words, spans, vectors, the queue, the counts. These are made anew.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vctx.errors import DiskError
from vctx.storage.codec import DOCUMENT, ENTRY, PAGE, Row, meta_sum, raw_text, sealed, span_sum, vector_sum
from vctx.storage.counts import TOTALS, Counts, seq
from vctx.storage.file import File
from vctx.storage.words import Words

_SPANS = (
    "SELECT spans.id, page, start, stop, vector, spans.sum, hash, vectors.sum, vec FROM spans"
    " LEFT JOIN vectors ON vectors.id = vector WHERE spans.id > ? ORDER BY spans.id LIMIT 1000"
)
_ORPHANS = "SELECT id FROM vectors WHERE id NOT IN (SELECT vector FROM spans)"
_WAITING = "SELECT id FROM worded WHERE id NOT IN (SELECT page FROM spans) ORDER BY id"
_ROWS = {"pages": PAGE, "journal": ENTRY, "documents": DOCUMENT}


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found."""

    problems: tuple[str, ...] = ()
    """What only a copy can bring back."""
    repaired: tuple[str, ...] = ()
    """What was derived and wrong, and has been made anew (or would be)."""

    @property
    def sound(self) -> bool:
        """Whether nothing that is true was lost."""
        return not self.problems


class Check:
    """Reads every row once; writes only where something derived is wrong."""

    def __init__(self, file: File, found: Words) -> None:
        self._file = file
        self._words = found
        self._counts = Counts(file)

    def run(self, repair: bool) -> Report:
        """What is lost, and what was repaired; with `repair` False, what would be."""
        try:
            problems = [*self._structure(), *self._garbled()]
        except DiskError as error:
            return Report((str(error),))
        # A structure that is damaged would be damaged further by writing to it.
        if any(line.startswith("structure") for line in problems):
            return Report(tuple(problems))
        if not repair:
            with self._file.snapshot():
                return Report(tuple(problems), tuple(self._derived()))
        with self._file.transaction():
            mended = [*self._derived(), *self._mend_words()]
            self._mend_spans()
            self._mend_queue()
            self._counts.set(self._real())
        return Report(tuple(problems), tuple(mended))

    def _structure(self) -> Iterator[str]:
        for [line] in self._file.rows("PRAGMA integrity_check(20)"):
            # Newer SQLite looks into FTS5, too: that is derived.
            if line != "ok" and "fts5" not in line.lower():
                yield f"structure: {line}"

    def _garbled(self) -> Iterator[str]:
        for table in _ROWS:
            for row in self._walk(table):
                if not sealed(row):
                    key = raw_text(row[0]) if isinstance(row[0], bytes) else row[0]
                    yield f"{table}: the row of {key} is garbled"

        for key, value, sum in self._file.rows("SELECT key, value, sum FROM meta"):
            if meta_sum(key, value) != sum:
                yield f"meta: the row of {key} is garbled"

    def _walk(self, table: str) -> Iterator[Row]:
        """Every row with its checksum, a thousand at a time."""
        sql = f"SELECT rowid, {_ROWS[table]}, sum FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT 1000"
        last = -(2**63)
        while found := self._file.rows(sql, (last,)):
            last = found[-1][0]
            yield from (row[1:] for row in found)

    def _derived(self) -> Iterator[str]:
        """What is derived and not as it should be."""
        have = dict(zip(real := self._real(), self._counts.get(*real), strict=True))
        yield from (
            f"{name} counted {have[name]}, not {real[name]}" for name in real if have[name] != real[name]
        )
        spans, pages = self._unsound()
        if spans:
            yield f"{spans} spans, which are found anew"
        if pages:
            yield f"the vectors of {len(pages)} pages, which wait to be embedded again"
        if self._waiting() != self._queued() and not spans and not pages:
            yield "the queue of pages that wait to be embedded"

    def _real(self) -> Mapping[str, int]:
        """What the counts should be; a high-water mark may be higher than what there is."""
        found: Counter[str] = Counter(dict.fromkeys(TOTALS, 0))
        for row in self._walk("pages"):
            found["pages"] += 1
            found["characters"] += len(raw_text(row[11]))
            found["page"] = row[0]
            found[seq(row[1])] = max(found[seq(row[1])], row[2])
        found["span"] = self._file.value("SELECT coalesce(max(id), 0) FROM spans")
        marks = [name for name in found if name not in TOTALS]
        for name, have in zip(marks, self._counts.get(*marks), strict=True):
            found[name] = max(found[name], have)
        return found

    def _unsound(self) -> tuple[int, set[int]]:
        """How many spans are garbled, and the pages whose vectors are."""
        spans, pages, last = 0, set[int](), -(2**63)
        while found := self._file.rows(_SPANS, (last,)):
            last = found[-1][0]
            for id, page, start, stop, vector, sum, hash, kept, code in found:
                if span_sum((id, page, start, stop, vector)) != sum:
                    spans += 1
                elif code is None or vector_sum(hash, code) != kept:
                    pages.add(page)
        return spans, pages

    def _mend_words(self) -> list[str]:
        if self._words.agrees():
            return []
        self._words.rebuild()
        return ["the index of words"]

    def _mend_spans(self) -> None:
        spans, pages = self._unsound()
        if spans:
            # Which page a garbled span belonged to cannot be known. Their vectors stay, so that embedding
            # them again costs nothing.
            self._file.write("DELETE FROM spans")
        self._file.write_all("DELETE FROM spans WHERE page = ?", ((page,) for page in pages))
        bad = [(id,) for [id] in self._file.rows(_ORPHANS) if not self._true(id)]
        self._file.write_all("DELETE FROM vectors WHERE id = ?", bad)

    def _true(self, vector: int) -> bool:
        [[hash, sum, code]] = self._file.rows("SELECT hash, sum, vec FROM vectors WHERE id = ?", (vector,))
        return bool(vector_sum(hash, code) == sum)

    def _mend_queue(self) -> None:
        if (waiting := self._waiting()) != self._queued():
            self._file.write("DELETE FROM pending")
            self._file.write_all("INSERT INTO pending (page) VALUES (?)", waiting)

    def _waiting(self) -> list[Row]:
        return self._file.rows(_WAITING)

    def _queued(self) -> list[Row]:
        return self._file.rows("SELECT page FROM pending ORDER BY page")
