"""A session as a turn needs it: what is said, called and returned is kept, in an order that models take.

A reply and its calls are one entry; so is each result, together with what the tool has stored. A tool that
may not run twice is noted before it runs: where its result is not on disk, its outcome is unknown.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

from vctx import blocks, journal, render
from vctx.errors import BudgetError, InputError, TooLongError
from vctx.memory import PRICED, Memory
from vctx.types import Block, Hit, Message, Outcome, Page, Reply, ToolCall

UNKNOWN = "outcome unknown: it was begun and its result was lost; it was not run again"
NOT_RUN = "not run: the turn was ended before"
TOO_MANY = "the calls took more room than the window has, and were not made: make fewer, or shorter ones"
STEP = 2
"""Between the steps of a turn a fault may take this part of its share."""
LIKELY = 0.1
"""How probably a page must be needed for that: most steps need none, and each fault brings the next flush."""
QUERY = 2000
"""Characters, of what a step has brought, by which the next page-in searches."""
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")


class Exchange(Memory):
    """A session, and the steps of a turn in it. One turn at a time."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self._guard = Lock()

    @contextmanager
    def turning(self) -> Iterator[None]:
        """Holds the session for one turn. Raises InputError while another goes on."""
        if not self._guard.acquire(blocking=False):
            raise InputError("a turn is under way in this session: await its end, or close its stream")
        try:
            yield
        finally:
            self._guard.release()

    def now(self) -> datetime:
        """By the session's clock."""
        return self._clock()

    def space(self, text: str) -> int:
        """Tokens that a message will take in the window: what a recall for it leaves free."""
        return min(self._window.scale.message(render.escape(text)), self._window.largest())

    def weight(self, message: Message) -> int:
        """Tokens of a message's texts."""
        return sum(self._window.scale.text(message.texts))

    def waits(self, text: str) -> bool:
        """Whether this was the last thing said, and no model has answered: it is asked once more, then."""
        last = self.history(1)
        return any(p.role == "user" and p.text == text and self._window.resident(p.id) for p in last)

    def alert(self, text: str, beside: Sequence[Page] = (), **told: Any) -> Page:
        """Tells the model something that nobody said; `beside` is stored with it."""
        page = Page("message", "user", render.alert(text), self._clock(), "vctx", author="vctx")
        stored = self._window.append(page, beside=beside, told=told)
        self._backlog.wake()
        return stored

    @property
    def pressure(self) -> float:
        """The share of the room that is in use."""
        return self._window.pressure

    @property
    def warned(self) -> bool:
        """Whether the model was told of the pressure since the last flush."""
        return self._window.warned

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The memory blocks as they were last written."""
        return tuple(self._window.blocks())

    def block(self, name: str) -> Block:
        """A memory block. Raises InputError where there is none of that name."""
        known = {block.name: block for block in self.blocks}
        if name not in known:
            raise InputError(f"no block is called {name!r}; there are: {', '.join(known) or 'none'}")
        return known[name]

    def edit(self, name: str, text: str) -> Block:
        """Writes a memory block. The model sees the change at once, at the end of its window.

        Raises InputError beyond the block's limit, BudgetError where the window is too small for it.
        """
        old = self.block(name)
        new = blocks.written(old, text)
        self.alert(render.escape(blocks.change(old, new)), beside=[self.written(new)])
        return self.block(name)

    def written(self, block: Block) -> Page:
        """A new version of a block, to be stored with what tells of it. Raises BudgetError."""
        return self._window.written(block)

    def keep(self, reply: Reply) -> None:
        """Adds what a model said, and the tools that it calls, with the tokens that it has counted.

        Calls that are larger than the window are not kept, and the model is told.
        """
        page = Page("message", "assistant", reply.text, self._clock(), "assistant")
        calls = [_page(call, page.created_at) for call in _named(reply.calls)]
        spent = journal.usage([reply], self.model.name if self.model else "", self.tokenizer.name)
        try:
            self._window.append(replace(page, group=0) if calls else page, calls, outcome=spent)
        except BudgetError:
            if not calls:
                raise
            self._window.append(page, outcome=spent)
            self.alert(TOO_MANY)
        self._backlog.wake()

    def awaited(self) -> list[Page]:
        """The calls whose results are yet to come, and that a turn runs by itself, in order."""
        mine = {schema["function"]["name"] for schema in self.schemas} - self.tools.keys()
        calls = self._window.awaited().values()
        return [call for call in calls if self.tools and call.author not in mine]

    def asks(self) -> bool:
        """Whether the caller is to append a result before the model can go on."""
        return bool(self._window.awaited())

    def begin(self, call: Page) -> None:
        """Notes that a tool is about to run."""
        self._window.note("run", {"page": call.id})

    def begun(self, call: Page) -> bool:
        """Whether it was noted that the tool was about to run."""
        newest = self._window.ledger.newest()
        entries = self._disk.entries(newest.arrived if newest else -1)
        return any(entry.cause == "run" and entry.request["page"] == call.id for entry in entries)

    def result(self, call: Page, outcome: Outcome) -> None:
        """Adds what came of a call, with what the tool has stored, in one transaction."""
        page = Page(
            "message", "tool", outcome.text, self._clock(), "tool", author=call.author, call=call.call
        )
        self._window.append(page, beside=outcome.pages, outcome={"failed": True} if outcome.failed else None)
        self._backlog.wake()

    def abandon(self, running: Page | None) -> None:
        """Ends a chain in the middle: every call that awaits its result gets one that says so."""
        for call in self.awaited():
            self.result(call, Outcome(UNKNOWN if call == running else NOT_RUN, failed=True))

    def newest(self) -> set[int]:
        """The pages of what was said last."""
        return {page.id for page in self._window.unit()}

    def page_in(self, number: int) -> str:
        """Loads one page, or as much of it as a fault may, and says what stands in the window now."""
        near = self._disk.around([number], branch=self._window.ledger.branch)
        if number not in {page.id for page in near}:
            raise InputError(f"there is no page {number} here")
        found = self._load([Hit(number)], f"page {number}", self.budget.share, whole=True)
        if not found:
            raise BudgetError(f"page {number} does not fit beside what must stay in the window")
        span = found[0].span
        part = f", characters {span[0]} to {span[1]}" if span else ""
        return f"page {number}{part} stands in this window {'already' if found[0].resident else 'now'}"

    def parents(self, number: int | None = None) -> list[Page]:
        """What a summary was made from; by default the one that stands. Empty for what is no summary."""
        number = self._window.ledger.state.digest if number is None else number
        pages = self._disk.around([number]) if number is not None else []
        [*made] = (page.parents for page in pages if page.id == number)
        return self.pages(made[0]) if made else []

    def fault(self, said: Sequence[str]) -> list[Hit]:
        """Pages in what the results of a step need, within a part of a fault's share."""
        query = "\n".join(text for text in said if text)[:QUERY]
        ranked = self.search(query, PRICED, before=(), without=self.newest())
        likely = [hit for hit in ranked if hit.worth is None or hit.worth >= LIKELY]
        return self._load(likely, query, self.budget.share // STEP, whole=False) if likely else []

    def shrink(self, messages: Sequence[Message], error: TooLongError) -> None:
        """Holds the window to what a server says that it reads, else to three quarters of what it refused.

        Raises the error where what must stand would take more than half of that.
        """
        ours = self._window.scale.prompt(messages)
        limit = min(error.limit or self.budget.window, self.budget.window)
        reserve = min(self.budget.reserve, limit // 4)
        room = (limit - reserve) * ours // max(error.tokens, ours) if error.tokens else ours * 3 // 4
        room = min(room, ours - 1)
        if self._window.least > room // 2:
            raise error
        self.budget = replace(self.budget, window=room + reserve, reserve=reserve)
        self._window.resize(self.budget)


def _named(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """Calls as every provider takes them back: ids that differ, and names of letters, digits, _ and -."""
    out: dict[str, ToolCall] = {}
    for number, call in enumerate(calls, 1):
        id = call.id if call.id and call.id not in out else f"{call.id}_{number}"
        out[id] = ToolCall(id, _NO_NAME.sub("_", call.name)[:64] or "unnamed", call.arguments)
    return list(out.values())


def _page(call: ToolCall, at: datetime) -> Page:
    return Page("tool", "assistant", call.arguments, at, "assistant", author=call.name, group=0, call=call.id)
