"""The window: what the model sees, as a fold of the journal. Decide, note, apply.

Entries of another process that this one has not seen are folded under the write lock before anything is
decided. No model is called under that lock.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from vctx import groups, journal, render
from vctx.aside import Aside
from vctx.briefs import Briefs
from vctx.drafting import Drafting
from vctx.erasing import Erasing
from vctx.errors import BudgetError, InputError
from vctx.folding import Folding
from vctx.joining import Joining
from vctx.ledger import Ledger
from vctx.plan import decide, pack
from vctx.policies import named
from vctx.ports import Clock, Disk, Model, Tokenizer
from vctx.room import Room
from vctx.scale import Scale
from vctx.standing import Standing
from vctx.types import (
    Block,
    Budget,
    Entry,
    Frame,
    Hit,
    Message,
    Page,
    Prices,
    Region,
    Snapshot,
)

LESSONS = 256
"""Entries of the journal, the newest, from which a tokenizer that estimates learns again."""


class Window:
    """The resident frames of one session, held to a budget in the target model's own tokens."""

    def __init__(
        self,
        disk: Disk,
        tokenizer: Tokenizer,
        budget: Budget,
        *,
        policy: str,
        system: str,
        clock: Clock,
        tools: Sequence[Message] = (),
        prices: Prices | None = None,
        forms: bool = False,
        aside: Aside | None = None,
        drafting: Drafting | None = None,
        blocks: Sequence[Block] = (),
    ) -> None:
        """Raises InputError for an unknown policy, BudgetError where system text and tools leave no room."""
        self.scale = Scale(tokenizer, tools)
        self.ledger = Ledger(disk, clock, lambda: named(policy))
        lessons = disk.entries(self._state.tick - LESSONS)
        self.scale.resume(journal.lessons(lessons, tokenizer.name))
        self._disk = disk
        self._clock = clock
        self._prices = prices
        self._forms = forms
        self._asked = journal.NEVER
        """The tick at which the prompt was last made."""
        self._alternates = tokenizer.alternates
        self._standing = Standing(disk, self.scale, system, blocks)
        self.room = Room(
            self.ledger,
            self.scale,
            self._standing,
            budget,
            alternates=tokenizer.alternates,
            prices=prices,
            clock=clock,
        )
        self._joining = Joining(disk, self.ledger, self.room)
        self._folding = Folding(disk, self.ledger, self.room, clock, drafting or Drafting(), tokenizer.name)
        self.briefs = Briefs(self.ledger, self.room, aside or Aside(), clock, tokenizer.name)
        self.erasing = Erasing(disk, self.ledger, self.room)
        if self.room.half < 0:
            raise BudgetError(
                f"the system text, the tools, blocks and digest take {self.room.base + self.room.cap} "
                f"tokens, over half of the room of {budget.room}: shorten them or enlarge the window"
            )

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The resident frames, in order of arrival."""
        return self._state.frames

    @property
    def _state(self) -> journal.State:
        return self.ledger.state

    def resident(self, page: int) -> bool:
        """Whether a page, or a part of it, stands in the window."""
        return bool(self._state.resident(page))

    def unit(self) -> list[Page]:
        """What was said last, with its calls and results."""
        newest = self.ledger.newest()
        return (self.ledger.unit(newest.group) or [self.ledger.page(newest.page)]) if newest else []

    def awaited(self) -> dict[str, Page]:
        """The calls whose results are yet to come, by id."""
        return groups.awaited(self.unit())

    # -- what changes it

    def append(
        self,
        page: Page,
        calls: Sequence[Page] = (),
        outcome: Mapping[str, Any] | None = None,
        *,
        beside: Sequence[Page] = (),
        told: Mapping[str, Any] | None = None,
    ) -> Page:
        """Stores a message, with the tool calls in it, and frames it, in one transaction.

        `told` and `outcome` go to the journal with it; what stands `beside` it is stored, and gets no frame.
        Raises InputError for a result that no call awaits, and for what may not stand before the results
        that are awaited; BudgetError where the calls leave no room for the handles of their results. What
        vctx has paged in itself is refused as a user's (InputError).
        """
        theirs = page.origin == "user" and page.text.startswith(render.OPENING)
        if theirs and page.text.startswith(self._paged_in()):
            raise InputError(
                "this is what was paged in: it is on disk, and is kept once; append what was said"
            )
        self.briefs.gather(page)
        with self.room.writing():
            page, *made = self.ledger.put([groups.placed(page, self.awaited()), *calls, *beside])
            arriving = self._joining.arrivals([*self.ledger.unit(page.group), page, *made[: len(calls)]])
            written = {made.author: made.id for made in made[len(calls) :] if made.kind == "block"}
            reads = self._reads() if page.role == "assistant" else {}
            request = {"page": page.id, **reads, **({"blocks": written} if written else {}), **(told or {})}
            entry = self._note("append", self._snapshot(arriving=arriving), request, outcome)
        self.ledger.apply(entry)
        return page

    def load(
        self, ranked: Sequence[Hit], query: str, tokens: int | None, *, hold: int, floor: float, waiting: int
    ) -> list[Hit]:
        """Decides which hits become references, loads those that are not resident, and returns them.

        `tokens` bounds them (None: the budget's share of a fault); `waiting` pages had no vector yet.
        """
        share = self.room.budget.share if tokens is None else tokens
        self.briefs.gather(room=share + hold)
        with self.room.writing():
            snapshot = self._snapshot(
                hits=self._joining.priced(ranked, share, query), ask=share, floor=floor, hold=hold
            )
            references = pack(snapshot)
            request = {"query": query, "tokens": tokens}
            entry = self._note("recall", snapshot, request, {"waiting": waiting}, references)
        self.ledger.apply(entry)
        return references

    def mark(self, cause: Literal["pin", "unpin"], page: int) -> None:
        """Pins a resident page, or lets it leave again. Raises InputError, BudgetError."""
        with self.room.writing():
            if not self._state.resident(page):
                raise InputError(f"page {page} is not in the window; recall it first")
            entry = self.ledger.entry(cause, {"page": page})
            pinned = self.room.pinned(journal.apply(self._state, entry))
            limit = self.room.half
            if cause == "pin" and pinned > limit:
                raise BudgetError(f"the pins would take {pinned} tokens of at most {limit}: unpin one first")
            self._disk.note(entry)
        self.ledger.apply(entry)

    def ask(self) -> None:
        """Nobody waits for the model: has it make what a flush, if one is near, would want."""
        asked = self.briefs.aside.model or self._folding.drafting.model
        if asked and self.room.pressure >= self.room.budget.warn:
            self.room.catch_up()
            snapshot = self._snapshot()
            self.briefs.ask(snapshot)
            self._folding.ask(snapshot)

    def note(self, cause: Literal["run"], request: Mapping[str, Any]) -> None:
        """Writes down what changes no frame."""
        with self.room.writing():
            entry = self.ledger.note(cause, request)
        self.ledger.apply(entry)

    def switch(self, branch: int) -> None:
        """Goes on with a branch, now and when the session is opened again. Raises InputError."""
        self.ledger.switch(branch)
        self.room.weigh()

    # -- what the model sees

    def messages(self, model: Model | None) -> list[Message]:
        """The prompt, within the budget; a digest that is due is made first, by `model` or by extraction.

        Raises InputError while a tool's result is awaited: no model takes a call without it.
        """
        while True:
            self.room.catch_up()
            groups.complete(self.awaited())
            self._folding.fold(model)
            messages = self._render()
            tokens = self.scale.prompt(messages)
            if tokens <= self.room.budget.room:
                self._asked = self._state.tick
                return messages
            self._fit(tokens)

    def seen(self) -> tuple[list[Message], int]:
        """The prompt, for a look, and how many messages a digest is due for: it is not made, and what would
        have to leave leaves the look only.
        """
        with self._looking():
            return self._render(), self._folding.due

    @contextmanager
    def _looking(self) -> Iterator[int]:
        """Inside, the window fits its budget, even one that it was never held to; nothing is noted.

        Yields the last tick that was.
        """
        self.room.catch_up()
        tick = self._state.tick
        try:
            with self.ledger.supposing():
                while (tokens := self.scale.prompt(self._render())) > self.room.budget.room:
                    self._fit(tokens)
                    self.room.catch_up()  # a flush shows the blocks that were written
                yield tick
        finally:
            self.room.catch_up()

    def resize(self, budget: Budget) -> None:
        """Holds the window to another budget; what no longer fits leaves when it is next asked for."""
        self.room.budget = budget
        self.room.weigh()

    def regions(self) -> tuple[Region, ...]:
        """What takes the room, in the order of the prompt; of the same look as `seen`."""
        with self._looking() as tick:
            return self.room.regions(self._folding.text, tick)

    def blocks(self) -> list[Block]:
        """The memory blocks as they were last written, those that were declared first."""
        self.room.catch_up()
        return self._standing.blocks(self._state)

    def written(self, block: Block) -> Page:
        """A new version of a block as a page to store. BudgetError where the room does not suffice."""
        least = self._standing.with_block(self._state, block) + self.room.cap
        limit = self.room.budget.room // 2 - self.room.pinned(self._state)
        if least > limit:
            raise BudgetError(
                f"with this the text that always stands takes {least} tokens of at most {limit}: "
                "write less, or enlarge the window"
            )
        return Page("block", "system", block.text, self._clock(), "vctx", author=block.name)

    @property
    def warned(self) -> bool:
        """Whether the model was told of the pressure since the last flush."""
        return self._state.warned

    # -- decide, note, apply

    def _snapshot(self, **more: Any) -> Snapshot:
        state = self._state
        frames = self.room.weighed(state.frames)
        warm, cold = self.room.warm(frames)
        return Snapshot(
            tick=state.tick + 1,
            budget=self.room.budget,
            fixed=self.room.fixed,
            frames=frames,
            wrapper=self.scale.wrapper(),
            cap=self.room.cap,
            first=not state.has_digest,
            head=self.room.base,
            prices=self._prices,
            warm=warm,
            cold=cold,
            read=state.read,
            briefs=self.briefs.of(frames) if self._forms else (),
            **more,
        )

    def _note(
        self,
        cause: Literal["append", "recall", "fit"],
        snapshot: Snapshot,
        request: Mapping[str, Any],
        outcome: Mapping[str, Any] | None = None,
        references: Sequence[Hit] = (),
    ) -> Entry:
        plan = decide(snapshot, self.ledger.policy, references)
        signals = {"hits": [journal.signals(hit) for hit in references]} if snapshot.hits else {}
        said = {**(outcome or {}), "window": journal.figures(snapshot), **signals}
        return self.ledger.note(cause, request, policy=self.ledger.policy.name, plan=plan, outcome=said)

    def _reads(self) -> dict[str, Any]:
        """What a reply says of the window: it was read, unless pages were referred to after its prompt.

        Where several hands work on one session, these came for another's prompt.
        """
        later = any(frame.references and frame.referenced > self._asked for frame in self.frames)
        return {"reply": True, "unread": True} if later else {"reply": True}

    def _paged_in(self) -> tuple[str, ...]:
        """The messages of the window that faults made."""
        return tuple(m.content for m in self._render() if m.content.startswith(render.OPENING))

    def _render(self) -> list[Message]:
        numbers = {number for frame in self._state.frames for number in (frame.page, frame.gist) if number}
        pages = {number: self.ledger.page(number) for number in numbers}
        messages = render.window(
            self._state.frames,
            pages,
            system=self._standing.text,
            digest=self._folding.text,
            tools=self.scale.tools,
            alternates=self._alternates,
        )
        self.ledger.remember(pages)
        return messages

    def _fit(self, tokens: int) -> None:
        """The prompt, counted whole, exceeds the room: the difference goes back into a decision."""
        seen = self._state.tick
        with self.room.writing():
            if self._state.tick != seen:
                return  # another process changed the window: count again
            snapshot = self._joining.recut(self._snapshot(hold=max(0, tokens - self.room.taken)))
            entry = self._note("fit", snapshot, {"tokens": tokens})
            if not (entry.plan.evict or entry.plan.load):
                raise BudgetError(
                    f"what must stay in the window takes {tokens} tokens of {self.room.budget.room}: "
                    "unpin something, shorten the system text, or enlarge the window"
                )
        self.ledger.apply(entry)
