"""What is about to join the window, with what it takes: the frames of a message, the hits of a fault."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vctx import groups
from vctx.errors import BudgetError
from vctx.ledger import Ledger
from vctx.plan import by_value
from vctx.ports import Disk
from vctx.room import Room
from vctx.scale import words_of
from vctx.types import Form, Frame, Hit, Page, Snapshot


class Joining:
    """Weighs what comes against what the room has left."""

    def __init__(self, disk: Disk, ledger: Ledger, room: Room) -> None:
        self._disk = disk
        self._ledger = ledger
        self._room = room
        self._scale = room.scale

    def arrivals(self, pages: Sequence[Page], hold: int = 0) -> tuple[Frame, ...]:
        """A message with its calls and results: whole if they fit, else cut so that a fault can bring in
        the rest. What stands in the window like that already stays.

        Raises BudgetError where calls leave no room for the handles of their results.
        """
        awaited = groups.awaited(pages)
        largest = self._room.largest(pages[0].group) - hold
        limit = max(largest // 4, largest - self._room.budget.share)
        held = sum(map(self._scale.handle, awaited.values()))
        tick = self._ledger.state.tick + 1
        frames = self._scale.arrival(pages, tick, held=held, largest=largest, limit=limit)
        least = sum(frame.tokens for frame in frames) + held
        if awaited and least > largest:
            raise BudgetError(
                f"the calls and the handles of their results take {least} tokens of at most {largest}: "
                "ask for fewer calls at a time, or enlarge the window"
            )
        return tuple(frame for frame in map(self._again, frames) if frame not in self._ledger.frames)

    def recut(self, snapshot: Snapshot) -> Snapshot:
        """The newest message, if it was framed for a larger room than there is, arrives once more."""
        newest = self._ledger.newest()
        if newest is None or newest.pinned:
            return snapshot
        unit = [f for f in snapshot.frames if f is newest or (newest.group and f.group == newest.group)]
        before = sum(frame.tokens for frame in unit)
        if before <= self._room.largest(newest.group) - snapshot.hold:
            return snapshot
        again = self.arrivals([self._ledger.page(frame.page) for frame in unit], snapshot.hold)
        stands = {frame.slot: frame.tokens for frame in unit}
        smaller = all(frame.tokens <= stands[frame.slot] for frame in again)
        return replace(snapshot, arriving=again) if again and smaller else snapshot

    def priced(self, ranked: Sequence[Hit], share: int, query: str) -> tuple[Hit, ...]:
        """Each hit with what it would load, and its price, in the order of choice; of equals the best."""
        pages = {page.id: page for page in self._disk.get([hit.page for hit in ranked])}
        limit, words = share - self._scale.wrapper(), words_of(query)
        state = self._ledger.state
        hits: dict[Any, Hit] = {}
        for hit in ranked:
            page = pages[hit.page]
            priced = self._scale.hit(hit, page, limit, words)
            if priced.span is None and (partly := state.resident(hit.page)) and not _whole(partly):
                # Part of it stands in the window: what is loaded beside it is a part, too.
                span = hit.span or (0, len(page.text))
                priced = replace(hit, span=span, tokens=self._scale.piece(page, span))
            hits.setdefault((priced.page, priced.span), replace(priced, resident=state.holds(priced)))
        return tuple(by_value(hits.values()))

    def _again(self, frame: Frame) -> Frame:
        """The frame that stands in its slot, in the new form; the new frame where none does."""
        stands = next((f for f in self._ledger.frames if f.slot == frame.slot and not f.fault), None)
        if stands is None:
            return frame
        return replace(stands, form=frame.form, keep=frame.keep, tokens=frame.tokens)


def _whole(frames: Sequence[Frame]) -> bool:
    return any(frame.span is None and frame.form is Form.FULL for frame in frames)
