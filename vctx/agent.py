"""MemGPT's agent: a model that manages its own memory by tools (Packer et al. 2023, arXiv:2310.08560).

Main context: read-only instructions, the memory blocks, a queue of messages with a summary of what left it.
Recall storage is the conversation, archival storage the documents and notes; both are searched page by page.
A warning at `Budget.warn` comes before the flush at `Budget.high`, so that the model saves what it needs.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date
from typing import Annotated, Any

from pydantic import Field

from vctx import blocks
from vctx.exchange import Exchange
from vctx.ports import Tool
from vctx.tools import tool
from vctx.turn import Loop
from vctx.types import Block, Hit, Limits, Outcome, Page

SYSTEM = """\
You manage your own memory. Only send_message reaches the user; other text is your private thought.
Core memory is the blocks below: keep there what matters most, replace what proves wrong.
Recall memory is all that was said, archival memory documents and your notes. Search them; results come in \
pages from 0. page_in brings what has a number here in full.
When you are warned that this window fills, save what you will need: older messages leave it.
Without request_heartbeat you rest until the next event."""
BLOCKS = (Block("persona"), Block("human"))
RESULTS = 5
"""Results on a page of a search: MemGPT's RETRIEVAL_QUERY_DEFAULT_PAGE_SIZE."""
EXCERPT = 300
"""Characters of a result; page_in brings the rest."""
WARNING = (
    "{share:.0%} of this window is used. Older messages will leave it soon: save what you will need with "
    "core_memory_append or archival_memory_insert"
)
BEAT = "request_heartbeat"

Number = Annotated[int, Field(ge=0)]


def memgpt(limits: Limits | None = None, *, automatic: bool = True) -> Loop:
    """MemGPT's way; with `automatic`, what an event needs is paged in without being asked for."""
    return Loop(limits or Limits(), automatic=automatic, heartbeats=True, watch=_watch)


SPEAKING = ("send_message",)
WRITING = ("core_memory_append", "core_memory_replace", "archival_memory_insert")
READING = (
    "conversation_search",
    "conversation_search_date",
    "archival_memory_search",
    "page_in",
    "expand",
)
NAMES = (*SPEAKING, *WRITING, *READING)
"""MemGPT's tools, and what a window of pages adds to them."""


def kit(
    session: Exchange, tools: Sequence[Tool], *, names: Sequence[str] = NAMES, results: int = RESULTS
) -> list[Tool]:
    """MemGPT's tools on a session, or those of them, and a user's beside them, which may ask for heartbeats.

    What only reads gives one by itself: nobody searches for what he will not look at.
    """
    functions = _Functions(session, results)
    own = {name: _own(getattr(functions, name)) for name in NAMES if name in names}
    return [
        *(own[name] for name in own if name in SPEAKING),
        *(_beating(own[name], beat=False, told=True) for name in own if name in WRITING),
        *(_beating(own[name], beat=True, told=False) for name in own if name in READING),
        *(_beating(one, beat=True, told=True) for one in tools),
    ]


class _Functions:
    """The tools' functions. They read the session; what they write is stored with their result."""

    def __init__(self, session: Exchange, results: int) -> None:
        self._session = session
        self._results = results

    def send_message(self, message: str) -> Outcome:
        """Sends a message to the user."""
        return Outcome("sent", said=message)

    def core_memory_append(self, name: str, content: str) -> Outcome:
        """Adds a line to a block of core memory."""
        old = self._session.memory.block(name)
        return self._write(old, blocks.appended(old, content))

    def core_memory_replace(self, name: str, old_content: str, new_content: str) -> Outcome:
        """Replaces a part of a block, given exactly."""
        old = self._session.memory.block(name)
        return self._write(old, blocks.replaced(old, old_content, new_content))

    def archival_memory_insert(self, content: str) -> Outcome:
        """Files a note in archival memory."""
        note = Page("note", "assistant", content, self._session.now(), "assistant", author="note")
        return Outcome("filed", pages=(note,))

    def conversation_search(self, query: str, page: Number = 0) -> str:
        """Searches what was said."""
        return self._found(query, ("message",), page)

    def conversation_search_date(self, start_date: date, end_date: date, page: Number = 0) -> str:
        """Shows what was said on these days."""
        said = [p for p in self._session.memory.history() if start_date <= _day(p) <= end_date]
        return self._shown([_line(p) for p in said if _told(p)], page)

    def archival_memory_search(self, query: str, page: Number = 0) -> str:
        """Searches documents and notes."""
        return self._found(query, ("chunk", "record", "note"), page)

    def page_in(self, page: int) -> str:
        """Brings a page into this window."""
        return self._session.page_in(page)

    def expand(self, summary: int = 0, page: Number = 0) -> str:
        """Shows what a summary was made of (0: the one above)."""
        parents = self._session.parents(summary or None)
        if summary and not parents:
            return self._session.page_in(summary)
        return self._shown([_line(one) for one in parents], page)

    def _write(self, old: Block, new: Block) -> Outcome:
        return Outcome(blocks.change(old, new), pages=(self._session.written(new),))

    def _found(self, query: str, kinds: Sequence[str], number: int) -> str:
        hits = self._session.memory.search(query, before=(), without=self._session.newest())
        pages = {page.id: page for page in self._session.memory.pages([hit.page for hit in hits])}
        there = {hit.page: hit for hit in reversed(hits)}
        best = [there[number] for number in dict.fromkeys(hit.page for hit in hits)]
        wanted = [hit for hit in best if pages[hit.page].kind in kinds and _told(pages[hit.page])]
        return self._shown([_line(pages[hit.page], hit) for hit in wanted], number)

    def _shown(self, lines: Sequence[str], number: int) -> str:
        """One page of results, and how many there are."""
        first = number * self._results
        part = lines[first : first + self._results]
        if not part:
            return f"no results on page {number}; there are {len(lines)} in all"
        pages = -(-len(lines) // self._results)
        head = f"results {first + 1} to {first + len(part)} of {len(lines)}, page {number} of {pages}"
        return "\n".join([head, *part])


def _told(page: Page) -> bool:
    """Whether a page says anything of its own: alerts, and what these tools returned, only repeat."""
    return bool(page.text.strip()) and page.origin != "vctx" and page.author not in NAMES


def _line(page: Page, hit: Hit | None = None) -> str:
    """A result: its number, date and author, and what was found of it."""
    text = page.text[slice(*hit.span)] if hit and hit.span and len(page.text) > EXCERPT else page.text
    short = " ".join(text.split())
    short = short if len(short) <= EXCERPT else f"{short[:EXCERPT]}…"
    who = page.source.document if page.source else page.author or page.role
    return f"page {page.id} ({page.created_at:%Y-%m-%d}, {who}): {short}"


def _day(page: Page) -> date:
    return page.created_at.astimezone(UTC).date()


def _watch(session: Exchange) -> bool:
    """Warns once between two flushes."""
    if session.warned or session.pressure < session.memory.budget.warn:
        return False
    session.alert(WARNING.format(share=session.pressure), warned=True)
    return True


def _own(function: Callable[..., Any]) -> Tool:
    """One of MemGPT's tools: its schema says no more than a model needs, for it stands in every prompt."""
    made = tool(function, idempotent=True)
    described = made.schema["function"]
    takes = described["parameters"]
    plain = {
        name: {key: value for key, value in field.items() if key in ("type", "format")}
        for name, field in takes["properties"].items()
    }
    lean = {**{key: takes[key] for key in ("type", "required") if key in takes}, "properties": plain}
    return replace(made, schema={"type": "function", "function": {**described, "parameters": lean}})


def _beating(one: Tool, *, beat: bool, told: bool) -> Tool:
    """A tool that takes `request_heartbeat` beside its own arguments; `beat` where it is not said."""

    def run(arguments: str) -> Outcome:
        rest, asked = _asked(arguments, beat)
        outcome: Outcome = one.run(rest)
        return replace(outcome, heartbeat=asked)

    async def arun(arguments: str) -> Outcome:
        rest, asked = _asked(arguments, beat)
        outcome: Outcome = await one.run(rest)
        return replace(outcome, heartbeat=asked)

    schema = _with_beat(one.schema) if told else one.schema
    return replace(one, schema=schema, run=arun if one.awaits else run)


def _asked(arguments: str, beat: bool) -> tuple[str, bool]:
    """The arguments without the heartbeat, and whether one is asked for."""
    try:
        given = json.loads(arguments or "{}")
    except ValueError:
        return arguments, beat
    if not isinstance(given, dict) or BEAT not in given:
        return arguments, beat
    asked = str(given.pop(BEAT)).lower() == "true"
    return json.dumps(given, ensure_ascii=False), asked


def _with_beat(schema: Any) -> dict[str, Any]:
    function = schema["function"]
    parameters = function["parameters"]
    own = {**parameters["properties"], BEAT: {"type": "boolean"}}
    return {**schema, "function": {**function, "parameters": {**parameters, "properties": own}}}
