"""Messages, tool calls and replies, and what a turn is held to."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from vctx.types.pages import Page, Role
from vctx.types.search import Hit


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's call of a tool. `arguments` is JSON as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt. An assistant's may call tools; a tool's answers the call that it names."""

    role: Role
    content: str
    calls: tuple[ToolCall, ...] = ()
    call: str = ""
    """Of a tool's message: the id of the call that it answers."""
    name: str = ""
    """Of a tool's message: the tool."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All that a prompt may hold of it: content, call, name; then id, name and arguments of each call."""
        calls = (text for call in self.calls for text in (call.id, call.name, call.arguments))
        return (self.content, self.call, self.name, *calls)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered, with the tokens that it counted (None where it did not say)."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    lesson: tuple[int, ...] = ()
    """What a tokenizer that estimates has learnt from it."""
    calls: tuple[ToolCall, ...] = ()
    """Tools that the model calls: their results are awaited before it goes on."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a tool's call: a text for the model."""

    text: str
    failed: bool = False
    """Whether the text says what went wrong."""
    pages: tuple[Page, ...] = ()
    """What is stored together with it: a note, or a new version of a memory block."""
    said: str = ""
    """What it says to the user."""
    heartbeat: bool = False
    """Whether the model asked to go on once it has this."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that nobody said, and that the model is told: an event of the program's."""

    text: str


@dataclass(frozen=True, slots=True)
class Timer:
    """Tells the model something at regular times, the first time once `every` has passed."""

    every: timedelta
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How far one turn may go: whichever bound is reached first ends its chain of calls."""

    steps: int = 50
    """Replies of the model; Letta's default."""
    tokens: int | None = None
    """Of all prompts and replies together."""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's reply in a chat, with what paging did for it."""

    text: str
    hits: tuple[Hit, ...]
    """The pages that recall selected, best first; `resident` says which needed no fault."""
    tokens: int
    """Tokens of the prompt, by the target model's tokenizer."""
    limit: int
    """Tokens that the prompt might have taken."""
    reply: Reply
    """The last, where tools were called in between."""
    steps: int = 1
    """Replies that it took."""
    stopped: str = ""
    """The limit that ended the turn before the model did; `ctx.reply()` lets it go on."""
    warning: str = ""
    """That the same pages go out and come in again, if they do, and what would cure it."""

    @property
    def faults(self) -> int:
        """Pages that had to be brought in."""
        return sum(not hit.resident for hit in self.hits)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a model, or several for one thing, as the journal keeps it, with the tokens that were counted
    (None: not said)."""

    tick: int
    at: datetime
    model: str
    """Empty in a journal of an earlier version."""
    why: Literal["reply", "summary", "gist"]
    prompt: int | None = None
    """The cached included."""
    cached: int | None = None
    reply: int | None = None
    cost: float | None = None
    """None where the prices, or the tokens, are not known."""
    times: int = 1
    """How often the model was called: a digest may take several batches, and gists are filed together."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the model calls of a session took."""

    calls: tuple[Call, ...]
    unit: str = "$"
    """Of the cost."""
    why: str = ""
    """Why the cost, or a part of it, is not known."""

    @property
    def times(self) -> int:
        """How often the model was called."""
        return sum(call.times for call in self.calls)

    @property
    def prompt(self) -> int:
        """Tokens of prompts that were counted."""
        return sum(call.prompt or 0 for call in self.calls)

    @property
    def cached(self) -> int:
        """How many of them a cache served."""
        return sum(call.cached or 0 for call in self.calls)

    @property
    def reply(self) -> int:
        """Tokens of replies that were counted."""
        return sum(call.reply or 0 for call in self.calls)

    @property
    def cost(self) -> float | None:
        """Of all calls; None where that of any is not known."""
        costs = [call.cost for call in self.calls if call.cost is not None]
        return math.fsum(costs) if len(costs) == len(self.calls) else None


@dataclass(frozen=True, slots=True)
class Installed:
    """A chat model on this machine."""

    name: str
    """As `open` takes it."""
    path: str = ""
    window: int | None = None
    """Tokens of prompt and reply together."""
    counts: str = ""
    """Which tokenizer counts for it."""
    problem: str = ""
    """Why it cannot be used, or not yet."""
