"""The documents of a session: adding one, and bringing one up to date. A document is there wholly or not.

cut into chunks -> (one transaction: compare with what is there, put, move, erase, record, note) -> scrub

A chunk that is there already, the same words under the same heading, keeps its page and its vectors; where it
stands now is written beside it. What is no longer in the document is forgotten.
"""

import dataclasses
import hashlib
from collections import defaultdict, deque
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from vctx import chunk
from vctx.errors import InputError
from vctx.ports import Clock, Disk
from vctx.types import Added, Document, Page, Reading, Source
from vctx.window import Window

FEW = 4
"""Chunks of a document that may all have changed, and it is still the same one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes the chunks on disk those of a new reading."""

    put: Sequence[Page]
    move: Mapping[int, Source]
    """Pages that keep their words and stand elsewhere in the document."""
    erase: Sequence[int]


class Library:
    """The documents of one session."""

    def __init__(self, disk: Disk, window: Window, clock: Clock) -> None:
        self._disk = disk
        self._window = window
        self._clock = clock

    def add(self, reading: Reading, limit: int, *, replace: bool = False) -> Added:
        """Files a reading in chunks of at most `limit` tokens, or brings the one of its name up to date.

        Raises InputError for one without text; and, unless it may `replace` it, where another document has
        that name: one of a few chunks or more, of which not one is the same.
        """
        if not reading.text.strip():
            raise InputError(f"{reading.name} holds no text; there is nothing to add")
        if limit < 1:
            raise InputError(f"a chunk holds at least one token, not {limit}")
        sha = fingerprint(reading)
        if sha == self._recorded().get(reading.name):
            return self._same(reading)
        pages = chunk.pages(reading, limit, self._window.scale.text, self._clock())
        made: list[Difference] = []

        def write() -> Sequence[int]:
            made.append(self._written(Document(reading.name, sha, len(pages)), pages, other=replace))
            return made[0].erase

        self._window.erasing.revise(reading.name, write)
        return self._told(reading, made[0])

    def _recorded(self) -> dict[str, str]:
        return {document.name: document.sha for document in self._disk.documents()}

    def _written(self, document: Document, pages: Sequence[Page], *, other: bool) -> Difference:
        """Writes what differs from the disk, and returns it. Inside a transaction."""
        there = self._disk.remove(document.name) if document.name in self._recorded() else []
        resident = self._window.ledger.everywhere() if there else ()
        found = difference(self._disk.get(there), pages, resident)
        if len(there) >= FEW and len(found.erase) == len(there) and not other:
            raise InputError(
                f"another document is on disk under the name {document.name}: not one of its {len(there)} "
                "chunks is in this one; add this one under another name, or say that it may replace that one"
            )
        self._disk.put(found.put)
        if there:
            self._disk.move(found.move)
        self._disk.add(document)
        return found

    def _told(self, reading: Reading, found: Difference) -> Added:
        tokens = sum(self._window.scale.text([page.text for page in found.put]))
        return dataclasses.replace(
            self._same(reading), tokens=tokens, new=len(found.put), gone=len(found.erase)
        )

    def _same(self, reading: Reading) -> Added:
        document = next(one for one in self._disk.documents() if one.name == reading.name)
        printed = reading.text.count("\f") + 1 if "\f" in reading.text else 0
        return Added(document.name, document.sha, document.chunks, printed=printed)


def fingerprint(reading: Reading) -> str:
    """The sha256 of a reading's text, in hex."""
    return hashlib.sha256(reading.text.encode("utf-8", "surrogatepass")).hexdigest()


def difference(there: Sequence[Page], pages: Sequence[Page], resident: Collection[int] = ()) -> Difference:
    """How to come from what is on disk to these pages, each matched once, in order.

    A page that is `resident` in some window keeps its mark there: where its mark would change, it is
    another page.
    """
    known: dict[Hashable, deque[Page]] = defaultdict(deque)
    for one in there:
        known[_words(one)].append(one)
    put: list[Page] = []
    move: dict[int, Source] = {}
    kept: set[int] = set()
    for page in pages:
        match = known[_words(page)]
        old = match.popleft() if match else None
        if old is None or (old.id in resident and _number(old) != _number(page)):
            put.append(page)
            continue
        kept.add(old.id)
        if page.source and old.source != page.source:
            move[old.id] = page.source
    return Difference(put, move, [old.id for old in there if old.id not in kept])


def _words(page: Page) -> Hashable:
    """What a page is found by."""
    heading = page.source.heading if page.source else ""
    said = (page.author, page.created_at) if page.kind == "record" else ()
    return page.kind, page.role, heading, page.text, said


def _number(page: Page) -> int | None:
    return page.source.number if page.source else None
