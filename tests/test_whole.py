"""Any interleaving of events, tool errors, malformed calls, cancellations and crashes leaves a session whole.

A crash is a copy of the files as they stand, opened as after the end of the process; a cancellation closes
the turn where it stands. After every step DESIGN's invariants are looked at, and the order of the messages.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from conftest import make
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from test_tools import valid

from vctx import agent, journal
from vctx.context import Context
from vctx.errors import BudgetError, InputError, ModelError, TooLongError
from vctx.fakes import WordTokenizer
from vctx.tools import tool
from vctx.turn import Loop, ModelCall, Request, Say, ToolRun, Turn
from vctx.types import Block, Limits, Message, Outcome, Reply, ToolCall

WINDOW = 3400
LONG = "the day went by with nothing that anybody would care to remember " * 12


def look(item: str, times: int = 1) -> str:
    """Looks something up."""
    return f"{item} is on shelf {len(item)}. " * times


def fail() -> str:
    """Fails."""
    raise OSError("the line is dead")


texts = st.one_of(st.text(max_size=40), st.sampled_from(["[memory: forged]", "Where is it?", LONG, "page 1"]))
arguments = st.one_of(
    st.sampled_from(["", "{", "[]", "null", '{"item": 3}', '{"item": "x", "times": 900}', "{}", '"item"']),
    st.builds(lambda text: json.dumps({"item": text}), texts),
    st.builds(lambda text: json.dumps({"message": text}), texts),
    st.builds(lambda text: json.dumps({"query": text, "page": 1}), texts),
    st.builds(lambda n: json.dumps({"page": n}), st.integers(-2, 40)),
    st.builds(lambda text: json.dumps({"name": "human", "content": text, "request_heartbeat": True}), texts),
    st.builds(lambda text: json.dumps({"name": "human", "old_content": text[:3], "new_content": ""}), texts),
    st.builds(lambda n: json.dumps({"content": "word " * n}), st.integers(0, 4000)),
)
names = st.sampled_from([*agent.NAMES, "look", "fail", "unknown", "no such tool!", ""])
calls = st.builds(ToolCall, st.sampled_from(["", "same", "a", "b"]), names, arguments)
replies = st.builds(lambda text, made: Reply(text, calls=tuple(made)), texts, st.lists(calls, max_size=3))
errors = st.sampled_from([ModelError("down"), TooLongError("too long", 4000, 3000), TooLongError("too long")])


class Session(RuleBasedStateMachine):
    """One session, and the turn that is under way in it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.crashes = 0
        self.turn: Turn | None = None
        self.request: Request | None = None
        self.sent: list[Message] = []
        self.seen = 0

    @initialize(memgpt=st.booleans(), idempotent=st.booleans(), alternates=st.booleans())
    def opens(self, memgpt: bool, idempotent: bool, alternates: bool) -> None:
        limits = Limits(steps=6)
        self.options: dict[str, Any] = {
            "window": WINDOW if memgpt else 900,
            "loop": agent.memgpt(limits) if memgpt else Loop(limits),
            "blocks": agent.BLOCKS if memgpt else [Block("human", limit=200)],
            "tools": [tool(look, idempotent=idempotent), tool(fail)],
            "tokenizer": WordTokenizer(alternates=alternates),
        }
        if memgpt:
            self.options["kit"] = agent.kit
        (self.folder / "0").mkdir()
        self.ctx = make(self.folder / "0" / "s.db", **self.options)

    # -- a turn

    @precondition(lambda self: self.turn is None)
    @rule(text=texts, event=st.booleans())
    def begins(self, text: str, event: bool) -> None:
        self.turn = self.ctx.turn(text)
        self._go(self.turn.send, None)

    @precondition(lambda self: isinstance(self.request, ModelCall))
    @rule(reply=replies)
    def replies(self, reply: Reply) -> None:
        assert self.turn is not None and isinstance(self.request, ModelCall)
        messages = list(self.request.messages)
        valid([{**m} for m in _openai(messages)])
        assert self.ctx.tokens(messages) <= self.ctx.budget.room
        self._grows(messages)
        self._go(self.turn.send, reply)

    @precondition(lambda self: isinstance(self.request, ModelCall))
    @rule(error=errors)
    def fails(self, error: ModelError) -> None:
        assert self.turn is not None
        self._go(self.turn.throw, error)

    @precondition(lambda self: isinstance(self.request, ToolRun | Say))
    @rule()
    def runs(self) -> None:
        assert self.turn is not None
        made = (
            self.request.tool.run(self.request.call.arguments) if isinstance(self.request, ToolRun) else None
        )
        self._go(self.turn.send, made)

    @precondition(lambda self: isinstance(self.request, ToolRun))
    @rule(text=st.one_of(texts, st.integers(0, 3000).map(lambda n: "flood " * n)))
    def returns(self, text: str) -> None:
        assert self.turn is not None
        self._go(self.turn.send, Outcome(text))

    @precondition(lambda self: self.turn is not None)
    @rule()
    def cancels(self) -> None:
        assert self.turn is not None
        self.turn.close()
        self.turn = self.request = None

    @rule()
    def crashes_(self) -> None:
        old, self.crashes = self.ctx, self.crashes + 1
        there = self.folder / str(self.crashes)
        shutil.copytree(self.folder / str(self.crashes - 1), there)
        turn, self.turn, self.request = self.turn, None, None
        self.ctx = make(there / "s.db", **self.options)
        self.sent = []
        if turn is not None:
            turn.close()
        old.close()

    # -- between turns

    @precondition(lambda self: self.turn is None)
    @rule(text=texts, role=st.sampled_from(["user", "assistant"]))
    def says(self, text: str, role: Any) -> None:
        if not self.ctx._window.awaited():
            self.ctx.append(role, text)

    @precondition(lambda self: self.turn is None)
    @rule(text=texts)
    def recalls(self, text: str) -> None:
        self.ctx.recall(text)

    @precondition(lambda self: self.turn is None)
    @rule(text=texts)
    def edits(self, text: str) -> None:
        try:
            self.ctx.edit("human", text)
        except (BudgetError, InputError):
            assert len(text) > 200 or self.ctx._window.awaited() or self.ctx.budget.window < WINDOW

    @precondition(lambda self: self.turn is None)
    @rule(n=st.integers(0, 60))
    def forgets(self, n: int) -> None:
        pages = self.ctx._disk.pages()
        if pages:
            assert self.ctx.forget([pages[n % len(pages)].id])
        self.sent = []

    @precondition(lambda self: self.turn is None)
    @rule(n=st.integers(0, 60))
    def rewinds(self, n: int) -> None:
        said = self.ctx.history()
        if said:
            self.ctx.rewind(said[n % len(said)].id)
        self.sent = []

    # -- what holds

    @invariant()
    def holds(self) -> None:
        ctx: Context | None = getattr(self, "ctx", None)
        if ctx is None:
            return
        entries = ctx.log()
        branch = ctx._window.ledger.branch
        state = journal.replay(entries, journal.beginning(entries, branch))
        assert state == ctx._window.ledger.state
        assert len(ctx.pages([frame.page for frame in ctx.frames])) == len(ctx.frames)
        assert all(block.page is None or ctx.pages([block.page]) for block in ctx.blocks)
        if ctx._window.awaited():
            return
        messages = ctx.window()
        valid(messages)
        assert ctx.tokens(messages) <= ctx.budget.room

    def teardown(self) -> None:
        if self.turn is not None:
            self.turn.close()
        if hasattr(self, "ctx"):
            self.ctx.close()
        shutil.rmtree(self.folder)

    def _go(self, resume: Any, value: Any) -> None:
        try:
            self.request = resume(value)
        except StopIteration as stop:
            assert stop.value.steps <= 6
            self.turn = self.request = None
            assert not self.ctx._window.awaited()
        except ModelError:
            self.turn = self.request = None

    def _grows(self, messages: list[Message]) -> None:
        """Between flushes what was sent is where the next prompt begins."""
        entries = self.ctx.log()
        flushed = any(entry.plan.evict or entry.cause == "fold" for entry in entries[self.seen :])
        alternates = self.ctx.tokenizer.alternates  # joined messages grow
        if not flushed and self.sent and not alternates:
            assert messages[: len(self.sent)] == self.sent
        self.sent, self.seen = messages, len(entries)


def _openai(messages: list[Message]) -> list[dict[str, Any]]:
    from vctx import formats

    return formats.openai(messages)


TestSession = Session.TestCase
TestSession.settings = settings(
    max_examples=max(10, settings().max_examples // 3), stateful_step_count=25, deadline=None
)
