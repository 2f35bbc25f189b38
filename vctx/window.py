"""The window: what the model sees, as a fold of the journal. Decide, note, apply.

Entries of another process that this one has not seen are folded under the write lock before anything is
decided. No model is called under that lock.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from vctx import digest, groups, journal, layout, render
from vctx.aside import Aside
from vctx.briefs import Briefs
from vctx.errors import BudgetError, InputError
from vctx.ledger import Ledger
from vctx.plan import by_value, decide, pack, weight
from vctx.policies import named
from vctx.ports import Clock, Disk, Model, Tokenizer
from vctx.scale import Scale, words_of
from vctx.standing import Standing
from vctx.types import (
    Block,
    Budget,
    Entry,
    Form,
    Frame,
    Hit,
    Message,
    Page,
    Plan,
    Prices,
    Region,
    Slot,
    Snapshot,
)

LESSONS = 256
"""Entries of the journal, the newest, from which a tokenizer that estimates learns again."""
LEAST = 32
"""Tokens of the shortest digest that is worth a place in the prompt."""


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
        blocks: Sequence[Block] = (),
    ) -> None:
        """Raises InputError for an unknown policy, BudgetError where system text and tools leave no room."""
        self.budget = budget
        self.scale = Scale(tokenizer, tools)
        self._tokenizer = tokenizer.name
        self.ledger = Ledger(disk, clock, lambda: named(policy))
        self._disk = disk
        self._alternates = tokenizer.alternates
        self._standing = Standing(disk, self.scale, system, blocks)
        self._clock = clock
        self._prices = prices
        self._forms = forms
        self._briefs = Briefs(self.ledger, self.scale, aside or Aside(), clock, tokenizer.name)
        lessons = disk.entries(self._state.tick - LESSONS)
        self.scale.resume(journal.lessons(lessons, tokenizer.name))
        self._weigh()
        if self._base + self._cap > self.budget.room // 2:
            raise BudgetError(
                f"the system text, the tools, blocks and digest take {self._base + self._cap} tokens, over "
                f"half of the room of {self.budget.room}: shorten them or enlarge the window"
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
        self._gather(page)
        with self._writing():
            page, *made = self.ledger.put([groups.placed(page, self.awaited()), *calls, *beside])
            arriving = self._arrivals([*self.ledger.unit(page.group), page, *made[: len(calls)]])
            written = {made.author: made.id for made in made[len(calls) :] if made.kind == "block"}
            reads = {"reply": True} if page.role == "assistant" else {}
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
        share = self.budget.share if tokens is None else tokens
        self._gather(room=share + hold)
        with self._writing():
            snapshot = self._snapshot(
                hits=self._priced(ranked, share, query), ask=share, floor=floor, hold=hold
            )
            entry = self._note("recall", snapshot, {"query": query, "tokens": tokens}, {"waiting": waiting})
        self.ledger.apply(entry)
        return pack(snapshot)

    def mark(self, cause: Literal["pin", "unpin"], page: int) -> None:
        """Pins a resident page, or lets it leave again. Raises InputError, BudgetError."""
        with self._writing():
            if not self._state.resident(page):
                raise InputError(f"page {page} is not in the window; recall it first")
            entry = self.ledger.entry(cause, {"page": page})
            pinned = self._pinned(journal.apply(self._state, entry))
            limit = self.budget.room // 2 - self._base - self._cap
            if cause == "pin" and pinned > limit:
                raise BudgetError(f"the pins would take {pinned} tokens of at most {limit}: unpin one first")
            self._disk.note(entry)
        self.ledger.apply(entry)

    def forget(self, pages: Sequence[int], document: str | None = None) -> bool:
        """Erases pages, or a document, and every summary made of them: from window, disk and journal.

        True once their bytes are in no file of the session; False while another reader still holds them.
        """
        with self._writing():
            entry = self._erased(self._disk.remove(document) if document else pages)
        self.ledger.apply(entry)
        self.ledger.remember({})
        return self._disk.scrub()

    def revise(self, document: str, write: Callable[[], Sequence[int]]) -> bool:
        """Carries out a change of a document in one transaction: `write` returns the pages that it replaces.

        These are forgotten; see `forget` for what is returned.
        """
        with self._writing():
            gone = write()
            entry = self._erased(gone, document=document) if gone else None
        self.ledger.remember({})
        if entry is None:
            return True
        self.ledger.apply(entry)
        return self._disk.scrub()

    def _erased(self, pages: Sequence[int], **more: Any) -> Entry:
        """Erases pages with what was made of them, and notes it. Inside `_writing`."""
        summaries = self.ledger.summaries()
        gone = frozenset(self._disk.erase(pages))
        stay = frozenset(journal.remaining(self.frames, gone))
        leave = [frame for frame in self.frames if frame not in stay]
        request = {"pages": sorted(gone), **digest.remade(summaries, gone), **more}
        # What leaves with a group is due for the digest, as whatever leaves.
        request["due"] += [f.page for f in leave if f.page not in gone and not f.fault]
        plan = Plan(evict=tuple(frame.slot for frame in leave))
        return self.ledger.note("forget", request, plan=plan)

    def ask(self) -> None:
        """Nobody waits for the model: has it make the gists that a flush, if one is near, would want."""
        if self._forms and self._briefs.aside.model and self.pressure >= self.budget.warn:
            self._briefs.ask(self._snapshot())

    def gather(self) -> None:
        """Stores the gists that were made meanwhile."""
        if self._briefs.aside.ready:
            with self._writing():
                entry = self._briefs.file(self._briefs.aside.take())
            self.ledger.apply(entry)

    def _gather(self, page: Page | None = None, room: int = 0) -> None:
        """Stores them once a flush is near: in between, they would part messages that follow each other."""
        if self._briefs.aside.ready:
            tokens = room + (self.scale.message(page.text) if page else 0)
            if self._taken + tokens > self.budget.high * self.budget.room:
                self.gather()

    def note(self, cause: Literal["run"], request: Mapping[str, Any]) -> None:
        """Writes down what changes no frame."""
        with self._writing():
            entry = self.ledger.note(cause, request)
        self.ledger.apply(entry)

    def switch(self, branch: int) -> None:
        """Goes on with a branch, now and when the session is opened again. Raises InputError."""
        self.ledger.switch(branch)
        self._weigh()

    # -- what the model sees

    def messages(self, model: Model | None) -> list[Message]:
        """The prompt, within the budget; a digest that is due is made first, by `model` or by extraction.

        Raises InputError while a tool's result is awaited: no model takes a call without it.
        """
        while True:
            self._catch_up()
            groups.complete(self.awaited())
            self._fold(model)
            messages = self._render()
            tokens = self.scale.prompt(messages)
            if tokens <= self.budget.room:
                return messages
            self._fit(tokens)

    def seen(self) -> tuple[list[Message], int]:
        """The prompt, for a look, and how many messages a digest is due for: it is not made, and what would
        have to leave leaves the look only.
        """
        with self._looking():
            return self._render(), self.due

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Inside, the window fits its budget, even one that it was never held to; nothing is noted."""
        self._catch_up()
        with self.ledger.supposing():
            while (tokens := self.scale.prompt(self._render())) > self.budget.room:
                self._fit(tokens)
            yield

    @property
    def due(self) -> int:
        """Messages that have left and are not in the digest yet."""
        return len(self._state.unfolded) if self._cap else 0

    def resize(self, budget: Budget) -> None:
        """Holds the window to another budget; what no longer fits leaves when it is next asked for."""
        self.budget = budget
        self._weigh()

    def blocks(self) -> list[Block]:
        """The memory blocks as they were last written, those that were declared first."""
        self._catch_up()
        return self._standing.blocks(self._state)

    def written(self, block: Block) -> Page:
        """A new version of a block as a page to store. BudgetError where the room does not suffice."""
        least = self._standing.with_block(self._state, block) + self._cap
        limit = self.budget.room // 2 - self._pinned(self._state)
        if least > limit:
            raise BudgetError(
                f"with this the text that always stands takes {least} tokens of at most {limit}: "
                "write less, or enlarge the window"
            )
        return Page("block", "system", block.text, self._clock(), "vctx", author=block.name)

    @property
    def least(self) -> int:
        """Tokens of what never leaves, and of what is pinned."""
        return self._base + self._cap + self._pinned(self._state)

    @property
    def pressure(self) -> float:
        """The share of the room that is in use."""
        return self._taken / max(self.budget.room, 1)

    @property
    def warned(self) -> bool:
        """Whether the model was told of the pressure since the last flush."""
        return self._state.warned

    def largest(self, group: int | None = None) -> int:
        """Tokens of the largest message that fits beside what never leaves, the group's own pages aside."""
        rest = tuple(f for f in self.frames if group is None or f.group != group)
        return self.budget.room - self._base - self._cap - self._pinned(replace(self._state, frames=rest))

    def regions(self) -> tuple[Region, ...]:
        """What takes the room, in the order of the prompt; of the same look as `seen`."""
        tick = self._state.tick
        with self._looking():
            fixed = self.scale.fixed(self._standing.text)
            return layout.regions(
                self._weighed(self.frames),
                fixed=fixed,
                digest=self.scale.fixed(self._standing.text, self._digest()) - fixed,
                wrapper=self.scale.wrapper(),
                room=self.budget.room,
                tick=tick,
            )

    @property
    def _fixed(self) -> int:
        """Tokens of what never leaves, the digest's cap included once one stands or is due."""
        return self._base + self._cap * self._state.has_digest

    @property
    def _taken(self) -> int:
        """Tokens of the prompt, by the sum of its parts."""
        return self._fixed + weight(self._weighed(self.frames), self.scale.wrapper())

    # -- decide, note, apply

    def _snapshot(self, **more: Any) -> Snapshot:
        state = self._state
        frames = self._weighed(state.frames)
        warm, cold = self._warm(frames)
        return Snapshot(
            tick=state.tick + 1,
            budget=self.budget,
            fixed=self._fixed,
            frames=frames,
            wrapper=self.scale.wrapper(),
            cap=self._cap,
            first=not state.has_digest,
            head=self._base,
            prices=self._prices,
            warm=warm,
            cold=cold,
            read=state.read,
            briefs=self._briefs.of(frames) if self._forms else (),
            **more,
        )

    def _warm(self, frames: Sequence[Frame]) -> tuple[int, bool]:
        """Tokens of the prompt's beginning that the provider's cache holds; whether it has expired."""
        state = self._state
        if self._prices is None or state.sent is None:
            return 0, False
        if (self._clock() - state.sent).total_seconds() > self._prices.lifetime:
            return 0, True
        if state.unfolded:  # a new digest is due, before all frames
            return self._base, False
        return self._fixed + weight(frames[: state.served], self.scale.wrapper()), False

    def _note(
        self,
        cause: Literal["append", "recall", "fit"],
        snapshot: Snapshot,
        request: Mapping[str, Any],
        outcome: Mapping[str, Any] | None = None,
    ) -> Entry:
        plan = decide(snapshot, self.ledger.policy)
        signals = {"hits": [journal.signals(hit) for hit in pack(snapshot)]} if snapshot.hits else {}
        said = {**(outcome or {}), "window": journal.figures(snapshot), **signals}
        return self.ledger.note(cause, request, policy=self.ledger.policy.name, plan=plan, outcome=said)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The write lock, with all folded, and weighed, that others have noted."""
        with self.ledger.writing():
            self._reweigh()
            yield

    def _catch_up(self) -> None:
        self.ledger.catch_up()
        self._reweigh()

    def _reweigh(self) -> None:
        if self._standing.weigh(self._state):
            self._weigh()

    def _weigh(self) -> None:
        """What never leaves and, where the counts have changed since the frames were made, the frames."""
        self._briefs.reweigh()
        self._standing.weigh(self._state)
        # A window that takes turns may need a first one: see `render.EARLIER`.
        self._base = self._standing.tokens + self._alternates * self.scale.message(render.EARLIER)
        self._cap = self._reserved(self.budget.room // 8)
        frames = self._state.frames if self.scale.learnt else ()
        self._weights = {_shape(frame): self._weight(frame) for frame in frames}

    def _weight(self, frame: Frame) -> int:
        made = self.ledger.page(frame.gist) if frame.gist else None
        return self.scale.frame(frame, self.ledger.page(frame.page), made)

    def _weighed(self, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        """Frames with what they cost in the estimate in force."""
        if not self._weights:
            return frames
        return tuple(replace(f, tokens=self._weights.get(_shape(f), f.tokens)) for f in frames)

    def _arrivals(self, pages: Sequence[Page], hold: int = 0) -> tuple[Frame, ...]:
        """A message with its calls and results: whole if they fit, else cut so that a fault can bring in
        the rest. What stands in the window like that already stays.
        """
        awaited = groups.awaited(pages)
        largest = self.largest(pages[0].group) - hold
        limit = max(largest // 4, largest - self.budget.share)
        held = sum(map(self.scale.handle, awaited.values()))
        frames = self.scale.arrival(pages, self._state.tick + 1, held=held, largest=largest, limit=limit)
        least = sum(frame.tokens for frame in frames) + held
        if awaited and least > largest:
            raise BudgetError(
                f"the calls and the handles of their results take {least} tokens of at most {largest}: "
                "ask for fewer calls at a time, or enlarge the window"
            )
        return tuple(frame for frame in map(self._again, frames) if frame not in self.frames)

    def _again(self, frame: Frame) -> Frame:
        """The frame that stands in its slot, in the new form; the new frame where none does."""
        stands = next((f for f in self.frames if f.slot == frame.slot and not f.fault), None)
        if stands is None:
            return frame
        return replace(stands, form=frame.form, keep=frame.keep, tokens=frame.tokens)

    def _pinned(self, state: journal.State) -> int:
        groups = {frame.group for frame in state.frames if frame.pinned} - {None}
        stay = tuple(frame for frame in state.frames if frame.pinned or frame.group in groups)
        return weight(self._weighed(stay), self.scale.wrapper())

    def _priced(self, ranked: Sequence[Hit], share: int, query: str) -> tuple[Hit, ...]:
        """Each hit with what it would load, and its price, in the order of choice; of equals the best."""
        pages = {page.id: page for page in self._disk.get([hit.page for hit in ranked])}
        limit, words = share - self.scale.wrapper(), words_of(query)
        hits: dict[Any, Hit] = {}
        for hit in ranked:
            page = pages[hit.page]
            priced = self.scale.hit(hit, page, limit, words)
            if priced.span is None and (partly := self._state.resident(hit.page)) and not _whole(partly):
                # Part of it stands in the window: what is loaded beside it is a part, too.
                span = hit.span or (0, len(page.text))
                priced = replace(hit, span=span, tokens=self.scale.piece(page, span))
            hits.setdefault((priced.page, priced.span), replace(priced, resident=self._state.holds(priced)))
        return tuple(by_value(hits.values()))

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
            digest=self._digest(),
            tools=self.scale.tools,
            alternates=self._alternates,
        )
        self.ledger.remember(pages)
        return messages

    def _digest(self) -> str:
        """The summary; one that was made for a larger window stands cut to this one's cap."""
        if self._state.digest is None or not self._cap:
            return ""
        return digest.fit(self.ledger.page(self._state.digest).text, self._digest_cap(), self.scale.text)

    def _digest_cap(self) -> int:
        """Tokens of a digest's text, its mark aside."""
        return self._cap - self.scale.digest(self._standing.text)

    def _reserved(self, cap: int) -> int:
        """Tokens kept for a digest: none where too few would be left for its text."""
        return cap if cap - self.scale.digest(self._standing.text) >= LEAST else 0

    def _fit(self, tokens: int) -> None:
        """The prompt, counted whole, exceeds the room: the difference goes back into a decision."""
        seen = self._state.tick
        with self._writing():
            if self._state.tick != seen:
                return  # another process changed the window: count again
            snapshot = self._recut(self._snapshot(hold=max(0, tokens - self._taken)))
            entry = self._note("fit", snapshot, {"tokens": tokens})
            if not (entry.plan.evict or entry.plan.load):
                raise BudgetError(
                    f"what must stay in the window takes {tokens} tokens of {self.budget.room}: "
                    "unpin something, shorten the system text, or enlarge the window"
                )
        self.ledger.apply(entry)

    def _recut(self, snapshot: Snapshot) -> Snapshot:
        """The newest message, if it was framed for a larger room than there is, arrives once more."""
        newest = self.ledger.newest()
        if newest is None or newest.pinned:
            return snapshot
        unit = [f for f in snapshot.frames if f is newest or (newest.group and f.group == newest.group)]
        before = sum(frame.tokens for frame in unit)
        if before <= self.largest(newest.group) - snapshot.hold:
            return snapshot
        again = self._arrivals([self.ledger.page(frame.page) for frame in unit], snapshot.hold)
        stands = {frame.slot: frame.tokens for frame in unit}
        smaller = all(frame.tokens <= stands[frame.slot] for frame in again)
        return replace(snapshot, arriving=again) if again and smaller else snapshot

    def _fold(self, model: Model | None) -> None:
        """Completes the digest that flushes left due. The model runs outside the write lock."""
        while self._cap and (due := self._state.unfolded):
            before = self._state.digest
            made = self._summarise(model, [page for page in self._disk.get(due) if page.origin != "vctx"])
            with self._writing():
                if self._state.digest != before:
                    continue  # another process made one meanwhile
                parents = due if before is None else (before, *due)
                summary = Page("summary", "system", made.text, self._clock(), "vctx", parents=parents)
                [page] = self.ledger.put([summary])
                outcome = {"page": page.id, "by": made.by, "why": made.why}
                outcome |= journal.usage(made.replies, model.name if model else "", self._tokenizer)
                entry = self.ledger.note("fold", {"pages": list(due)}, outcome=outcome)
            self.ledger.apply(entry)

    def _summarise(self, model: Model | None, pages: Sequence[Page]) -> digest.Digest:
        previous, cap = self._digest(), self._digest_cap()
        if not pages:
            return digest.Digest(previous, "extract", "nothing was said")
        window = self.budget.window if model is None else min(self.budget.window, model.window)
        return digest.summarise(
            model, previous, pages, cap=cap, room=window - cap - self._base, count=self.scale.text
        )


def _shape(frame: Frame) -> tuple[Slot, int, int, Form, int]:
    """What its tokens depend on."""
    return frame.slot, frame.arrived, frame.keep, frame.form, frame.gist


def _whole(frames: Sequence[Frame]) -> bool:
    return any(frame.span is None and frame.form is Form.FULL for frame in frames)
