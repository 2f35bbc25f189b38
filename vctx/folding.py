"""The digest of a window: the summary that stands for what has left it.

It is made when a prompt is asked for; or ahead of that, where the model can be asked beside (`Drafting`).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from vctx import digest, journal
from vctx.drafting import Drafting
from vctx.ledger import Ledger
from vctx.plan import decide
from vctx.ports import Clock, Disk, Model
from vctx.room import Room
from vctx.types import Page, Reply, Snapshot

MORE = 0.15
"""Of the room, what a draft tells of beyond what would leave now: a recall may make other pages leave."""
MISSES, REST = 3, 8
"""After so many drafts in a row that did not serve, one for so many digests: some policies flush what came
last, too."""


class Folding:
    """What stands as the digest, and what is due for it."""

    def __init__(
        self,
        disk: Disk,
        ledger: Ledger,
        room: Room,
        clock: Clock,
        drafting: Drafting,
        tokenizer: str,
    ) -> None:
        """`tokenizer` is the name of the one that counts."""
        self.drafting = drafting
        self._missed = self._rested = 0
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
            made, told, spent = self._made(model, due)
            with self._room.writing():
                if ledger.state.digest != before:
                    continue  # another process made one meanwhile
                parents = told if before is None else (before, *told)
                summary = Page("summary", "system", made.text, self._clock(), "vctx", parents=parents)
                [page] = ledger.put([summary])
                outcome = {"page": page.id, "by": made.by, "why": made.why}
                name = model.name if model else ""
                outcome |= journal.usage((*spent, *made.replies), name, self._tokenizer)
                entry = ledger.note("fold", {"pages": list(due)}, outcome=outcome)
            ledger.apply(entry)

    def ask(self, snapshot: Snapshot) -> None:
        """Has the digest made that the next flush will want, if it is not under way."""
        after, drafting = self._after, self.drafting
        tired = self._missed >= MISSES and self._rested < REST
        if drafting.model is None or not self._room.cap or tired:
            return
        if drafting.draft is None or drafting.draft.after != after:
            pages = (*self._ledger.state.unfolded, *self._leaving(snapshot))
            told = self._told(pages)
            if told:
                drafting.begin(after, pages, partial(self._summarised(drafting.model), told))

    @property
    def _after(self) -> tuple[int, int | None]:
        """What the next digest follows: on which branch, and which one."""
        return self._ledger.branch, self._ledger.state.digest

    def _leaving(self, snapshot: Snapshot) -> tuple[int, ...]:
        """The messages that the next flush will evict, and some more."""
        budget = snapshot.budget
        hold = int((1 + budget.high - budget.low + MORE) * budget.room) - self._room.taken
        fold = decide(replace(snapshot, hold=max(0, hold)), self._ledger.policy).fold
        return fold.pages if fold else ()

    def _made(
        self, model: Model | None, due: tuple[int, ...]
    ) -> tuple[digest.Digest, tuple[int, ...], tuple[Reply, ...]]:
        """A digest, the pages that it tells of, and what was said for one that does not serve."""
        draft = self.drafting.take()
        if draft and draft.serves(self._after, due) and self._there(draft.pages):
            self._missed = 0
            return draft.digest.result(), draft.pages, ()
        self._missed += draft is not None
        self._rested = 0 if draft else self._rested + 1
        told = self._told(due)
        if not told:
            made = digest.Digest(self.text, "extract", "nothing was said")
        else:
            made = self._summarised(model)(told)
        return made, due, draft.replies if draft else ()

    def _told(self, pages: Collection[int]) -> list[Page]:
        """The pages, without what vctx itself has said."""
        return [page for page in self._disk.get(list(pages)) if page.origin != "vctx"]

    def _there(self, pages: Collection[int]) -> bool:
        """Whether none of the pages was forgotten."""
        return {page.id for page in self._disk.around(list(pages))} >= set(pages)

    def _summarised(self, model: Model | None) -> Callable[[Sequence[Page]], digest.Digest]:
        """What makes a digest of the present one and of pages."""
        previous, cap, budget = self.text, self._room.summary, self._room.budget
        window = budget.window if model is None else min(budget.window, model.window)
        figures = {"cap": cap, "room": window - cap - self._room.base}
        return lambda pages: digest.summarise(model, previous, pages, count=self._room.scale.text, **figures)
