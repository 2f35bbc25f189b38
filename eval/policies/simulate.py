"""A policy on a trace: the live decisions, without text, disk or model.

Between flushes a window only grows, which is accounted for here step by step. Whatever else may happen
(a flush, a page that does not fit, a pin) goes through `vctx.plan.decide` itself, and the journal's own fold.
So what is loaded and what leaves is what a session would do, to the token.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vctx import journal
from vctx.eval.policies.runs import Account, Found, Run
from vctx.eval.policies.standing import Window
from vctx.eval.policies.trace import Event, Fitted, Forgot, Pinned, Referred, Said, Sent, Setting, Trace
from vctx.plan import decide
from vctx.ports import Policy
from vctx.types import Entry, Frame, Hit, Plan, Prices, Snapshot


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
        self._high = int(setting.budget.high * setting.budget.room)
        self._fixed = setting.fixed
        """Tokens of what never leaves, the digest's once it has begun."""
        self._begun = False
        self._newest = 0
        """Tokens of what was said last."""
        self._sent: datetime | None = None
        """When the model last read the window; this and the next three are as in `journal.State`."""
        self._read = -1
        self._served = 0
        self._unfolded: tuple[int, ...] = ()
        self._reply = False
        """The model has read the window, and what it says is said next."""
        self._window = Window(setting.wrapper)
        self._account = Account(run)
        self._evidence: tuple[int, frozenset[int]] | None = None

    @property
    def frames(self) -> tuple[Frame, ...]:
        """What stands, in order."""
        return self._window.frames()

    @property
    def fixed(self) -> int:
        """Tokens of what never leaves."""
        return self._fixed

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
        window = self._window
        stands = list(map(window.holds, event.hits))
        touch = [hit.page for hit, there in zip(event.hits, stands, strict=True) if there]
        new = [hit for hit, there in zip(event.hits, stands, strict=True) if not there]
        joining = sum([hit.tokens for hit in new])
        self._account.referred(len(event.hits), len(new), joining)
        joining += self._setting.wrapper * bool(new)
        used = self._fixed + window.weight + joining
        fits = used + event.hold <= self._high and self._fitting(event, len(touch))
        if not fits or window.special or self._eager():
            hits = map(_resident, event.hits, stands)
            self._decide(event, hits=tuple(hits), ask=event.ask, hold=event.hold)
            return
        for page in dict.fromkeys(touch):
            window.touch(page, event.tick)
            self._policy.touched(page, event.tick)
        if new:
            window.weight += self._setting.wrapper
            tick = event.tick
            came = [Frame(hit.page, hit.tokens, tick, tick, 1, True, hit.span) for hit in reversed(new)]
            self._account.came(came)
            self._join(tick, came)

    def _say(self, event: Said) -> None:
        window, frames = self._window, event.frames
        used = self._fixed + window.weight + sum([frame.tokens for frame in frames])
        plain = not [frame for frame in frames if frame.group is not None or frame.page in window]
        self._newest = frames[-1].tokens
        if used > self._high or not plain or self._eager():
            self._decide(event, arriving=tuple(filter(None, map(self._arriving, frames))))
            return
        if self._reply:
            self._policy.sent(event.tick)
            self._sent, self._read, self._served = _time(event.at), event.tick, len(window)
            self._reply = False
        self._join(event.tick, frames)

    def _join(self, tick: int, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self._window.join(frame)
            self._policy.loaded(frame.page, frame.tokens, frame.arrived, fault=frame.fault)
        self._account.step(tick, (), frames, self._fixed + self._window.weight)

    def _fitting(self, event: Referred, resident: int) -> bool:
        """Whether `pack` would surely take every hit: with room to spare, whatever stands."""
        setting = self._setting
        asked = sum([hit.tokens for hit in event.hits])
        space = setting.budget.room - self._fixed - setting.cap * (not self._begun) - event.hold
        taken = asked + self._newest + setting.wrapper * (resident + 2)
        return asked <= event.ask - setting.wrapper and taken <= space

    def _eager(self) -> bool:
        """Whether the policy may be asked although all fits."""
        return self._policy.eager and self._prices is not None and self._window.latest <= self._read

    def _cold(self, at: float) -> bool:
        """Whether the cache has expired, as a session tells it."""
        sent, prices = self._sent, self._prices
        return prices is not None and sent is not None and at - sent.timestamp() > prices.lifetime

    def _warm(self, at: float) -> int:
        """Tokens that the cache holds, as a session tells it."""
        if self._prices is None or self._sent is None or self._cold(at):
            return 0
        return self._setting.head if self._unfolded else self._fixed + self._window.first(self._served)

    # -- the slow way: as a session decides

    def _decide(self, event: Referred | Said | Fitted, **more: Any) -> None:
        frames = self._window.frames()
        plan = decide(self._snapshot(event, frames, **more), self._policy)
        request = {"reply": True} if self._reply and isinstance(event, Said) else {}
        self._reply = self._reply and not request
        self._carry_out(frames, Entry(event.tick, "append", _time(event.at), request, plan=plan))

    def _snapshot(self, event: Referred | Said | Fitted, frames: tuple[Frame, ...], **more: Any) -> Snapshot:
        setting = self._setting
        return Snapshot(
            event.tick,
            setting.budget,
            self._fixed,
            frames,
            wrapper=setting.wrapper,
            cap=setting.cap,
            first=not self._begun,
            head=setting.head,
            prices=self._prices,
            warm=self._warm(event.at),
            cold=self._cold(event.at),
            read=self._read,
            **more,
        )

    def _carry_out(self, frames: tuple[Frame, ...], entry: Entry) -> None:
        """Folds an entry as the journal does, and takes up the state that it leaves."""
        before = journal.State(
            entry.tick - 1,
            frames,
            unfolded=self._unfolded,
            sent=self._sent,
            read=self._read,
            served=self._served,
        )
        after = journal.apply(before, entry)
        self._sent, self._read, self._served = after.sent, after.read, after.served
        self._unfolded = after.unfolded
        journal.tell(self._policy, entry, before, after)
        plan = entry.plan
        if left := frozenset(plan.evict).difference([frame.slot for frame in plan.load]):
            self._account.changed(self._fixed + self._window.before(left))
            self._account.left(left)
        if plan.fold is not None:
            self._begun = True
            self._fixed = self._setting.fixed + self._setting.cap
            self._account.changed(self._setting.head)
        self._account.came(plan.load)
        self._window.take(after.frames, plan.tokens - self._fixed if plan.tokens else None)
        self._account.step(entry.tick, plan.evict, plan.load, plan.tokens)

    def _arriving(self, frame: Frame) -> Frame | None:
        """A frame that stands already keeps its place in time; None where it stands just so."""
        stands = self._window.message(frame.slot)
        if stands is None:
            return frame
        again = replace(stands, form=frame.form, tokens=frame.tokens)
        return None if again == stands else again

    # -- the rest

    def _send(self, event: Sent) -> None:
        self._account.sent(event.at, self._fixed + self._window.weight)
        self._reply = True
        if self._unfolded:  # the digest has been made
            self._unfolded, self._served = (), 0
        if self._evidence is not None:
            question, pages = self._evidence
            there = sum(page in self._window for page in pages)
            self.run.found.append(Found(question, there / max(len(pages), 1)))
            self._evidence = None

    def _fit(self, event: Fitted) -> None:
        estimate = self._fixed + self._window.first(len(self._window))
        self._decide(event, hold=max(0, event.tokens - estimate))

    def _pin(self, event: Pinned) -> None:
        frames = self._window.frames()
        self._window.take(tuple([replace(f, pinned=event.on) if f.page == event.page else f for f in frames]))

    def _forget(self, event: Forgot) -> None:
        frames = self._window.frames()
        request = {"pages": list(event.pages), "due": [0] * event.digest, "digest": None}
        stay = {frame.slot for frame in journal.remaining(frames, frozenset(event.pages))}
        evict = tuple(frame.slot for frame in frames if frame.slot not in stay)
        self._account.changed(self._setting.head)
        entry = Entry(event.tick, "forget", _time(event.at), request, plan=Plan(evict=evict))
        self._carry_out(frames, entry)


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


def _resident(hit: Hit, stands: bool) -> Hit:
    """The hit, told whether it stands; of a hit a trace holds no more."""
    return Hit(hit.page, hit.span, score=hit.score, tokens=hit.tokens, resident=True) if stands else hit


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
