"""The shorter forms of messages in the window: what each costs, and the gists that a model makes.

A gist by a model is a page of its own, made from the message's, and forgotten with it. It is made before it
is needed, beside the conversation, of those messages that would stand on as a gist if the window were flushed
now; until one is there, and where the model fails, the telling words stand in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from vctx import gist, journal
from vctx.aside import Aside, Done, Job
from vctx.errors import ModelError
from vctx.ledger import Ledger
from vctx.plan import decide
from vctx.ports import Clock
from vctx.room import Room
from vctx.types import Entry, Form, Frame, Page, Snapshot


class Briefs:
    """Weighs shorter forms, asks a model for gists, and files what it has made."""

    def __init__(self, ledger: Ledger, room: Room, aside: Aside, clock: Clock, tokenizer: str) -> None:
        """`tokenizer` is the name of the one that counts."""
        self.aside = aside
        self._ledger = ledger
        self._room = room
        self._scale = room.scale
        self._clock = clock
        self._tokenizer = tokenizer
        self._learnt = room.scale.learnt
        self._known: dict[tuple[int, int], tuple[Frame, ...]] = {}

    def of(self, frames: Iterable[Frame]) -> tuple[Frame, ...]:
        """The shorter forms of messages that stand in full, or as a gist; those of a page are made once."""
        if self._learnt != self._scale.learnt:  # the counts have changed
            self._known.clear()
            self._learnt = self._scale.learnt
        made = dict(self._ledger.state.gists)
        plain = [f for f in frames if not f.fault and f.form in (Form.FULL, Form.GIST) and f.group is None]
        forms = (replace(one, references=f.references) for f in plain for one in self._forms(f, made))
        return tuple(forms)

    def _forms(self, frame: Frame, made: dict[int, int]) -> tuple[Frame, ...]:
        key = frame.page, made.get(frame.page, 0)
        if key not in self._known:
            by = self._ledger.page(key[1]) if key[1] else None
            self._known[key] = self._scale.briefs(frame, self._ledger.page(frame.page), by)
        return self._known[key]

    # -- by a model

    def ask(self, snapshot: Snapshot) -> None:
        """Has the model asked for the gists that the next flush would want."""
        if self.aside.model is None:
            return
        pages = [self._ledger.page(number) for number in self._wanted(snapshot)]
        caps = [gist.cap(page.text, self._scale.text) for page in pages]
        self.aside.ask(
            [Job(p.id, tuple(gist.asked(p)), cap) for p, cap in zip(pages, caps, strict=True) if cap]
        )

    def _wanted(self, snapshot: Snapshot) -> list[int]:
        """The messages that would stand as a gist after a flush now, of which none was asked for yet."""
        budget = snapshot.budget
        over = max(0, int(budget.high * budget.room) - self._room.taken) + 1
        guessed = tuple(self._guess(frame) for frame in snapshot.briefs)
        plan = decide(replace(snapshot, briefs=guessed, hold=over), self._ledger.policy)
        stand = [frame for frame in snapshot.frames if frame.brief and frame.slot not in plan.evict]
        asked = dict(self._ledger.state.gists)
        return [f.page for f in (*stand, *plan.load) if f.form is Form.GIST and f.page not in asked]

    def _guess(self, frame: Frame) -> Frame:
        """A gist that no model has made yet, at what it may cost then."""
        if frame.form is not Form.GIST or frame.gist:
            return frame
        return replace(
            frame, tokens=min(frame.tokens, gist.MOST + self._scale.mark(self._ledger.page(frame.page)))
        )

    def gather(self, page: Page | None = None, room: int = 0) -> None:
        """Stores what was made meanwhile, once what comes now makes a flush: a message, or so much room.

        In between, the gists would part messages that follow each other.
        """
        if self.aside.ready:
            budget = self._room.budget
            tokens = room + (self._scale.message(page.text) if page else 0)
            if self._room.taken + tokens > budget.high * budget.room:
                self.file()

    def file(self) -> None:
        """Stores what was made meanwhile."""
        if self.aside.ready:
            with self._room.writing():
                entry = self._filed(self.aside.take())
            self._ledger.apply(entry)

    def _filed(self, made: Sequence[Done]) -> Entry:
        """Stores the gists of messages that still stand in the window, and notes them."""
        stand = {frame.page for frame in self._ledger.frames if not frame.fault}
        asked = dict(self._ledger.state.gists)
        due = [done for done in made if done.job.page in stand and not asked.get(done.job.page)]
        read = [self._read(done) for done in due]
        good = [(done.job.page, text) for done, (text, _) in zip(due, read, strict=True) if text]
        stored = self._ledger.put([self._page(page, text) for page, text in good])
        ids = {page.parents[0]: page.id for page in stored}
        name = self.aside.model.name if self.aside.model else ""
        outcome = {"by": name, "gists": [ids.get(done.job.page, 0) for done in due]}
        outcome |= {"why": next((why for _, why in read if why), "")}
        replies = [done.reply for done in made if done.reply]
        outcome |= journal.usage(replies, name, self._tokenizer)
        return self._ledger.note("gist", {"pages": [done.job.page for done in due]}, outcome=outcome)

    def _read(self, done: Done) -> tuple[str, str]:
        """The gist that a model has made; or none, and why."""
        if done.reply is None:
            return "", done.why
        try:
            return gist.taken(done.reply, done.job.cap, self._scale.text), ""
        except ModelError as error:
            return "", str(error)

    def _page(self, page: int, text: str) -> Page:
        return Page("summary", "system", text, self._clock(), "vctx", parents=(page,))
