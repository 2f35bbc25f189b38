"""A session without its loop: its disk, its window, its embedder, and what they are asked to do.

append -> commit -> decide -> note          (one transaction)
recall -> embed what waits -> search -> rank -> decide -> note
window -> fold what is due -> render -> count -> decide again if the estimate fell short
"""

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self, get_args

from vctx import blocks, explain, formats, quote, recall, render, thrash, usage
from vctx.aside import Aside
from vctx.backlog import Backlog
from vctx.drafting import Drafting
from vctx.errors import InputError
from vctx.library import Library
from vctx.ports import Clock, Disk, Embedder, Model, Progress, Tokenizer, Tool, now, silent
from vctx.types import (
    Added,
    Block,
    Branch,
    Budget,
    Change,
    Entry,
    Event,
    Find,
    Frame,
    Hit,
    Message,
    Page,
    Prices,
    Quote,
    Read,
    Reading,
    Region,
    Score,
    Search,
    Speaker,
    Stats,
    Thrash,
    ToolCall,
    Usage,
    Written,
)
from vctx.weights import Weights, load
from vctx.window import Window

Forms = bool | Literal["extract", "model"]
"""Whether messages that leave may stand on in a shorter form, and who makes their gists; True: extracts."""
PRICED = 64
"""Hits that a fault may choose among."""
BOUND = 2048
"""Pages that a recall embeds before it searches; more wait, and the journal says how many."""
CHUNK = 160
"""Tokens of a document's chunk: a few paragraphs, so that a fault can hold several."""


class Memory:
    """A session: pages on disk, a window that never exceeds its budget, and a journal of every decision.

    Not for use by two threads at once; several processes may each hold one on the same file.
    """

    def __init__(
        self,
        disk: Disk,
        embedder: Embedder,
        tokenizer: Tokenizer,
        budget: Budget,
        *,
        model: Model | None = None,
        policy: str = "fifo",
        system: str = "",
        tools: Sequence[Tool | Mapping[str, Any]] = (),
        blocks: Sequence[Block] = (),
        summary: Literal["model", "extract"] = "model",
        weights: Weights | None = None,
        prices: Prices | None = None,
        forms: Forms = False,
        clock: Clock = now,
        progress: Progress = silent,
        backlog: Backlog | None = None,
    ) -> None:
        """`backlog` embeds `disk` with `embedder` in its own way; by default, when a recall asks for it."""
        if summary not in ("model", "extract"):
            raise InputError(f"summary is 'model' or 'extract', not {summary!r}")
        if forms not in (False, True, "extract", "model"):
            raise InputError(f"forms is 'extract', 'model', or False for none, not {forms!r}")
        self.budget = budget
        self.model = model
        self.tokenizer = tokenizer
        self._disk = disk
        self._backlog = backlog or Backlog(disk, embedder, progress)
        self._clock = clock
        self._summariser = model if summary == "model" else None
        self._weights = load(weights)
        self._prices = prices
        self.tools = {tool.name: tool for tool in tools if isinstance(tool, Tool)}
        self.schemas = [tool.schema if isinstance(tool, Tool) else tool for tool in tools]
        given = [formats.tools(self.schemas)] if tools else []
        self._aside = Aside(model if forms == "model" else None)
        self._drafting = Drafting(self._summariser)
        beside: dict[str, Any] = {"aside": self._aside, "drafting": self._drafting}
        fixed: dict[str, Any] = {"system": system, "tools": given, "blocks": blocks, **beside}
        self._window = Window(
            disk, tokenizer, budget, policy=policy, clock=clock, prices=prices, forms=bool(forms), **fixed
        )
        self._library = Library(disk, self._window, clock)

    # -- writing

    def append(
        self,
        role: Speaker,
        text: str,
        *,
        author: str = "",
        at: datetime | None = None,
        calls: Sequence[ToolCall | Mapping[str, Any]] = (),
        call: str = "",
    ) -> Page:
        """Adds a message to the conversation; it is durable when this returns.

        A naive `at` is taken as UTC. A message larger than the room stands in the window as head,
        handle and tail, whole on disk.

        An assistant's message may make tool `calls` (also in OpenAI's form); the results follow, each as
        role "tool" with the id of its `call`, before anything else is said. In the window they all stand,
        or none. Raises InputError, BudgetError (calls too large for the window), DiskError.
        """
        if role not in get_args(Speaker):
            raise InputError(f"role must be one of {', '.join(get_args(Speaker))}, not {role!r}")
        _text(text=text, author=author, call=call)
        if (role == "tool") != bool(call) or (calls and role != "assistant"):
            raise InputError("a tool's result names its call, and only an assistant's message makes calls")
        page = Page("message", role, text, self._utc(at), role, author=author, call=call)
        made = [_call(formats.call(one), page.created_at) for one in calls]
        if len({one.call for one in made}) < len(made):
            raise InputError("two calls of one message have the same id")
        stored = self._window.append(replace(page, group=0) if made else page, made)
        self._backlog.wake()
        if role == "assistant":
            self._window.ask()
        return stored

    def add(self, reading: Reading, *, chunk_tokens: int = CHUNK, replace: bool = False) -> Added:
        """Files a document: its chunks wait on disk until a fault brings them in.

        What is there already under the same name with the same text is not written again. Where the text has
        changed, so does the document: chunks that are still there keep their pages and vectors, and what is
        no longer there is forgotten. Raises InputError for an empty document; and, unless `replace`, where
        nothing of a longer document under the same name is in this one.
        """
        added = self._library.add(reading, chunk_tokens, replace=replace)
        self._backlog.wake()
        return added

    def relaxed(self) -> AbstractContextManager[None]:
        """For bulk import: inside, `append` returns before its message is durable; at the end all are.

        Until then a power cut may take the last messages, in order; the end of the process takes none.
        """
        return self._disk.relaxed()

    def embed(self) -> None:
        """Embeds every page that waits for it, showing progress. `recall` does so too, within a bound."""
        self._backlog.embed(count=self._window.scale.text)

    def pin(self, page: int) -> None:
        """Keeps a page that stands in the window there, through any flush."""
        self._window.mark("pin", page)

    def unpin(self, page: int) -> None:
        """Lets a pinned page leave again."""
        self._window.mark("unpin", page)

    def forget(
        self, pages: Sequence[int] = (), *, document: str | None = None, block: str | None = None
    ) -> bool:
        """Erases pages, or a document, with every summary made of them, from everywhere in the session.

        Of a memory block, every version goes, and the calls that wrote them; it stands as it was declared.
        True once their bytes are in no file of it; False while another process still reads them: `scrub`
        then, later. A backup, and what the file system keeps, are out of reach. Raises InputError for a
        document, DiskError for a page that is not there.
        """
        return self._window.erasing.forget([*pages, *(self._written(block) if block else ())], document)

    def _written(self, name: str) -> list[int]:
        """The versions of a block, and what told of each as it was written. Raises InputError."""
        versions = [page.id for page in self._disk.pages(kind="block") if page.author == name]
        if not versions:
            raise InputError(f"no block {name!r} was ever written")
        wrote = [e.request["page"] for e in self.log() if name in e.request.get("blocks", {})]
        there = {page.id: page for page in self._disk.around(wrote)}
        calls = {(page.group, page.call) for id in wrote if (page := there.get(id)) and page.call}
        made = [page.id for page in self._disk.pages(kind="tool") if (page.group, page.call) in calls]
        return [*versions, *(id for id in wrote if id in there), *made]

    def scrub(self) -> bool:
        """Finishes what `forget` could not: True once all that was forgotten is gone from the files."""
        return self._disk.scrub()

    # -- memory blocks

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
        self._tell(render.escape(blocks.change(old, new)), beside=[self._window.written(new)])
        return self.block(name)

    def _tell(self, text: str, beside: Sequence[Page] = (), **told: Any) -> None:
        """Tells the model something that nobody said; `beside` is stored with it."""
        page = Page("message", "user", render.alert(text), self._clock(), "vctx", author="vctx")
        self._window.append(page, beside=beside, told=told)
        self._backlog.wake()

    # -- paging in

    def search(
        self,
        query: str,
        k: int | None = None,
        *,
        before: Sequence[str] | None = None,
        without: Collection[int] = (),
    ) -> list[Hit]:
        """Ranks what is on disk for a query: the best `k` (None: all that is worth ranking), best first.

        Changes nothing in the window. A query that leans on what was said before it ("and when was that?")
        is asked together with the last of `before`; by default with what the user said last. Pages `without`
        which it is to be answered are left aside.
        """
        _text(query=query)
        self._backlog.embed(BOUND, self._window.scale.text)
        last = self.history(2)
        said = [page.text for page in last if page.origin == "user" and page.text != query]
        today = last[-1].created_at if last else self._clock()
        steps = recall.recall(
            query, weights=self._weights, now=today, before=said if before is None else before, most=k
        )
        vectors: dict[str, Any] = {}
        return recall.run(steps, lambda request: self._answer(request, vectors, without))

    def _answer(self, request: recall.Request, vectors: dict[str, Any], without: Collection[int]) -> Any:
        """What the disk has for a request of recall; each text is embedded once."""
        match request:
            case Search(text):
                vector = self._vectors((text,), vectors)[0]
                found = self._disk.search(request, vector, branch=self._window.ledger.branch)
                return found.without(without)
            case Score(texts, pages):
                return self._disk.cosines(self._vectors(texts, vectors), pages)
            case Read(pages):
                around = self._disk.around(pages, branch=self._window.ledger.branch)
                return [page for page in around if page.id not in without] if without else around
            case Written(first, last):
                written = self._disk.written(first, last, branch=self._window.ledger.branch)
                return [page for page in written if page not in without]
            case Find(phrase, k):
                named = self._disk.phrase(phrase, k, branch=self._window.ledger.branch)
                return [page for page in named if page not in without]

    def _vectors(self, texts: Sequence[str], known: dict[str, Any]) -> Any:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known |= zip(new, self._backlog.vectors(new), strict=True)
        return [known[text] for text in texts]

    def recall(self, query: str, *, tokens: int | None = None, hold: int = 0) -> list[Hit]:
        """Pages in what answers a query, and returns the references, best first.

        At most `tokens` are spent, all of them if there is enough to load; by default at most the
        fault's share of the room, on pages that are worth their price. `hold` tokens are left free for
        what comes next. What is in the window already is not loaded again.
        """
        return self._load(self.search(query, PRICED), query, tokens, hold=hold, whole=tokens is not None)

    def _load(
        self, ranked: Sequence[Hit], query: str, tokens: int | None, *, hold: int = 0, whole: bool
    ) -> list[Hit]:
        """Loads of what is ranked what is worth its price; with `whole`, as much as the tokens hold."""
        floor = -math.inf if whole else self._weights.floor(ranked[0].score if ranked else 0.0)
        waiting = self._disk.stats().pending
        return self._window.load(ranked, query, tokens, hold=hold, floor=floor, waiting=waiting)

    # -- the prompt

    def window(self) -> list[dict[str, Any]]:
        """What the model would see: messages for any chat API, within the budget, in OpenAI's form.

        `vctx.formats.anthropic(ctx.messages())` is the same in Anthropic's. Raises BudgetError where what
        must stand exceeds the room, InputError while a tool's result is awaited.
        """
        return formats.openai(self.messages())

    def messages(self) -> list[Message]:
        """The window as messages; see `window`."""
        with self._aside.stand_aside():
            return self._window.messages(self._summariser)

    def seen(self) -> tuple[list[Message], int]:
        """The window as messages, for people, and how many messages wait to be summarised.

        A look: no model is called, nothing is decided. In a session that was opened with a smaller window
        than it was held to, it shows what would be left. Raises BudgetError where nothing could be.
        """
        return self._window.seen()

    def tokens(self, messages: Sequence[Message] | Sequence[Mapping[str, Any]]) -> int:
        """Tokens of a prompt, counted as the budget counts: template, tools and the reply's opening too."""
        parsed = formats.parse(messages)
        given = parsed[:1] and parsed[0].role == "tools"
        return self._window.scale.prompt(parsed if given else [*self._window.scale.tools, *parsed])

    def support(self, claim: str, hits: Sequence[Hit]) -> Quote | None:
        """The sentence in what `hits` brought in that is nearest to a claim in meaning."""
        found = quote.candidates([(self._window.ledger.page(hit.page), hit.span) for hit in hits])
        if not found:
            return None
        vectors = self._backlog.vectors([claim, *(text for _, text in found)])
        return quote.nearest(found, (vectors[1:] @ vectors[0]).tolist())

    # -- branches

    def fork(self, at: int | None = None) -> int:
        """Makes a branch that begins after message `at` (default: now), and returns its number.

        It sees what stood up to there and costs no page; documents belong to all branches. This context
        stays where it is. Raises InputError for a page that is no message of this branch.
        """
        return self._window.ledger.fork(at)

    def switch(self, branch: int) -> None:
        """Goes on with a branch, now and whenever the session is opened again. Raises InputError."""
        self._window.switch(branch)

    def rewind(self, at: int) -> int:
        """Goes back to message `at`: a new branch after it, on which the session goes on. Nothing is lost."""
        branch = self.fork(at)
        self.switch(branch)
        return branch

    @property
    def branch(self) -> int:
        """The branch that goes on here."""
        return self._window.ledger.branch

    def branches(self) -> list[Branch]:
        """The trunk and every fork."""
        return self._window.ledger.branches()

    # -- reasons

    def why(self, page: int) -> tuple[Event, ...]:
        """All that happened to a page in the window, oldest first: which query and signals, or for whom."""
        return explain.why(page, self.log(), self._window.ledger.branch)

    def at(self, tick: int) -> tuple[Event, ...]:
        """What stood in the window after a tick of the log: for each frame, in order, what made it so."""
        return explain.window(tick, self.log(), self._window.ledger.branch)

    def diff(self, before: int, after: int) -> Change:
        """How the window at tick `after` differs from that at `before`."""
        return explain.change(before, after, self.log(), self._window.ledger.branch)

    def thrash(self) -> Thrash:
        """Whether the same pages have lately gone out and come in again, and what would cure it."""
        ledger = self._window.ledger
        return thrash.thrash(self._disk.entries(ledger.state.tick - thrash.TICKS), ledger.branch)

    # -- reading

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The window's frames, in order of arrival."""
        return self._window.frames

    def regions(self) -> tuple[Region, ...]:
        """The window as stretches in the order of the prompt, what is free last: a look as `seen`."""
        return self._window.regions()

    def pages(self, ids: Sequence[int]) -> list[Page]:
        """Pages by id, in the order asked."""
        return self._disk.get(ids)

    def history(self, last: int | None = None) -> list[Page]:
        """The conversation, or its last messages, resident or not."""
        return self._disk.pages(kind="message", last=last, branch=self._window.ledger.branch)

    def log(self) -> list[Entry]:
        """The journal: every paging decision with its request, plan and outcome."""
        return self._disk.entries()

    def usage(self, since: int = -1) -> Usage:
        """What the model's calls took, on all branches: tokens as they were reported, and their cost.

        Of the calls after the tick `since`.
        """
        return usage.usage(self._disk.entries(since), self._prices)

    def stats(self) -> Stats:
        """What stands on disk."""
        return self._disk.stats()

    def close(self) -> None:
        """Closes the session, once what was said to the thread that embeds, if there is one, is embedded.

        What waits all the same is embedded by the next recall. Raises what went wrong in that thread.
        """
        self._close(drain=True)

    def _close(self, *, drain: bool) -> None:
        try:
            self._aside.close()
            self._drafting.close()
            if drain:
                self._window.briefs.file()
            self._backlog.close(drain=drain)
        finally:
            self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(drain=kind is None)

    def _utc(self, at: datetime | None) -> datetime:
        if at is None:
            return self._clock()
        if not isinstance(at, datetime):
            raise InputError(f"at must be a datetime, not {type(at).__name__}")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _call(call: ToolCall, at: datetime) -> Page:
    _text(id=call.id, name=call.name, arguments=call.arguments)
    return Page("tool", "assistant", call.arguments, at, "assistant", author=call.name, group=0, call=call.id)


def _text(**values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, str):
            raise InputError(f"{name} must be str, not {type(value).__name__}")
