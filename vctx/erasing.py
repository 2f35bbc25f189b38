"""Forgetting: pages, and all that was made of them, leave disk, window and journal by one entry."""

from collections.abc import Callable, Sequence
from typing import Any

from vctx import digest, journal
from vctx.errors import InputError
from vctx.ledger import Ledger
from vctx.ports import Disk
from vctx.room import Room
from vctx.types import Entry, Plan


class Erasing:
    """Erases what stands on `disk` and in the window of `ledger`."""

    def __init__(self, disk: Disk, ledger: Ledger, room: Room) -> None:
        self._disk = disk
        self._ledger = ledger
        self._room = room

    def forget(self, pages: Sequence[int], document: str | None = None) -> bool:
        """Erases pages, or a document, and every summary made of them: from window, disk and journal.

        True once their bytes are in no file of the session; False while another reader still holds them.
        """
        with self._room.writing():
            entry = self._erased(self._disk.remove(document) if document else pages)
        self._ledger.apply(entry)
        self._ledger.remember({})
        return self._disk.scrub()

    def versions(self, block: str) -> list[int]:
        """The versions of a memory block, and what told of each as it was written.

        Raises InputError for one that was never written.
        """
        versions = [page.id for page in self._disk.pages(kind="block") if page.author == block]
        if not versions:
            raise InputError(f"no block {block!r} was ever written")
        told = [e.request["page"] for e in self._disk.entries() if block in e.request.get("blocks", {})]
        there = {page.id: page for page in self._disk.around(told)}
        calls = {(page.group, page.call) for id in told if (page := there.get(id)) and page.call}
        made = [page.id for page in self._disk.pages(kind="tool") if (page.group, page.call) in calls]
        return [*versions, *(id for id in told if id in there), *made]

    def revise(self, document: str, write: Callable[[], Sequence[int]]) -> bool:
        """Carries out a change of a document in one transaction: `write` returns the pages that it replaces.

        These are forgotten; see `forget` for what is returned.
        """
        with self._room.writing():
            gone = write()
            entry = self._erased(gone, document=document) if gone else None
        self._ledger.remember({})
        if entry is None:
            return True
        self._ledger.apply(entry)
        return self._disk.scrub()

    def _erased(self, pages: Sequence[int], **more: Any) -> Entry:
        """Erases pages with what was made of them, and notes it. Inside `room.writing`."""
        summaries = self._ledger.summaries()
        gone = frozenset(self._disk.erase(pages))
        stay = frozenset(journal.remaining(self._ledger.frames, gone))
        leave = [frame for frame in self._ledger.frames if frame not in stay]
        request = {"pages": sorted(gone), **digest.remade(summaries, gone), **more}
        # What leaves with a group is due for the digest, as whatever leaves.
        request["due"] += [f.page for f in leave if f.page not in gone and not f.fault]
        plan = Plan(evict=tuple(frame.slot for frame in leave))
        return self._ledger.note("forget", request, plan=plan)
