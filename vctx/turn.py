"""A turn, sans I/O: what it asks of the model and of the world, and what it keeps of their answers.

A turn is a generator: it yields requests, takes the result of each by `send`, or the model's failure by
`throw`, and returns an Answer. Nothing here calls a model, runs a tool or waits; `vctx.drive` does, and
so may any program that iterates `Context.turn` itself. All that happens is on disk before the next request.

    event: page in what it needs -> keep it -> step
    step:  ModelCall -> keep the reply -> a ToolRun for each call -> keep its outcome -> go on? -> step
                                                                                     -> no: Answer
A turn that is closed in the middle gives the calls that await a result one that says so. One that a crash
ends is taken up by the next: what was not begun runs then, and what may run twice runs again.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vctx.errors import TooLongError
from vctx.exchange import UNKNOWN, Exchange
from vctx.ports import Tool
from vctx.types import Answer, Hit, Limits, Message, Outcome, Page, Reply, ToolCall


@dataclass(frozen=True, slots=True)
class ModelCall:
    """Asks the model; its Reply is awaited."""

    messages: tuple[Message, ...]
    max_tokens: int
    aloud: bool = True
    """Whether what it says is for the user, so that it may be passed on while it comes."""
    hits: tuple[Hit, ...] = ()
    """The pages that the turn has referred to so far, best first."""


@dataclass(frozen=True, slots=True)
class ToolRun:
    """Runs a tool; its Outcome is awaited."""

    call: ToolCall
    tool: Tool


@dataclass(frozen=True, slots=True)
class Say:
    """Says something to the user; nothing is awaited."""

    text: str


Request = ModelCall | ToolRun | Say
Turn = Generator[Request, Any, Answer]


@dataclass(frozen=True, slots=True)
class Loop:
    """How turns go."""

    limits: Limits = field(default_factory=Limits)
    automatic: bool = True
    """Whether what an event, or a step, needs is paged in without being asked for."""
    heartbeats: bool = False
    """MemGPT's way: a reply is a thought, tools speak, and calls that ask for no heartbeat end the turn."""
    watch: Callable[[Exchange], bool] = lambda session: False
    """Looks at the session before and after each step: has the model something new to see?"""


def chat(session: Exchange, loop: Loop, text: str) -> Turn:
    """The user says something. Where no model answers, the message stays, and is not kept twice."""
    with session.turning():
        yield from _resumed(session)
        hits = session.memory.recall(text, hold=session.space(text)) if loop.automatic else []
        if not session.waits(text):
            session.memory.append("user", text)
        return (yield from _steps(session, loop, hits))


def event(session: Exchange, loop: Loop, text: str) -> Turn:
    """Something happens that nobody said: the model is told."""
    with session.turning():
        yield from _resumed(session)
        session.alert(text)
        return (yield from _steps(session, loop, []))


def reply(session: Exchange, loop: Loop, hits: Sequence[Hit] = ()) -> Turn:
    """The model goes on with the window as it stands."""
    with session.turning():
        yield from _resumed(session)
        return (yield from _steps(session, loop, hits))


@dataclass(slots=True)
class _Chain:
    """What a turn has come to so far."""

    began: datetime
    hits: list[Hit]
    said: list[str] = field(default_factory=list)
    steps: int = 0
    tokens: int = 0
    prompt: int = 0

    def bound(self, limits: Limits, now: datetime) -> str:
        """The limit that is reached; empty where none is."""
        if self.steps >= limits.steps:
            return "steps"
        if limits.tokens is not None and self.tokens >= limits.tokens:
            return "tokens"
        late = limits.seconds is not None and (now - self.began).total_seconds() >= limits.seconds
        return "seconds" if late else ""


def _steps(session: Exchange, loop: Loop, hits: Sequence[Hit]) -> Turn:
    chain = _Chain(session.now(), list(hits))
    loop.watch(session)
    while True:
        said = yield from _replied(session, loop, chain)
        outcomes = yield from _ran(session, chain)
        news = not session.asks() and loop.watch(session)
        if session.asks() or not (news or _goes_on(loop, said, outcomes)):
            return (yield from _answer(session, loop, chain, said, ""))
        if bound := chain.bound(loop.limits, session.now()):
            return (yield from _answer(session, loop, chain, said, bound))
        if loop.automatic and outcomes:
            chain.hits += session.fault([said.text, *(outcome.text for outcome in outcomes)])


def _replied(session: Exchange, loop: Loop, chain: _Chain) -> Generator[Request, Any, Reply]:
    messages, said = yield from _completed(session, not loop.heartbeats, tuple(chain.hits))
    session.keep(said)
    chain.steps += 1
    chain.prompt = session.memory.tokens(messages)
    chain.tokens += chain.prompt + session.weight(Message("assistant", said.text, said.calls))
    return said


def _completed(
    session: Exchange, aloud: bool, hits: tuple[Hit, ...]
) -> Generator[Request, Any, tuple[Sequence[Message], Reply]]:
    """The prompt and its reply; one that is refused as too long is made shorter, and sent once more."""
    messages = session.memory.messages()
    try:
        return messages, (yield ModelCall(tuple(messages), session.memory.budget.reserve, aloud, hits))
    except TooLongError as error:
        session.shrink(messages, error)
    messages = session.memory.messages()
    return messages, (yield ModelCall(tuple(messages), session.memory.budget.reserve, aloud, hits))


def _ran(session: Exchange, chain: _Chain) -> Generator[Request, Any, list[Outcome]]:
    """Runs what was called, one after the other, and keeps what came of it."""
    outcomes: list[Outcome] = []
    running: Page | None = None
    try:
        for running in session.awaited():
            outcome = yield from _run(session, running)
            session.result(running, outcome)
            outcomes.append(outcome)
            if outcome.said:
                chain.said.append(outcome.said)
                yield Say(outcome.said)
    except GeneratorExit:
        session.abandon(running)
        raise
    return outcomes


def _run(session: Exchange, call: Page) -> Generator[Request, Any, Outcome]:
    tool = session.memory.tools.get(call.author)
    if tool is None:
        return Outcome(
            f"error: no tool is called {call.author!r}; there are: {', '.join(session.memory.tools)}",
            failed=True,
        )
    if not tool.idempotent:
        session.begin(call)
    outcome: Outcome = yield ToolRun(ToolCall(call.call, call.author, call.text), tool)
    return outcome


def _resumed(session: Exchange) -> Generator[Request, Any, None]:
    """Takes up the calls that a crash has left without a result."""
    lost = [call for call in session.awaited() if session.begun(call)]
    for call in lost:
        session.result(call, Outcome(UNKNOWN, failed=True))
    yield from _ran(session, _Chain(session.now(), []))


def _goes_on(loop: Loop, said: Reply, outcomes: Sequence[Outcome]) -> bool:
    """Whether the model is asked again: to see what came of its calls, if it wants to."""
    if loop.heartbeats:
        dropped = bool(said.calls) and not outcomes
        return dropped or any(outcome.failed or outcome.heartbeat for outcome in outcomes)
    return bool(said.calls)


def _answer(
    session: Exchange, loop: Loop, chain: _Chain, said: Reply, stopped: str
) -> Generator[Request, Any, Answer]:
    """What the turn said: by a tool, else the last reply."""
    text = "\n".join(chain.said) or said.text
    if loop.heartbeats and not chain.said and text:
        yield Say(text)
    return Answer(
        text,
        tuple(chain.hits),
        chain.prompt,
        session.memory.budget.room,
        said,
        steps=chain.steps,
        stopped=stopped,
        warning=session.memory.thrash().cure if chain.hits else "",
    )
