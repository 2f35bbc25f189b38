"""Account: the window as a fold over the journal. Pure; the only place where frames change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import is_
from typing import Any

from vctx.ports import Lesson, Policy
from vctx.types import Branch, Entry, Form, Frame, Hit, Reply, Slot, Snapshot
from vctx.types.quick import quick

FULL = Form.FULL  # looked up once: for an enumeration that takes longer than the comparison
NEVER = 2**62
"""A tick that no journal reaches."""


@quick
@dataclass(frozen=True, slots=True)
class State:
    """What stands in the window after `tick` (-1: nothing has happened yet)."""

    tick: int = -1
    frames: tuple[Frame, ...] = ()
    digest: int | None = None
    """The page that holds the recursive summary."""
    unfolded: tuple[int, ...] = ()
    """Messages that left the window and wait for the digest, oldest first."""
    sent: datetime | None = None
    """When the model last read the window..."""
    read: int = -1
    """...and the tick of what it said then, if nothing had come since its prompt was made."""
    served: int = 0
    """The frames that it read then and that stand unchanged, with nothing before them changed: a prefix."""
    blocks: tuple[tuple[str, int], ...] = ()
    """The pages of the memory blocks that were written, by name."""
    shown: tuple[tuple[str, int], ...] = ()
    """Those that stand in the fixed part: what is written moves there at a flush."""
    gists: tuple[tuple[int, int], ...] = ()
    """Of messages that stand in the window, the pages with the gists that a model made; 0: it made none."""
    warned: bool = False
    """Whether the model was told, since the last flush, that the next is near."""
    sees: tuple[tuple[int, int], ...] = ((0, NEVER),)
    """The branches whose entries count here, each with the last tick that does; its own stands first."""

    @property
    def has_digest(self) -> bool:
        """Whether a digest stands or is due, so that its tokens are reserved."""
        return self.digest is not None or bool(self.unfolded)

    def resident(self, page: int) -> list[Frame]:
        """The frames in which a page stands."""
        return [frame for frame in self.frames if frame.page == page]

    @property
    def branch(self) -> int:
        """Whose window this is."""
        return self.sees[0][0]

    def counts(self, entry: Entry) -> bool:
        """Whether an entry changes this window: of this branch, or of one before it forked.

        What is forgotten is forgotten everywhere.
        """
        return entry.cause == "forget" or entry.tick <= dict(self.sees).get(entry.branch, -1)

    def holds(self, hit: Hit) -> bool:
        """Whether what the hit would load stands in the window already."""
        return any(covers(frame, hit) for frame in self.resident(hit.page))


def apply(state: State, entry: Entry) -> State:
    """The state after one more entry, whose tick must be the next."""
    if entry.tick != state.tick + 1:
        raise ValueError(f"entry {entry.tick} does not follow tick {state.tick}")
    if not state.counts(entry):
        return replace(state, tick=entry.tick)
    stay = _left(state.frames, entry)
    changed: dict[str, Any] = {"tick": entry.tick, "frames": _frames(stay, entry)}
    changed["served"] = _served(state, stay, entry)
    if entry.request.get("reply"):
        changed |= {"sent": entry.at, "read": state.read if entry.request.get("unread") else entry.tick}
    if entry.plan.fold is not None:
        changed["unfolded"] = state.unfolded + entry.plan.fold.pages
    state = replace(state, **changed)
    if entry.cause == "fold":
        done = frozenset(entry.request["pages"])
        due = tuple(page for page in state.unfolded if page not in done)
        state = replace(state, unfolded=due, digest=entry.outcome["page"])
    state = _forgotten(state, entry) if entry.cause == "forget" else state
    return _fixed(_gisted(state, entry), entry)


def _fixed(state: State, entry: Entry) -> State:
    """What is written stands in the fixed part once the prompt begins anew."""
    if written := entry.request.get("blocks"):
        state = replace(state, blocks=tuple({**dict(state.blocks), **written}.items()))
    if flushes(entry):
        if state.shown != state.blocks:  # they stand before all frames
            return replace(state, shown=state.blocks, warned=False, served=0)
        return replace(state, warned=False) if state.warned else state
    return replace(state, warned=True) if "warned" in entry.request else state


def _gisted(state: State, entry: Entry) -> State:
    """The gists that a model was asked for, of messages that still stand in the window."""
    if entry.cause == "gist":
        made = dict(zip(entry.request["pages"], entry.outcome["gists"], strict=True))
        return replace(state, gists=tuple({**dict(state.gists), **made}.items()))
    if not state.gists or not (entry.plan.evict or entry.cause == "forget"):
        return state
    gone = frozenset(entry.request["pages"]) if entry.cause == "forget" else ()
    stand = {frame.page for frame in state.frames if not frame.fault}
    return replace(
        state, gists=tuple((p, made) for p, made in state.gists if p in stand and made not in gone)
    )


def flushes(entry: Entry) -> bool:
    """Whether the prompt does not go on as it began: frames left, or the digest changed."""
    if entry.cause in ("fold", "forget"):
        return True
    loaded = {frame.slot for frame in entry.plan.load} if entry.plan.evict else ()
    return any(slot not in loaded for slot in entry.plan.evict)


def _served(state: State, stay: Sequence[Frame], entry: Entry) -> int:
    """How many frames of the prompt that the model last read the next one begins with."""
    served = len(state.frames) if entry.request.get("reply") else state.served
    if entry.cause == "fold" or any(frame.brief for frame in entry.plan.load):
        return 0  # the digest stands before all frames, and shorter forms before those in full
    if not served or not (entry.plan.evict or entry.cause == "forget"):
        return served
    same = list(map(is_, state.frames[:served], stay))
    return same.index(False) if False in same else len(same)


def _forgotten(state: State, entry: Entry) -> State:
    """Another branch's digest, if it is gone, leaves nothing in its place: what it told of is on disk."""
    gone = frozenset(entry.request["pages"])
    state = replace(state, blocks=tuple((name, page) for name, page in state.blocks if page not in gone))
    due = tuple(page for page in state.unfolded if page not in gone)
    if entry.branch == state.branch:
        return replace(state, unfolded=(*entry.request["due"], *due), digest=entry.request["digest"])
    return replace(state, unfolded=due, digest=None if state.digest in gone else state.digest)


def beginning(entries: Iterable[Entry], branch: int) -> State:
    """The empty window of a branch, by the forks that a journal tells of."""
    forks = {entry.branch: entry.request for entry in entries if entry.cause == "fork"}
    sees, limit = [(branch, NEVER)], NEVER
    while branch in forks:
        limit = min(limit, forks[branch]["tick"])
        branch = forks[branch]["parent"]
        sees.append((branch, limit))
    return State(sees=tuple(sees))


def current(entries: Sequence[Entry]) -> int:
    """The branch on which a session goes on: that of the last switch."""
    return next((e.branch for e in reversed(entries) if e.cause == "switch"), 0)


def branches(entries: Sequence[Entry]) -> list[Branch]:
    """The trunk and every fork that a journal tells of."""
    now = current(entries)
    forks = (entry for entry in entries if entry.cause == "fork")
    rows = [(0, None, 0), *((e.branch, e.request["parent"], e.request["at"]) for e in forks)]
    return [Branch(id, parent, at, id == now) for id, parent, at in rows]


def replay(entries: Iterable[Entry], state: State = State()) -> State:
    """Folds a journal, from the beginning or from a state that is known."""
    for entry in entries:
        state = apply(state, entry)
    return state


def tell(policy: Policy, entry: Entry, before: State, after: State) -> None:
    """Tells a policy what an entry did to the window, which was `before` and is `after`."""
    if not before.counts(entry):
        return
    if entry.request.get("reply"):
        policy.sent(entry.tick)
    for page in entry.plan.touch:
        policy.touched(page, entry.tick)
    if left := _gone(entry, before, after):
        policy.left(left, entry.tick)
    if entry.cause == "forget":
        policy.forgot(entry.request["pages"])
    for frame in entry.plan.load:
        if frame.arrived == entry.tick:  # else it stood there, and is cut otherwise now
            policy.loaded(frame.page, frame.tokens, entry.tick, fault=frame.fault)


def _gone(entry: Entry, before: State, after: State) -> list[int]:
    """The pages that an entry made leave, or leave and join again, in the order in which they stood."""
    pages = {page for page, _ in entry.plan.evict}
    if entry.cause == "forget":  # its plan tells of one branch's window; it holds for all
        pages = {frame.page for frame in before.frames}
    stay = {frame.page for frame in after.frames if frame.page in pages and frame.arrived < entry.tick}
    return list(dict.fromkeys([f.page for f in before.frames if f.page in pages and f.page not in stay]))


def covers(frame: Frame, hit: Hit) -> bool:
    """Whether what the hit would load stands in the frame."""
    if frame.page != hit.page:
        return False
    if frame.span is None:
        return frame.form is FULL
    return hit.span is not None and frame.span[0] <= hit.span[0] and hit.span[1] <= frame.span[1]


def figures(snapshot: Snapshot) -> dict[str, Any]:
    """What a decision was held to, as the journal keeps it, so that it can be taken again: all in tokens."""
    budget = snapshot.budget
    numbers = {"wrapper": snapshot.wrapper, "cap": snapshot.cap, "hold": snapshot.hold, "ask": snapshot.ask}
    return {
        "budget": [budget.window, budget.reserve, budget.high, budget.low, budget.fault],
        "fixed": snapshot.fixed,
        **{name: tokens for name, tokens in numbers.items() if tokens},
        **({"warm": snapshot.warm, "cold": snapshot.cold} if snapshot.prices else {}),
    }


def signals(hit: Hit) -> dict[str, Any]:
    """A hit as the journal keeps it: what ranked it, to four digits."""
    numbers = {"score": hit.score, "dense": hit.dense, "lexical": hit.lexical}
    rounded = {name: None if value is None else round(value, 4) for name, value in numbers.items()}
    parts = {name: round(value, 3) for name, value in hit.signals.items() if round(value, 3)}
    found = {"via": hit.via} if hit.via else {}
    return {
        "page": hit.page,
        "span": hit.span,
        "tokens": hit.tokens,
        "resident": hit.resident,
        **rounded,
        **found,
        "signals": parts,
    }


def usage(replies: Sequence[Reply], model: str, tokenizer: str) -> dict[str, Any]:
    """What a model has counted, as the journal keeps it beside what it said; several replies as one."""
    counted = {
        "prompt": [reply.prompt_tokens for reply in replies],
        "reply": [reply.completion_tokens for reply in replies],
        "cached": [reply.cached_tokens for reply in replies],
    }
    said = {name: sum(n or 0 for n in each) for name, each in counted.items() if None not in each}
    if len(replies) > 1:
        said["calls"] = len(replies)
    learnt = [list(reply.lesson) for reply in replies if reply.lesson]
    lesson = {"tokenizer": tokenizer, "lesson": learnt[-1]} if learnt else {}
    return {"usage": {"model": model, **said, **lesson}} if replies else {}


def lessons(entries: Iterable[Entry], tokenizer: str) -> list[Lesson]:
    """What replies have taught a tokenizer that learns, oldest first."""
    told = (entry.outcome.get("usage", {}) for entry in entries)
    return [tuple(usage["lesson"]) for usage in told if usage.get("tokenizer") == tokenizer]


def _frames(stay: list[Frame], entry: Entry) -> tuple[Frame, ...]:
    if entry.cause == "forget":  # its plan tells of one branch's window; it holds for all
        return tuple(stay)
    if touch := frozenset(entry.plan.touch):
        stay = [frame.touched(entry.tick) if frame.page in touch else frame for frame in stay]
    if entry.cause in ("pin", "unpin"):
        page, on = entry.request["page"], entry.cause == "pin"
        stay = [replace(frame, pinned=on) if frame.page == page else frame for frame in stay]
    frames = (*stay, *entry.plan.load)
    if not [frame for frame in frames if frame.form is not FULL and frame.brief]:
        return frames
    # Shorter forms stand first, in the order in which they were said.
    briefs = sorted((frame for frame in frames if frame.brief), key=lambda frame: frame.page)
    return (*briefs, *(frame for frame in frames if not frame.brief))


def _left(frames: tuple[Frame, ...], entry: Entry) -> list[Frame]:
    """The frames that stay where they stood."""
    if entry.cause == "forget":
        return remaining(frames, frozenset(entry.request["pages"]))
    return without(frames, frozenset(entry.plan.evict))


def without(frames: Iterable[Frame], slots: frozenset[Slot]) -> list[Frame]:
    """The frames that are of none of these slots."""
    if not slots:
        return list(frames)
    pages = {page for page, _ in slots}  # most are told by their page alone
    return [frame for frame in frames if frame.page not in pages or (frame.page, frame.span) not in slots]


def within(frames: Iterable[Frame], slots: frozenset[Slot]) -> list[Frame]:
    """The frames that are of these slots."""
    if not slots:
        return []
    pages = {page for page, _ in slots}
    return [frame for frame in frames if frame.page in pages and (frame.page, frame.span) in slots]


def remaining(frames: Iterable[Frame], gone: frozenset[int]) -> list[Frame]:
    """The frames that stay when pages are forgotten: a group that loses one leaves whole."""
    frames = list(frames)
    parted = {frame.group for frame in frames if frame.page in gone} - {None}
    there = [frame for frame in frames if frame.page not in gone and frame.gist not in gone]
    return [frame for frame in there if frame.group not in parted]
