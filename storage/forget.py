"""Forgetting: rows, what was made from them, what quotes them, and then the bytes themselves.

    erase    inside a transaction: summaries made from the pages, spans, vectors that nobody else uses,
             words, the queue, totals; the journal keeps its plans and loses every text that quotes them
    scrub    afterwards: FTS5 merges its segments (a deleted word stays in the old ones), the log is
             copied back and emptied, and the files are read for what must not be there any more

secure_delete overwrites what a row leaves behind, so no free page holds it. The disk's own sectors,
snapshots of the file system and copies made elsewhere are out of reach.
"""

import mmap
from collections.abc import Iterable, Sequence
from pathlib import Path

from vctx.errors import DiskError
from vctx.storage import cache
from vctx.storage.codec import raw_text
from vctx.storage.counts import Counts
from vctx.storage.file import File
from vctx.storage.journal import Journal
from vctx.storage.pages import Pages
from vctx.storage.quotes import Quotes, pieces, words
from vctx.storage.schema import copies, sync
from vctx.storage.spans import Spans
from vctx.storage.words import Words

_PIECES = 64
"""Pieces of forgotten text that the files are read for; more would make a large purge slow."""

# Every column of text that there is: what a live row says, a file may hold. FTS5 keeps words in lower case.
_TEXTS = {
    "pages": ("text", "author", "source", "kind", "role", "origin"),
    "journal": ("request", "outcome", "plan", "cause", "policy"),
    "documents": ("name", "sha"),
    "counts": ("name",),
    "meta": ("key", "value"),
    "sqlite_master": ("sql",),
}


def _live() -> str:
    found = "instr(CAST({0} AS BLOB), :piece) OR instr(CAST(lower({0}) AS BLOB), :piece)"
    tables = (
        f"EXISTS (SELECT 1 FROM {table} WHERE {' OR '.join(map(found.format, columns))})"
        for table, columns in _TEXTS.items()
    )
    return "SELECT " + " OR ".join(tables)


class Forgetting:
    """Deletes from every table, and proves it."""

    def __init__(self, file: File, pages: Pages, journal: Journal, spans: Spans, found: Words) -> None:
        self._file = file
        self._pages = pages
        self._journal = journal
        self._spans = spans
        self._words = found
        self._counts = Counts(file)
        self._pieces: list[bytes] = []

    def erase(self, ids: Iterable[int]) -> tuple[int, ...]:
        """Deletes pages and every summary made from them; returns all of these. Inside a transaction."""
        gone = self._with_summaries(dict.fromkeys(ids))
        if not gone:
            return ()
        texts = [raw_text(text) for _, _, text in self._pages.raw(gone)]
        garbled = self._garbled(gone)
        self._spans.drop(gone)
        self._pages.drop(gone)
        if garbled:
            # FTS5 deletes by the text that it was given; where that is lost, it must read all others.
            self._words.rebuild()
        lost = self._words.absent({word for text in texts for word in words(text)})
        self._journal.blank(Quotes(texts, lost))
        self._counts.add({"forgotten": 1})
        self._pieces += pieces(texts, lost, _PIECES)
        return tuple(sorted(gone))

    def scrub(self) -> bool:
        """Removes the bytes of what was erased; False while a reader holds them, or a file has them still."""
        for copy in copies(self._file.real):
            copy.unlink()
            sync(copy.parent)
        with self._file.transaction():
            # Under the lock: whoever writes a cache gives it its name under the lock, too.
            cache.remove(self._file.real)
            self._words.optimize()
            [forgotten] = self._counts.get("forgotten")
        if not self._file.emptied() or self._left():
            return False
        self._pieces = []
        with self._file.transaction():
            self._counts.set({"purged": forgotten})
        return True

    def purged(self) -> bool:
        """Whether the bytes of all that was ever forgotten are known to be gone."""
        forgotten, purged = self._counts.get("forgotten", "purged")
        return forgotten == purged

    def _with_summaries(self, gone: dict[int, None]) -> list[int]:
        there = {row[0] for row in self._pages.raw([id for id in gone if 0 < id < 2**63])}
        if missing := [id for id in gone if id not in there]:
            raise DiskError(f"no page {missing[0]} in {self._file.path}; nothing was forgotten")
        made = self._pages.summaries()
        while more := [id for id in made if id not in gone and not gone.keys().isdisjoint(made[id])]:
            gone |= dict.fromkeys(more)
        return list(gone)

    def _garbled(self, ids: Sequence[int]) -> bool:
        try:
            self._pages.get(ids)
        except DiskError:
            return True
        return False

    def _left(self) -> bool:
        """Whether a file holds a piece that no text which is still there accounts for."""
        held = [piece for path in self._file.files() for piece in _within(path, self._pieces)]
        return any(not self._file.value(_live(), {"piece": piece}) for piece in held)


def _within(path: Path, probes: Sequence[bytes]) -> list[bytes]:
    if not probes or not path.stat().st_size:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return [probe for probe in probes if data.find(probe) >= 0]
