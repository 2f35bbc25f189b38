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

from vctx import journal, render
from vctx.errors import BudgetError, InputError, TooLongError
from vctx.memory import Memory
from vctx.seeking import PRICED
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


class Exchange:
    """The steps of a turn in a session, which it knows from the inside. One turn at a time."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._guard = Lock()

    @contextmanager
    def turning(self) -> Iterator[None]:
        """Holds the session for one turn. Raises InputError while another goes on."""
        if not self._guard.acquire(blocking=False):
            raise InputError("a turn is under way in this session: await its end, or close its stream")
        try:
            with self.memory._aside.stand_aside():
                yield
            self.memory._window.ask()
        finally:
            self._guard.release()

    def now(self) -> datetime:
        """By the session's clock."""
        return self.memory._clock()

    def space(self, text: str) -> int:
        """Tokens that a message will take in the window: what a recall for it leaves free."""
        return min(self.memory._window.scale.message(render.escape(text)), self.memory._window.room.largest())

    def weight(self, message: Message) -> int:
        """Tokens of a message's texts."""
        return sum(self.memory._window.scale.text(message.texts))

    def waits(self, text: str) -> bool:
        """Whether this was the last thing said, and no model has answered: it is asked once more, then."""
        last = self.memory.history(1)
        return any(p.role == "user" and p.text == text and self.memory._window.resident(p.id) for p in last)

    def alert(self, text: str, **told: Any) -> None:
        """Tells the model something that nobody said."""
        self.memory._tell(text, **told)

    @property
    def pressure(self) -> float:
        """The share of the room that is in use."""
        return self.memory._window.room.pressure

    @property
    def warned(self) -> bool:
        """Whether the model was told of the pressure since the last flush."""
        return self.memory._window.warned

    def written(self, block: Block) -> Page:
        """A new version of a block, to be stored with what tells of it. Raises BudgetError."""
        return self.memory._window.written(block)

    def keep(self, reply: Reply) -> None:
        """Adds what a model said, and the tools that it calls, with the tokens that it has counted.

        Calls that are larger than the window are not kept, and the model is told.
        """
        page = Page("message", "assistant", reply.text, self.memory._clock(), "assistant")
        calls = [_page(call, page.created_at) for call in _named(reply.calls)]
        spent = journal.usage(
            [reply], self.memory.model.name if self.memory.model else "", self.memory.tokenizer.name
        )
        try:
            self.memory._window.append(replace(page, group=0) if calls else page, calls, outcome=spent)
        except BudgetError:
            if not calls:
                raise
            self.memory._window.append(page, outcome=spent)
            self.alert(TOO_MANY)
        self.memory._backlog.wake()

    def awaited(self) -> list[Page]:
        """The calls whose results are yet to come, and that a turn runs by itself, in order."""
        mine = {schema["function"]["name"] for schema in self.memory.schemas} - self.memory.tools.keys()
        calls = self.memory._window.awaited().values()
        return [call for call in calls if self.memory.tools and call.author not in mine]

    def asks(self) -> bool:
        """Whether the caller is to append a result before the model can go on."""
        return bool(self.memory._window.awaited())

    def begin(self, call: Page) -> None:
        """Notes that a tool is about to run."""
        self.memory._window.note("run", {"page": call.id})

    def begun(self, call: Page) -> bool:
        """Whether it was noted that the tool was about to run."""
        newest = self.memory._window.ledger.newest()
        entries = self.memory._disk.entries(newest.arrived if newest else -1)
        return any(entry.cause == "run" and entry.request["page"] == call.id for entry in entries)

    def result(self, call: Page, outcome: Outcome) -> None:
        """Adds what came of a call, with what the tool has stored, in one transaction."""
        page = Page(
            "message", "tool", outcome.text, self.memory._clock(), "tool", author=call.author, call=call.call
        )
        self.memory._window.append(
            page, beside=outcome.pages, outcome={"failed": True} if outcome.failed else None
        )
        self.memory._backlog.wake()

    def abandon(self, running: Page | None) -> None:
        """Ends a chain in the middle: every call that awaits its result gets one that says so."""
        for call in self.awaited():
            self.result(call, Outcome(UNKNOWN if call == running else NOT_RUN, failed=True))

    def newest(self) -> set[int]:
        """The pages of what was said last."""
        return {page.id for page in self.memory._window.unit()}

    def page_in(self, number: int) -> str:
        """Loads one page, or as much of it as a fault may, and says what stands in the window now."""
        near = self.memory._disk.around([number], branch=self.memory._window.ledger.branch)
        if number not in {page.id for page in near}:
            raise InputError(f"there is no page {number} here")
        share = self.memory.budget.share
        found = self.memory._seeking.load([Hit(number)], f"page {number}", share, whole=True)
        if not found:
            raise BudgetError(f"page {number} does not fit beside what must stay in the window")
        span = found[0].span
        part = f", characters {span[0]} to {span[1]}" if span else ""
        return f"page {number}{part} stands in this window {'already' if found[0].resident else 'now'}"

    def parents(self, number: int | None = None) -> list[Page]:
        """What a summary was made from; by default the one that stands. Empty for what is no summary."""
        number = self.memory._window.ledger.state.digest if number is None else number
        pages = self.memory._disk.around([number]) if number is not None else []
        [*made] = (page.parents for page in pages if page.id == number)
        return self.memory.pages(made[0]) if made else []

    def fault(self, said: Sequence[str]) -> list[Hit]:
        """Pages in what the results of a step need, within a part of a fault's share."""
        query = "\n".join(text for text in said if text)[:QUERY]
        ranked = self.memory.search(query, PRICED, before=(), without=self.newest())
        likely = [hit for hit in ranked if hit.worth is None or hit.worth >= LIKELY]
        share = self.memory.budget.share // STEP
        return self.memory._seeking.load(likely, query, share, whole=False) if likely else []

    def shrink(self, messages: Sequence[Message], error: TooLongError) -> None:
        """Holds the window to what a server says that it reads, else to three quarters of what it refused.

        Raises the error where what must stand would take more than half of that.
        """
        ours = self.memory._window.scale.prompt(messages)
        limit = min(error.limit or self.memory.budget.window, self.memory.budget.window)
        reserve = min(self.memory.budget.reserve, limit // 4)
        room = (limit - reserve) * ours // max(error.tokens, ours) if error.tokens else ours * 3 // 4
        room = min(room, ours - 1)
        if self.memory._window.room.least > room // 2:
            raise error
        self.memory.budget = replace(self.memory.budget, window=room + reserve, reserve=reserve)
        self.memory._window.resize(self.memory.budget)


def _named(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """Calls as every provider takes them back: ids that differ, and names of letters, digits, _ and -."""
    out: dict[str, ToolCall] = {}
    for number, call in enumerate(calls, 1):
        id = call.id if call.id and call.id not in out else f"{call.id}_{number}"
        out[id] = ToolCall(id, _NO_NAME.sub("_", call.name)[:64] or "unnamed", call.arguments)
    return list(out.values())


def _page(call: ToolCall, at: datetime) -> Page:
    return Page("tool", "assistant", call.arguments, at, "assistant", author=call.name, group=0, call=call.id)
