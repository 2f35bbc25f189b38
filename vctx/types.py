"""The nouns: frozen dataclasses that every room shares. No behaviour beyond derived values.

Tokens are always tokens of the target model; ticks count journal entries; times are UTC.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

Kind = Literal["message", "tool", "chunk", "record", "note", "summary", "block"]
"""`message` is what was said, a tool's result included; `tool` a call, as the assistant made it; `chunk` a
part of a document; `record` a message of an imported history, which waits on disk as documents do;
`note` what a model filed there; `block` a version of a memory block."""
Role = Literal["tools", "system", "user", "assistant", "tool"]
"""`tools` is no turn: it stands first in a prompt and holds, as JSON, the tools that the model may call."""
Speaker = Literal["user", "assistant", "tool"]
"""Who takes part in a conversation; the system text belongs to the session."""
Origin = Literal["user", "assistant", "tool", "document", "vctx"]
"""Who made a text. What vctx wrote itself is never stored as if somebody had said it."""
Span = tuple[int, int]
"""Characters [start, stop) of a page's text."""
Slot = tuple[int, Span | None]
"""A page, or a span of it, as it stands in the window: what names a frame."""


class Form(StrEnum):
    """How a page stands in the window."""

    FULL = "full"
    """The whole text, or the whole span."""
    CUT = "cut"
    """Head, handle and tail of a message that is larger than the room."""
    GIST = "gist"
    """The words that tell most, behind its mark."""
    HANDLE = "handle"
    """One line: its mark, and a few words."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where in a document a chunk stands."""

    document: str
    start: int
    """First character of the chunk in the document's text."""
    stop: int
    number: int | None = None
    """The printed page, from 1; None where the document has no pages."""
    heading: str = ""


class Heading(NamedTuple):
    """Where a section begins. One of level 2 stands below the last of level 1."""

    start: int
    """The first character of the section in the text."""
    title: str
    level: int = 1


class Turn(NamedTuple):
    """A message of an imported history; its words are `text[start:stop]` of the reading."""

    start: int
    stop: int
    role: Speaker
    author: str = ""
    at: datetime | None = None
    """None where the history does not say."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that has been read: its text, and where its headings stand.

    Form feeds in the text part printed pages. A history is read in turns, which cover its text in order.
    """

    name: str
    text: str
    headings: tuple[Heading, ...] = ()
    """In order of their place."""
    turns: tuple[Turn, ...] = ()
    notes: tuple[str, ...] = ()
    """What a user should know of how it was read: an encoding that was guessed, pages without text."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """What in a folder was left out, and why."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Document:
    """A reading whose chunks are pages on disk. `sha` is the sha256 of its text, in hex."""

    name: str
    sha: str
    chunks: int


@dataclass(frozen=True, slots=True)
class Added(Document):
    """What became of a reading that was added."""

    printed: int = 0
    """Its printed pages; 0 where it has none."""
    tokens: int = 0
    """Of the chunks that were written."""
    new: int = 0
    """Chunks that were written; the others were there already."""
    gone: int = 0
    """Chunks that the document no longer holds, and that were forgotten."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Page:
    """The unit of memory: one message, one tool call, or one chunk of a document. Immutable once on disk.

    `id` and `seq` are 0 until the disk has assigned them. `group` ties pages that are never parted: an
    assistant's message, its tool calls and their results; it is the id of the first of them, and 0 until
    the disk has assigned that. `call` is the id of the tool call that the page is, or is the result of;
    the author of such a page is the tool, and the text of a call its arguments. `parents` are the pages
    that a summary was made from.
    """

    kind: Kind
    role: Role
    text: str
    created_at: datetime
    origin: Origin
    author: str = ""
    source: Source | None = None
    group: int | None = None
    parents: tuple[int, ...] = ()
    branch: int = 0
    id: int = 0
    seq: int = 0
    call: str = ""

    @property
    def talk(self) -> bool:
        """Whether somebody said it, in this conversation or in an imported one."""
        return self.kind in ("message", "record")


@dataclass(frozen=True, slots=True)
class Frame:
    """A page in the window, without its text."""

    page: int
    tokens: int
    """What it adds to the prompt, its mark included; a fault's message is counted once, as `wrapper`."""
    arrived: int
    """The tick that brought it in."""
    referenced: int
    """The tick of its last reference."""
    references: int = 0
    fault: bool = False
    """Brought in by a fault (else: appended)."""
    span: Span | None = None
    """The part of the page that stands here; None for the whole page."""
    form: Form = Form.FULL
    keep: int = 0
    """Characters kept: at either end when the form is CUT, in all when it is GIST or HANDLE."""
    group: int | None = None
    pinned: bool = False

    @property
    def brief(self) -> bool:
        """Whether it stands in a shorter form."""
        return self.form is Form.GIST or self.form is Form.HANDLE

    @property
    def slot(self) -> Slot:
        """What names this frame: no two frames of a window have the same."""
        return self.page, self.span


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of the window. `tokens` are an estimate; the whole prompt, once counted, is exact."""

    name: Literal["fixed", "digest", "message", "fault", "free"]
    tokens: int
    frame: Frame | None = None
    """What stands there, of a message or a page that a fault brought in."""
    age: int = 0
    """Ticks since it arrived."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A page, or a span of one, that answers a query, with every signal that ranked it.

    `dense` is a cosine, `lexical` a BM25 score (higher is better), None where the page has no
    such signal; `score` is the weights' bias and the sum of `signals`. `tokens` is the price of loading it.
    """

    page: int
    span: Span | None = None
    dense: float | None = None
    lexical: float | None = None
    score: float = 0.0
    signals: Mapping[str, float] = field(default_factory=dict)
    """What each signal adds to the score."""
    worth: float | None = None
    """How probably the page is needed, from 0 to 1; None where the weights only rank."""
    via: str = ""
    """The rare word by which the chase came to this page."""
    tokens: int = 0
    group: int | None = None
    resident: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What recall asks of the disk: the best `k` spans by meaning, and the best `k` pages by words."""

    text: str
    k: int


@dataclass(frozen=True, slots=True)
class Score:
    """What recall asks of the disk: the cosine of each page to each text, (texts, pages); NaN where there is
    no vector."""

    texts: tuple[str, ...]
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Find:
    """What recall asks of the disk: the first `k` pages that hold a phrase, word by word."""

    phrase: str
    k: int


@dataclass(frozen=True, slots=True)
class Written:
    """What recall asks of the disk: what was said from one day to the other, by id."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Read:
    """What recall asks of the disk: these pages and their neighbours, in order of id."""

    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Vector:
    """One embedded span of a page. `hash` names the text that was embedded."""

    page: int
    span: Span
    hash: bytes


@dataclass(frozen=True, slots=True)
class Budget:
    """The model's window and its shares, in tokens of the target model."""

    window: int
    reserve: int
    """Kept free for the reply."""
    high: float = 1.0
    """A flush begins when the prompt would exceed this share of the room..."""
    low: float = 0.5
    """...and evicts until it is within this share."""
    warn: float = 0.7
    """A model that manages its memory is warned once when the prompt exceeds this share."""
    fault: float = 0.4
    """The largest share of the room that one fault may load."""

    @property
    def room(self) -> int:
        """Tokens that a prompt may take."""
        return self.window - self.reserve

    @property
    def share(self) -> int:
        """Tokens that one fault may take."""
        return int(self.fault * self.room)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a provider asks for a prompt. `read` and `write` are shares of `input`."""

    name: str
    input: float
    """A million tokens, in `unit`, that no cache serves."""
    read: float
    """A token that the prefix cache serves."""
    write: float = 1.0
    """A token that the cache does not serve, and keeps."""
    minimum: int = 0
    """Tokens of the shortest prefix that is kept."""
    step: int = 1
    """A prefix is served in multiples of so many tokens."""
    lifetime: float = math.inf
    """Seconds after its last use at which a prefix is forgotten."""
    unit: str = "$"
    """Of money; "s" for seconds of a local model's prefill."""
    output: float | None = None
    """A million tokens of replies; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Block:
    """A memory block: a text that always stands in the prompt, and that the model may write."""

    name: str
    text: str = ""
    limit: int = 2000
    """Characters that it may hold; MemGPT's default."""
    page: int | None = None
    """The page that holds this version; None until it is first written."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a decision may depend on."""

    tick: int
    budget: Budget
    fixed: int
    """Tokens of what never leaves: chat template, system text, and the digest's cap once there is one."""
    frames: tuple[Frame, ...]
    arriving: tuple[Frame, ...] = ()
    """Frames of a message that is being appended; one of a slot that is taken takes its place."""
    hits: tuple[Hit, ...] = ()
    """Candidates of a fault, each with its price, in the order in which they are chosen."""
    wrapper: int = 0
    """Tokens that a fault costs beside its pages."""
    ask: int = 0
    """Tokens that this fault may take."""
    floor: float = -math.inf
    """Hits that score below are not worth their price."""
    hold: int = 0
    """Tokens to leave free: for the question that a fault serves, or what an estimate fell short by."""
    cap: int = 0
    """Tokens reserved for a digest if this decision begins one; 0 where none is to be made."""
    first: bool = True
    """No digest stands or is due yet, so that `fixed` does not hold its cap."""
    head: int = 0
    """Tokens of `fixed` that stand before the digest: a message that leaves changes all behind them."""
    prices: Prices | None = None
    warm: int = 0
    """Tokens of the prompt, from its beginning, that the provider's cache, or the model's, still holds."""
    cold: bool = False
    """The cache has expired: the next prompt is written anew, whatever stands in it."""
    read: int = -1
    """The tick at which the model last read the window."""
    briefs: tuple[Frame, ...] = ()
    """Shorter forms that may take the place of messages that leave; none where pages leave as a whole."""


class Unit(NamedTuple):
    """What leaves the window together: one frame, or those of a group. A tuple: a flush makes a thousand."""

    pages: tuple[int, ...]
    tokens: int
    at: int
    """Tokens of the prompt before it: to drop it is to write all anew that stands behind."""
    arrived: int
    """The tick that brought it in, the last of its frames."""
    referenced: int
    """The tick of its last reference, or of its arrival."""
    said: bool = True
    """Not brought in by a fault."""


@dataclass(frozen=True, slots=True)
class Flush:
    """What a policy chooses from when the window must shrink: what may leave, and how much of it must."""

    tick: int
    units: tuple[Unit, ...]
    """In the order of the prompt; what is pinned, or was said or referenced just now, is not among them."""
    need: int
    """Tokens that must leave, so that all fits; 0 or less where none must, but the cache is cold."""
    aim: int
    """Tokens that leave down to the low mark."""
    room: int = 0
    """Tokens that a prompt may take."""
    tokens: int = 0
    """Tokens of the prompt before anything leaves, what arrives aside."""
    head: int = 0
    """Tokens that stand before the digest; what a message that leaves changes begins there."""
    digest: bool = False
    """Whether a message that leaves changes the digest."""
    prices: Prices | None = None
    warm: int = 0
    """Tokens of the prompt, from its beginning, that the cache still holds; 0 once it is cold."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Messages that leave the window now and are due for the digest, of at most `cap` tokens."""

    pages: tuple[int, ...]
    cap: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to change, and the window's tokens once it is carried out."""

    evict: tuple[Slot, ...] = ()
    """Frames that leave."""
    load: tuple[Frame, ...] = ()
    """Frames that join at the window's end, in this order."""
    touch: tuple[int, ...] = ()
    """Pages referenced while resident."""
    fold: Fold | None = None
    tokens: int = 0

    @property
    def evicted(self) -> tuple[int, ...]:
        """The pages of the frames that leave, each once."""
        return tuple(dict.fromkeys(page for page, _ in self.evict))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. Folding all of them gives the window."""

    tick: int
    cause: Literal["append", "recall", "fit", "fold", "pin", "unpin", "forget", "fork", "switch", "run"]
    at: datetime
    request: Mapping[str, Any] = field(default_factory=dict)
    policy: str = ""
    plan: Plan = Plan()
    outcome: Mapping[str, Any] = field(default_factory=dict)
    branch: int = 0
    """The branch whose window it changes; of a fork, the new one."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of the conversation: it sees its parent's pages up to where it forked, and its own."""

    id: int
    parent: int | None
    at: int
    """The last page that it shares with its parent; 0 for the trunk."""
    current: bool = False
    """Whether the session goes on here when it is opened."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a decision did with a page, and why."""

    tick: int
    at: datetime
    what: Literal[
        "said", "paged in", "referenced", "recut", "left", "summarised", "pinned", "unpinned", "forgotten"
    ]
    page: int
    frame: Frame | None = None
    """As it stands from then on, where it was said, paged in or recut."""
    query: str = ""
    """What was asked, where a fault brought it in or referred to it."""
    score: float | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    """What each signal added to the score."""
    via: str = ""
    policy: str = ""
    """Which policy chose it, where it left."""
    others: tuple[int, ...] = ()
    """Pages that left for it; where it left, those that came; where it was summarised, the summary."""


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between the window at two ticks."""

    joined: tuple[Event, ...] = ()
    left: tuple[Event, ...] = ()
    recut: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Thrash:
    """How many of the newest faults were on pages that had left shortly before."""

    faults: int
    again: int
    pages: tuple[int, ...] = ()
    """Those that came back most often."""
    working: int = 0
    """Tokens of the distinct pages that the newest recalls referred to: the working set."""
    cure: str = ""
    """What is amiss and what would help, with figures; empty where the window does not thrash."""

    def __bool__(self) -> bool:
        return bool(self.cure)


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
    """One call of a model, as the journal keeps it, with the tokens that were counted (None: not said)."""

    tick: int
    at: datetime
    model: str
    """Empty in a journal of an earlier version."""
    why: Literal["reply", "summary"]
    prompt: int | None = None
    """The cached included."""
    cached: int | None = None
    reply: int | None = None
    cost: float | None = None
    """None where the prices, or the tokens, are not known."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the model calls of a session took."""

    calls: tuple[Call, ...]
    unit: str = "$"
    """Of the cost."""
    why: str = ""
    """Why the cost, or a part of it, is not known."""

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


@dataclass(frozen=True, slots=True)
class Quote:
    """The sentence of a page that supports an answer best. `score` is a cosine."""

    page: Page
    sentence: str
    score: float


@dataclass(frozen=True, slots=True)
class Stats:
    """What stands on disk."""

    pages: int
    characters: int
    pending: int
    """Pages that wait for their embedding."""
    documents: Sequence[Document] = ()


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One session of a store."""

    name: str
    user: str = ""
    title: str = ""
    pages: int = 0
    problem: str = ""
    """Why it cannot be read, or searched; empty where it can."""


@dataclass(frozen=True, slots=True)
class Match:
    """A page of some session that answers a query."""

    session: str
    page: Page
    hit: Hit
    """With the page's own number, and every signal that ranked it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search across the sessions of one user found, best first."""

    matches: tuple[Match, ...]
    unread: tuple[SessionInfo, ...] = ()
    """Sessions that could not be searched, and why."""
