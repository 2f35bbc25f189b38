"""A session without its loop: its disk, its window, its embedder, and what they are asked to do.

append -> commit -> decide -> note          (one transaction)
recall -> embed what waits -> search -> rank -> decide -> note
window -> fold what is due -> render -> count -> decide again if the estimate fell short
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self

from vctx import blocks, formats, render, saying
from vctx.aside import Aside
from vctx.backlog import Backlog
from vctx.drafting import Drafting
from vctx.errors import InputError
from vctx.library import Library
from vctx.looking import Looking
from vctx.ports import Clock, Disk, Embedder, Model, Progress, Tokenizer, Tool, now, silent
from vctx.seeking import PRICED, Seeking
from vctx.types import (
    Added,
    Block,
    Budget,
    Hit,
    Message,
    Page,
    Prices,
    Quote,
    Reading,
    Speaker,
    ToolCall,
)
from vctx.weights import Weights, load
from vctx.window import Window

Forms = bool | Literal["extract", "model"]
"""Whether messages that leave may stand on in a shorter form, and who makes their gists; True: extracts."""
CHUNK = 160
"""Tokens of a document's chunk: a few paragraphs, so that a fault can hold several."""


class Memory(Looking):
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
        self._backlog = backlog or Backlog(disk, embedder, progress)
        self._clock = clock
        self._summariser = model if summary == "model" else None
        self.tools = {tool.name: tool for tool in tools if isinstance(tool, Tool)}
        self.schemas = [tool.schema if isinstance(tool, Tool) else tool for tool in tools]
        self._aside = Aside(model if forms == "model" else None)
        self._drafting = Drafting(self._summariser)
        window = Window(
            disk,
            tokenizer,
            budget,
            policy=policy,
            clock=clock,
            prices=prices,
            forms=bool(forms),
            aside=self._aside,
            drafting=self._drafting,
            system=system,
            tools=[formats.tools(self.schemas)] if tools else [],
            blocks=blocks,
        )
        super().__init__(disk, window, prices)
        self._library = Library(disk, window, clock)
        self._seeking = Seeking(disk, self._backlog, window, load(weights), clock)

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
        page, made = saying.message(
            role, text, saying.moment(at, self._clock), author=author, calls=calls, call=call
        )
        stored = self._window.append(page, made)
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
        erasing = self._window.erasing
        return erasing.forget([*pages, *(erasing.versions(block) if block else ())], document)

    def scrub(self) -> bool:
        """Finishes what `forget` could not: True once all that was forgotten is gone from the files."""
        return self._disk.scrub()

    # -- memory blocks

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
        saying.text(query=query)
        return self._seeking.search(query, k, before, without)

    def recall(self, query: str, *, tokens: int | None = None, hold: int = 0) -> list[Hit]:
        """Pages in what answers a query, and returns the references, best first.

        At most `tokens` are spent, all of them if there is enough to load; by default at most the
        fault's share of the room, on pages that are worth their price. `hold` tokens are left free for
        what comes next. What is in the window already is not loaded again.
        """
        ranked = self.search(query, PRICED)
        return self._seeking.load(ranked, query, tokens, hold=hold, whole=tokens is not None)

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

    def support(self, claim: str, hits: Sequence[Hit]) -> Quote | None:
        """The sentence in what `hits` brought in that is nearest to a claim in meaning."""
        return self._seeking.support(claim, hits)

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

    # -- the end

    def close(self) -> None:
        """Closes the session, once what was said to the thread that embeds, if there is one, is embedded.

        What waits all the same is embedded by the next recall. Raises what went wrong in that thread.
        """
        self._close(drain=True)

    def _close(self, *, drain: bool) -> None:
        try:
            self._aside.close()
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
