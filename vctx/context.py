"""The one object with state. It carries plans out, and journals what it did and why.

    append -> commit -> decide -> note          (one transaction)
    recall -> embed what waits -> search -> rank -> decide -> note
    window -> fold what is due -> render -> count -> decide again if the estimate fell short

What it knows of the window is a fold of the journal; entries of another process that it has not seen are
folded under the write lock before it decides. No model is called under that lock.
"""

import functools
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self, get_args

from vctx import backlog, chunk, digest, journal, quote, recall, render
from vctx.errors import BudgetError, InputError, MismatchError, MissingError
from vctx.plan import decide, pack, weight
from vctx.policy import named
from vctx.ports import Clock, Disk, Embedder, Model, Progress, Tokenizer, now, silent
from vctx.scale import Scale, words_of
from vctx.types import (
    Answer,
    Budget,
    Document,
    Entry,
    Find,
    Form,
    Frame,
    Hit,
    Message,
    Page,
    Quote,
    Read,
    Reading,
    Score,
    Search,
    Snapshot,
    Speaker,
    Stats,
)

PRICED = 64
"""Hits that a fault may choose among."""
LEAST = 32
"""Tokens of the shortest digest that is worth a place in the prompt."""
BOUND = 2048
"""Pages that a recall embeds before it searches; more wait, and the journal says how many."""
CHUNK = 160
"""Tokens of a document's chunk: a few paragraphs, so that a fault can hold several."""


class Context:
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
        summary: Literal["model", "extract"] = "model",
        clock: Clock = now,
        progress: Progress = silent,
    ) -> None:
        self.budget = budget
        self.model = model
        self.tokenizer = tokenizer
        self.system = system
        self._disk = disk
        self._embedder = embedder
        self._scale = Scale(tokenizer)
        self._policy = policy
        self._rank = named(policy)
        self._summary = summary
        self._clock = clock
        self._progress = progress
        self._cache: dict[int, Page] = {}
        self._state = journal.replay(disk.entries())
        self._base = self._scale.fixed(system)
        self._cap = self._reserved(budget.room // 8)
        self._check(summary)

    # -- writing

    def append(self, role: Speaker, text: str, *, author: str = "", at: datetime | None = None) -> Page:
        """Adds a message to the conversation; it is durable when this returns.

        A naive `at` is taken as UTC. A message larger than the room stands in the window as head,
        handle and tail, whole on disk. Raises InputError, DiskError.
        """
        if role not in get_args(Speaker):
            raise InputError(f"role must be one of {', '.join(get_args(Speaker))}, not {role!r}")
        _text(text=text, author=author)
        page = Page("message", role, text, self._utc(at), role, author=author)
        with self._disk.transaction():
            self._catch_up()
            [page] = self._disk.put([page])
            snapshot = self._snapshot(arriving=(self._arrival(page),))
            entry = self._note("append", snapshot, {"page": page.id})
        self._apply(entry)
        return page

    def add(self, reading: Reading, *, chunk_tokens: int = CHUNK) -> Document:
        """Files a document: its chunks wait on disk until a fault brings them in.

        What is there already under the same name with the same text is not written again. Raises
        InputError for an empty document, or for another text under a name that is taken.
        """
        if not reading.text.strip():
            raise InputError(f"{reading.name} holds no text; there is nothing to add")
        if chunk_tokens < 1:
            raise InputError(f"a chunk holds at least one token, not {chunk_tokens}")
        sha = hashlib.sha256(reading.text.encode("utf-8", "surrogatepass")).hexdigest()
        document = self._known(reading, sha)
        if document is None:
            pages = chunk.pages(reading, chunk_tokens, self._scale.text, self._clock())
            document = Document(reading.name, sha, len(pages))
            with self._disk.transaction():
                if known := self._known(reading, sha):
                    return known  # another process was faster
                self._disk.put(pages)
                self._disk.add(document)
        return document

    def embed(self) -> None:
        """Embeds every page that waits for it, showing progress. `recall` does so too, within a bound."""
        while backlog.embed(self._disk, self._embedder, BOUND, self._progress):
            pass

    def pin(self, page: int) -> None:
        """Keeps a page that stands in the window there, through any flush."""
        self._mark("pin", page)

    def unpin(self, page: int) -> None:
        """Lets a pinned page leave again."""
        self._mark("unpin", page)

    # -- paging in

    def search(self, query: str) -> list[Hit]:
        """Ranks what is on disk for a query, best first. Changes nothing in the window."""
        _text(query=query)
        backlog.embed(self._disk, self._embedder, BOUND, self._progress)
        vector = functools.cache(lambda text: self._embedder.embed([text])[0])
        return recall.run(recall.recall(query), lambda request: self._answer(request, vector))

    def _answer(self, request: recall.Request, vector: Callable[[str], Any]) -> Any:
        match request:
            case Search():
                return self._disk.search(request, vector(request.text))
            case Score(text, pages):
                return self._disk.score(text, vector(text), pages)
            case Read(pages):
                return self._disk.around(pages)
            case Find(phrase, k):
                return self._disk.phrase(phrase, k)

    def recall(self, query: str, *, tokens: int | None = None, hold: int = 0) -> list[Hit]:
        """Pages in what answers a query, and returns the references, best first.

        At most `tokens` are spent, all of them if there is enough to load; by default at most the
        fault's share of the room, on pages that score above the average candidate. `hold` tokens are
        left free for what comes next. What is in the window already is not loaded again.
        """
        share, floor = (self.budget.share, 0.0) if tokens is None else (tokens, -math.inf)
        ranked = self.search(query)
        waiting = self._disk.stats().pending
        with self._disk.transaction():
            self._catch_up()
            hits = self._priced(ranked[:PRICED], share, query)
            snapshot = self._snapshot(hits=hits, ask=share, floor=floor, hold=hold)
            entry = self._note("recall", snapshot, {"query": query, "tokens": tokens}, {"waiting": waiting})
        self._apply(entry)
        return pack(snapshot)

    # -- the prompt

    def window(self) -> list[dict[str, str]]:
        """What the model would see: messages for any chat API, within the budget.

        Raises BudgetError where what must stand exceeds the room.
        """
        return [{"role": message.role, "content": message.content} for message in self.messages()]

    def messages(self) -> list[Message]:
        """The window as messages; see `window`."""
        while True:
            self._catch_up()
            self._fold()
            messages = self._render()
            tokens = self._scale.prompt(messages)
            if tokens <= self.budget.room:
                return messages
            self._fit(tokens)

    def tokens(self, messages: Sequence[Message] | Sequence[Mapping[str, str]]) -> int:
        """Tokens of a prompt, counted as the budget counts: template and opening of the reply included."""
        return self._scale.prompt(render.parse(messages))

    def chat(self, text: str) -> Answer:
        """Pages in what the message needs, sends the window to the model, and keeps both turns.

        Raises ModelError; the message is kept then, and is not kept twice if it is sent again.
        """
        if self.model is None:
            raise MissingError("this session has no model: open it with model=..., or send window() yourself")
        hold = min(self._scale.message(render.escape(text)), self._largest())
        hits = self.recall(text, hold=hold)
        if not self._waits(text):
            self.append("user", text)
        messages = self.messages()
        reply = self.model.complete(messages, max_tokens=self.budget.reserve)
        self.append("assistant", reply.text)
        return Answer(reply.text, tuple(hits), self._scale.prompt(messages), self.budget.room, reply)

    def _waits(self, text: str) -> bool:
        """Whether this was the last thing said, and no model has answered: it is asked once more, then."""
        last = self._disk.pages(kind="message", last=1)
        frames = self._state.resident(last[0].id) if last else []
        return bool(frames) and last[0].role == "user" and last[0].text == text

    def support(self, claim: str, hits: Sequence[Hit]) -> Quote | None:
        """The sentence in what `hits` brought in that is nearest to a claim in meaning."""
        found = quote.candidates([(self._page(hit.page), hit.span) for hit in hits])
        if not found:
            return None
        vectors = self._embedder.embed([claim, *(text for _, text in found)])
        return quote.nearest(found, (vectors[1:] @ vectors[0]).tolist())

    # -- reading

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The window's frames, in order of arrival."""
        return self._state.frames

    def pages(self, ids: Sequence[int]) -> list[Page]:
        """Pages by id, in the order asked."""
        return self._disk.get(ids)

    def history(self, last: int | None = None) -> list[Page]:
        """The conversation, or its last messages, resident or not."""
        return self._disk.pages(kind="message", last=last)

    def log(self) -> list[Entry]:
        """The journal: every paging decision with its request, plan and outcome."""
        return self._disk.entries()

    def stats(self) -> Stats:
        """What stands on disk."""
        return self._disk.stats()

    def close(self) -> None:
        """Closes the disk. What waits for its embedding is embedded by the next recall."""
        self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, summary: str) -> None:
        if summary not in ("model", "extract"):
            raise InputError(f"summary is 'model' or 'extract', not {summary!r}")
        made = self._disk.embedder
        if made and made[0] != self._embedder.name:
            raise MismatchError(
                f"the session's vectors were made by {made[0]}, not by {self._embedder.name}: "
                "open it with the embedder that made them"
            )
        if self._base + self._cap > self.budget.room // 2:
            raise BudgetError(
                f"the system text and the digest take {self._base + self._cap} tokens, more than half of the "
                f"room of {self.budget.room}: shorten the system text or enlarge the window"
            )

    # -- decide, note, apply

    def _snapshot(self, **more: Any) -> Snapshot:
        state = self._state
        return Snapshot(
            tick=state.tick + 1,
            budget=self.budget,
            fixed=self._base + self._cap * state.has_digest,
            frames=state.frames,
            wrapper=self._scale.wrapper(),
            cap=self._cap,
            first=not state.has_digest,
            **more,
        )

    def _note(
        self,
        cause: Literal["append", "recall", "fit"],
        snapshot: Snapshot,
        request: Mapping[str, Any],
        outcome: Mapping[str, Any] | None = None,
    ) -> Entry:
        plan = decide(snapshot, self._rank)
        signals = {"hits": [journal.signals(hit) for hit in pack(snapshot)]} if snapshot.hits else {}
        entry = Entry(
            snapshot.tick, cause, self._clock(), request, self._policy, plan, {**(outcome or {}), **signals}
        )
        self._disk.note(entry)
        return entry

    def _apply(self, entry: Entry) -> None:
        self._state = journal.apply(self._state, entry)

    def _catch_up(self) -> None:
        self._state = journal.replay(self._disk.entries(self._state.tick), self._state)

    def _mark(self, cause: Literal["pin", "unpin"], page: int) -> None:
        with self._disk.transaction():
            self._catch_up()
            if not self._state.resident(page):
                raise InputError(f"page {page} is not in the window; recall it first")
            entry = Entry(self._state.tick + 1, cause, self._clock(), {"page": page})
            pinned = self._pinned(journal.apply(self._state, entry))
            limit = self.budget.room // 2 - self._base - self._cap
            if cause == "pin" and pinned > limit:
                raise BudgetError(f"the pins would take {pinned} tokens of at most {limit}: unpin one first")
            self._disk.note(entry)
        self._apply(entry)

    def _arrival(self, page: Page, hold: int = 0) -> Frame:
        """Whole if it fits; else cut so that a fault can bring in its parts."""
        largest = self._largest() - hold
        tick = self._state.tick + 1
        return self._scale.arrival(page, tick, largest, max(largest // 4, largest - self.budget.share))

    def _largest(self) -> int:
        """Tokens of the largest message that fits beside what never leaves."""
        return self.budget.room - self._base - self._cap - self._pinned(self._state)

    def _pinned(self, state: journal.State) -> int:
        return weight((frame for frame in state.frames if frame.pinned), self._scale.wrapper())

    def _priced(self, ranked: Sequence[Hit], share: int, query: str) -> tuple[Hit, ...]:
        """Each hit with what it would load, and its price; of equals the one of the best rank."""
        pages = {page.id: page for page in self._disk.get([hit.page for hit in ranked])}
        limit, words = share - self._scale.wrapper(), words_of(query)
        hits: dict[Any, Hit] = {}
        for hit in ranked:
            page = pages[hit.page]
            priced = self._scale.hit(hit, page, limit, words)
            if priced.span is None and (partly := self._state.resident(hit.page)) and not _whole(partly):
                # Part of it stands in the window: what is loaded beside it is a part, too.
                span = hit.span or (0, len(page.text))
                priced = replace(hit, span=span, tokens=self._scale.piece(page, span))
            hits.setdefault((priced.page, priced.span), replace(priced, resident=self._state.holds(priced)))
        return tuple(hits.values())

    # -- rendering

    def _render(self) -> list[Message]:
        pages = {frame.page: self._page(frame.page) for frame in self._state.frames}
        messages = render.window(
            self._state.frames,
            pages,
            system=self.system,
            digest=self._digest(),
            alternates=self.tokenizer.alternates,
        )
        self._cache = pages
        return messages

    def _digest(self) -> str:
        """The summary; one that was made for a larger window stands cut to this one's cap."""
        if self._state.digest is None or not self._cap:
            return ""
        return digest.fit(self._page(self._state.digest).text, self._digest_cap(), self._scale.text)

    def _digest_cap(self) -> int:
        """Tokens of a digest's text, its mark aside."""
        return self._cap - self._scale.digest(self.system)

    def _reserved(self, cap: int) -> int:
        """Tokens kept for a digest: none where too few would be left for its text."""
        return cap if cap - self._scale.digest(self.system) >= LEAST else 0

    def _page(self, page: int) -> Page:
        if page not in self._cache:
            [self._cache[page]] = self._disk.get([page])
        return self._cache[page]

    def _fit(self, tokens: int) -> None:
        """The prompt, counted whole, exceeds the room: the difference goes back into a decision."""
        with self._disk.transaction():
            seen = self._state.tick
            self._catch_up()
            if self._state.tick != seen:
                return  # another process changed the window: count again
            snapshot = self._snapshot()
            estimate = snapshot.fixed + weight(snapshot.frames, snapshot.wrapper)
            snapshot = self._recut(replace(snapshot, hold=max(0, tokens - estimate)))
            entry = self._note("fit", snapshot, {"tokens": tokens})
            if not (entry.plan.evict or entry.plan.load):
                raise BudgetError(
                    f"what must stay in the window takes {tokens} tokens of {self.budget.room}: "
                    "unpin something, shorten the system text, or enlarge the window"
                )
        self._apply(entry)

    def _recut(self, snapshot: Snapshot) -> Snapshot:
        """The newest message, if it was framed for a larger room than there is, arrives once more."""
        newest = next((frame for frame in reversed(snapshot.frames) if not frame.fault), None)
        if newest is None or newest.pinned or newest.tokens <= self._largest() - snapshot.hold:
            return snapshot
        again = self._arrival(self._page(newest.page), snapshot.hold)
        return replace(snapshot, arriving=(again,)) if again.tokens < newest.tokens else snapshot

    # -- folding

    def _fold(self) -> None:
        """Completes the digest that flushes left due. The model runs outside the write lock."""
        while self._cap and (due := self._state.unfolded):
            before = self._state.digest
            made = self._summarise(self._disk.get(due))
            with self._disk.transaction():
                self._catch_up()
                if self._state.digest != before:
                    continue  # another process made one meanwhile
                parents = due if before is None else (before, *due)
                [page] = self._disk.put(
                    [Page("summary", "system", made.text, self._clock(), "vctx", parents=parents)]
                )
                request, outcome = {"pages": list(due)}, {"page": page.id, "by": made.by, "why": made.why}
                entry = Entry(self._state.tick + 1, "fold", self._clock(), request, outcome=outcome)
                self._disk.note(entry)
            self._apply(entry)

    def _summarise(self, pages: Sequence[Page]) -> digest.Digest:
        previous, cap = self._digest(), self._digest_cap()
        model = self.model if self._summary == "model" else None
        window = self.budget.window if model is None else min(self.budget.window, model.window)
        return digest.summarise(
            model, previous, pages, cap=cap, room=window - cap - self._base, count=self._scale.text
        )

    def _known(self, reading: Reading, sha: str) -> Document | None:
        for document in self._disk.documents():
            if document.name == reading.name and document.sha != sha:
                raise InputError(
                    f"{reading.name} is on disk with another text; add this one under another name"
                )
            if document.name == reading.name:
                return document
        return None

    def _utc(self, at: datetime | None) -> datetime:
        if at is None:
            return self._clock()
        if not isinstance(at, datetime):
            raise InputError(f"at must be a datetime, not {type(at).__name__}")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _text(**values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, str):
            raise InputError(f"{name} must be str, not {type(value).__name__}")


def _whole(frames: Sequence[Frame]) -> bool:
    return any(frame.span is None and frame.form is Form.FULL for frame in frames)
