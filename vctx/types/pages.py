"""What stands on disk: pages, documents, sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

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
class Vector:
    """One embedded span of a page. `hash` names the text that was embedded."""

    page: int
    span: Span
    hash: bytes


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
