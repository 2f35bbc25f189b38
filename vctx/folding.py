"""The digest of a window: the summary that stands for what has left it. Made when a prompt is asked for."""

from collections.abc import Sequence

from vctx import digest, journal
from vctx.ledger import Ledger
from vctx.ports import Clock, Disk, Model
from vctx.room import Room
from vctx.types import Page


class Folding:
    """What stands as the digest, and what is due for it."""

    def __init__(self, disk: Disk, ledger: Ledger, room: Room, clock: Clock, tokenizer: str) -> None:
        """`tokenizer` is the name of the one that counts."""
        self._disk = disk
        self._ledger = ledger
        self._room = room
        self._clock = clock
        self._tokenizer = tokenizer

    @property
    def due(self) -> int:
        """Messages that have left and are not in the digest yet."""
        return len(self._ledger.state.unfolded) if self._room.cap else 0

    @property
    def text(self) -> str:
        """The digest; one that was made for a larger window stands cut to this one's cap."""
        number = self._ledger.state.digest
        if number is None or not self._room.cap:
            return ""
        return digest.fit(self._ledger.page(number).text, self._room.summary, self._room.scale.text)

    def fold(self, model: Model | None) -> None:
        """Completes the digest that flushes left due. The model runs outside the write lock."""
        ledger = self._ledger
        while self._room.cap and (due := ledger.state.unfolded):
            before = ledger.state.digest
            made = self._summarised(model, [page for page in self._disk.get(due) if page.origin != "vctx"])
            with self._room.writing():
                if ledger.state.digest != before:
                    continue  # another process made one meanwhile
                parents = due if before is None else (before, *due)
                summary = Page("summary", "system", made.text, self._clock(), "vctx", parents=parents)
                [page] = ledger.put([summary])
                outcome = {"page": page.id, "by": made.by, "why": made.why}
                outcome |= journal.usage(made.replies, model.name if model else "", self._tokenizer)
                entry = ledger.note("fold", {"pages": list(due)}, outcome=outcome)
            ledger.apply(entry)

    def _summarised(self, model: Model | None, pages: Sequence[Page]) -> digest.Digest:
        previous, cap, budget = self.text, self._room.summary, self._room.budget
        if not pages:
            return digest.Digest(previous, "extract", "nothing was said")
        window = budget.window if model is None else min(budget.window, model.window)
        room = window - cap - self._room.base
        return digest.summarise(model, previous, pages, cap=cap, room=room, count=self._room.scale.text)
