"""A policy on a trace: the live decisions, without text, disk or model.

Between flushes a window only grows, which is accounted for here step by step. Whatever else may happen
(a flush, a page that does not fit, a pin) goes through `vctx.plan.decide` itself, and the journal's own fold.
So what is loaded and what leaves is what a session would do, to the token.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from vctx import journal
from vctx.eval.policies.trace import Event, Fitted, Forgot, Pinned, Referred, Said, Sent, Setting, Trace
from vctx.plan import decide, weight
from vctx.ports import Policy
from vctx.types import Entry, Frame, Hit, Plan, Prices, Slot, Snapshot


@dataclass(frozen=True, slots=True)
class Step:
    """What a decision did, where it changed the window."""

    tick: int
    evict: tuple[Slot, ...]
    load: tuple[Slot, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as it was sent: its tokens, and how many at its beginning stood so in the one before."""

    at: float
    tokens: int
    same: int


@dataclass(frozen=True, slots=True)
class Found:
    """A question: the share of the pages that answer it that stood in the window when it was answered."""

    question: int
    share: float


@dataclass
class Run:
    """What a policy made of a trace."""

    trace: str
    policy: str
    prompts: list[Prompt] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    references: int = 0
    faults: int = 0
    fault_tokens: int = 0
    flushes: int = 0
    evicted: int = 0
    thrashed: int = 0
    """Faults on pages that had left within the last `THRASH` calls."""


THRASH = 8
"""Calls within which a page that comes back has left too early: so many cached reads cost less."""


class Simulation:
    """The window of one policy. Feed it events; `run` holds what came of them."""

    def __init__(
        self, setting: Setting, policy: Policy, run: Run, *, prices: Prices | None, fits: bool
    ) -> None:
        """`fits`: whether prompts are cut where the recorded ones, of the same policy, were too long."""
        self.run = run
        self._setting = setting
        self._policy = policy
        self._prices = prices
        self._fits = fits
        self._read = journal.State()
        """When the model last read the window, and what it read: of the journal's state, that part."""
        self._reply = False
        """The model has read the window, and what it says is said next."""
        self._frames: list[Frame] = []
        self._there: dict[int, list[Frame]] = {}
        self._touched: dict[int, tuple[int, int]] = {}
        self._weight = 0
        self._begun = False
        self._newest = 0
        self._special = 0
        """Frames that are pinned or in a group: with them, `decide` is asked."""
        self._sent = 0
        self._same = 0
        self._evidence: tuple[int, frozenset[int]] | None = None
        self._gone: dict[int, int] = {}

    @property
    def fixed(self) -> int:
        """Tokens of what never leaves."""
        return self._setting.fixed + self._setting.cap * self._begun

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The window, in order."""
        return tuple(map(self._now, self._frames))

    def feed(self, events: Iterable[Event]) -> None:
        """Takes events in order."""
        for event in events:
            match event:
                case Referred():
                    self._refer(event)
                case Said():
                    self._say(event)
                case Sent():
                    self._send(event)
                case Fitted():
                    if self._fits:
                        self._fit(event)
                case Pinned():
                    self._pin(event)
                case Forgot():
                    self._forget(event)

    # -- the fast way: nothing leaves

    def _refer(self, event: Referred) -> None:
        if event.question is not None:
            self._evidence = event.question, event.evidence
        there = self._there
        touch: list[int] = []
        new: list[Hit] = []
        asked = joining = 0
        for hit in event.hits:
            asked += hit.tokens
            if hit.page in there and any([journal.covers(frame, hit) for frame in there[hit.page]]):
                touch.append(hit.page)
            else:
                new.append(hit)
                joining += hit.tokens
        self.run.references += len(event.hits)
        self.run.faults += len(new)
        self.run.fault_tokens += joining
        setting = self._setting
        joining += setting.wrapper * bool(new)
        used = self.fixed + self._weight + joining
        fits = used + event.hold <= self._high and self._fitting(event, asked, len(touch))
        if not fits or self._special or self._eager(event.at):
            self._slow(event)
            return
        tick = event.tick
        for page in dict.fromkeys(touch):
            self._touch(page, tick)
        for hit in reversed(new):
            self._join(Frame(hit.page, hit.tokens, tick, tick, 1, True, hit.span))
        self._weight += setting.wrapper * bool(new)
        if new:
            self._note(tick, (), [(hit.page, hit.span) for hit in reversed(new)], used)

    def _say(self, event: Said) -> None:
        tokens = sum([frame.tokens for frame in event.frames])
        used = self.fixed + self._weight + tokens
        plain = all([frame.group is None and frame.page not in self._there for frame in event.frames])
        if used > self._high or not plain or self._eager(event.at):
            self._slow(event)
            return
        if self._reply:
            self._policy.sent(event.tick)
            self._read = replace(self._read, sent=_time(event.at), read=event.tick, served=len(self._frames))
            self._reply = False
        for frame in event.frames:
            self._join(frame)
        self._newest = event.frames[-1].tokens
        self._note(event.tick, (), [frame.slot for frame in event.frames], used)

    @property
    def _high(self) -> int:
        budget = self._setting.budget
        return int(budget.high * budget.room)

    def _fitting(self, event: Referred, asked: int, resident: int) -> bool:
        """Whether `pack` would surely take every hit: with room to spare, whatever stands."""
        setting = self._setting
        space = setting.budget.room - self.fixed - setting.cap * (not self._begun) - event.hold
        taken = asked + self._newest + setting.wrapper * (resident + 2)
        return asked <= event.ask - setting.wrapper and taken <= space

    def _eager(self, at: float) -> bool:
        """Whether the policy is asked although all fits."""
        return self._policy.eager and self._warm(at)[1]

    def _warm(self, at: float) -> tuple[int, bool]:
        """Tokens that the cache holds, and whether it has expired, as a session tells it."""
        read, prices = self._read, self._prices
        if prices is None or read.sent is None:
            return 0, False
        if at - read.sent.timestamp() > prices.lifetime:
            return 0, True
        if read.unfolded:
            return self._setting.head, False
        return self.fixed + weight(self._frames[: read.served], self._setting.wrapper), False

    def _touch(self, page: int, tick: int) -> None:
        count = self._touched[page][1] + 1 if page in self._touched else 1
        self._touched[page] = tick, count
        self._policy.touched(page, tick)

    def _join(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._there.setdefault(frame.page, []).append(frame)
        self._weight += frame.tokens
        if frame.fault and frame.page in self._gone:
            self.run.thrashed += len(self.run.prompts) - self._gone[frame.page] < THRASH
        self._policy.loaded(frame.page, frame.tokens, frame.arrived, fault=frame.fault)

    # -- the slow way: as a session decides

    def _slow(self, event: Referred | Said) -> None:
        more: dict[str, Any] = {}
        if isinstance(event, Referred):
            hits = [replace(hit, resident=self._holds(hit)) for hit in event.hits]
            more = {"hits": tuple(hits), "ask": event.ask, "hold": event.hold}
        else:
            more = {"arriving": tuple(filter(None, map(self._arriving, event.frames)))}
            self._newest = event.frames[-1].tokens
        self._decide(event, **more)

    def _decide(self, event: Referred | Said | Fitted, **more: Any) -> None:
        frames = self.frames
        plan = decide(self._snapshot(event, frames, **more), self._policy)
        request = {"reply": True} if self._reply and isinstance(event, Said) else {}
        self._reply = self._reply and not request
        self._account(frames, Entry(event.tick, "append", _time(event.at), request, plan=plan))

    def _snapshot(self, event: Referred | Said | Fitted, frames: tuple[Frame, ...], **more: Any) -> Snapshot:
        setting = self._setting
        warm, cold = self._warm(event.at)
        return Snapshot(
            event.tick,
            setting.budget,
            self.fixed,
            frames,
            wrapper=setting.wrapper,
            cap=setting.cap,
            first=not self._begun,
            head=setting.head,
            prices=self._prices,
            warm=warm,
            cold=cold,
            read=self._read.read,
            **more,
        )

    def _account(self, frames: tuple[Frame, ...], entry: Entry) -> None:
        """Folds an entry as the journal does, and takes up the state that it leaves."""
        before = replace(self._read, tick=entry.tick - 1, frames=frames)
        after = self._read = journal.apply(before, entry)
        journal.tell(self._policy, entry, before, after)
        plan = entry.plan
        left = {frame.slot for frame in frames} - {frame.slot for frame in after.frames}
        if left:
            self._same = min(self._same, self._place(frames, left))
            self.run.flushes += 1
            self.run.evicted += len(left)
            self._gone |= dict.fromkeys((page for page, _ in left), len(self.run.prompts))
        if plan.fold is not None:
            self._begun = True
            self._same = min(self._same, self._setting.head)
        came = [frame for frame in plan.load if frame.fault and frame.page in self._gone]
        self.run.thrashed += sum(len(self.run.prompts) - self._gone[f.page] < THRASH for f in came)
        self._take(after.frames)
        self._note(entry.tick, plan.evict, [frame.slot for frame in plan.load], plan.tokens)

    def _take(self, frames: tuple[Frame, ...]) -> None:
        self._frames = list(frames)
        self._touched.clear()
        self._there = {}
        for frame in frames:
            self._there.setdefault(frame.page, []).append(frame)
        self._weight = weight(frames, self._setting.wrapper)
        self._special = sum(frame.pinned or frame.group is not None for frame in frames)

    def _arriving(self, frame: Frame) -> Frame | None:
        """A frame that stands already keeps its place in time; None where it stands just so."""
        stands = next((f for f in self.frames if f.slot == frame.slot and not f.fault), None)
        if stands is None:
            return frame
        again = replace(stands, form=frame.form, tokens=frame.tokens)
        return None if again == stands else again

    def _place(self, frames: tuple[Frame, ...], left: set[Slot]) -> int:
        """Tokens of the prompt before the first frame that leaves."""
        place, arrived = self.fixed, None
        for frame in frames:
            if frame.fault and frame.arrived != arrived:
                place, arrived = place + self._setting.wrapper, frame.arrived
            if frame.slot in left:
                break
            place += frame.tokens
        return place

    # -- the rest

    def _send(self, event: Sent) -> None:
        tokens = self.fixed + self._weight
        self.run.prompts.append(Prompt(event.at, tokens, min(self._same, self._sent, tokens)))
        self._sent = self._same = tokens
        self._reply = True
        if self._read.unfolded:  # the digest has been made
            self._read = replace(self._read, unfolded=(), served=0)
        if self._evidence is not None:
            question, pages = self._evidence
            there = sum(page in self._there for page in pages)
            self.run.found.append(Found(question, there / max(len(pages), 1)))
            self._evidence = None

    def _fit(self, event: Fitted) -> None:
        estimate = self.fixed + weight(self._frames, self._setting.wrapper)
        self._decide(event, hold=max(0, event.tokens - estimate))

    def _pin(self, event: Pinned) -> None:
        self._special = 1
        frames = [replace(f, pinned=event.on) if f.page == event.page else f for f in self.frames]
        self._take(tuple(frames))

    def _forget(self, event: Forgot) -> None:
        request = {"pages": list(event.pages), "due": [0] * event.digest, "digest": None}
        stay = {frame.slot for frame in journal.remaining(self._frames, frozenset(event.pages))}
        evict = tuple(frame.slot for frame in self._frames if frame.slot not in stay)
        self._same = min(self._same, self._setting.head)
        entry = Entry(event.tick, "forget", _time(event.at), request, plan=Plan(evict=evict))
        self._account(self.frames, entry)

    def _holds(self, hit: Hit) -> bool:
        return any(journal.covers(frame, hit) for frame in self._there.get(hit.page, ()))

    def _now(self, frame: Frame) -> Frame:
        """A frame with what touched it since."""
        if frame.page not in self._touched:
            return frame
        tick, count = self._touched[frame.page]
        return replace(frame, referenced=tick, references=frame.references + count)

    def _note(self, tick: int, evict: tuple[Slot, ...], load: list[Slot], tokens: int) -> None:
        if evict or load:
            self.run.steps.append(Step(tick, evict, tuple(load), tokens))


def simulate(
    trace: Trace, policy: Policy, prices: Prices | None = None, setting: Setting | None = None
) -> Run:
    """Runs a policy with an empty memory over a trace, in its own setting unless another is given.

    `prices` are what the policy is told; what the run costs at any prices, `costs` says.
    """
    run = Run(trace.name, policy.name)
    fits = setting is None and policy.name == trace.policy
    Simulation(setting or trace.setting, policy, run, prices=prices, fits=fits).feed(trace.events)
    return run


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
