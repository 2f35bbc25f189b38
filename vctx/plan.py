"""Decide: a snapshot in, a plan out. No I/O, no clock, no randomness, no text.

A decision has three steps: `pack` selects the references of a fault, `flush` chooses who leaves if
the high mark would be passed, and `decide` puts both into a plan.

    room |-------------------------------------------------|
         | fixed | frames that stay | arriving | hold |     |
                 |<- low mark: frames are evicted to here,
                     or further if what arrives needs it
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vctx.ports import Policy
from vctx.types import Fold, Frame, Hit, Plan, Snapshot


def decide(snapshot: Snapshot, policy: Policy) -> Plan:
    """What to load and what to evict, so that the window keeps to its budget.

    The plan's tokens exceed the room only where everything that may leave has left.
    """
    references = pack(snapshot)
    touch = tuple(hit.page for hit in references if hit.resident)
    # The best page stands last, next to the question: small models read the end of a prompt best.
    faults = [hit for hit in reversed(references) if not hit.resident]
    load = tuple(_frame(hit, snapshot, first=hit is faults[0]) for hit in faults)
    joining = snapshot.arriving + load
    more = _tokens(joining)
    used = snapshot.fixed + _tokens(snapshot.frames) + more
    if used + snapshot.hold <= int(snapshot.budget.high * snapshot.budget.room):
        return Plan(load=joining, touch=touch, tokens=used)
    evict = flush(snapshot, policy, arriving=more, keep=frozenset(touch))
    gone = frozenset(evict)
    fold = _fold(snapshot, gone)
    used -= sum(frame.tokens for frame in snapshot.frames if frame.page in gone)
    used += snapshot.cap if fold and snapshot.first else 0
    return Plan(evict=evict, load=joining, touch=touch, fold=fold, tokens=used)


def pack(snapshot: Snapshot) -> list[Hit]:
    """The references of a fault: hits in order of rank, as many as fit.

    Resident or not, a hit is charged its price, so that a reference string is the same under every
    policy; what is not resident must also fit beside the frames that cannot leave.
    """
    budget = snapshot.budget
    share = snapshot.ask - snapshot.wrapper
    space = budget.room - snapshot.fixed - snapshot.cap * snapshot.first - snapshot.hold - snapshot.wrapper
    space -= _tokens(_kept(snapshot, frozenset())) + _tokens(snapshot.arriving)
    chosen: list[Hit] = []
    for hit in snapshot.hits:
        if hit.score < snapshot.floor or hit.tokens > share or (not hit.resident and hit.tokens > space):
            continue
        chosen.append(hit)
        share -= hit.tokens
        # A resident page that is referenced stays, so it takes its space too.
        space -= hit.tokens
    return chosen


def chosen(hits: Sequence[Hit], plan: Plan) -> list[Hit]:
    """Those of a snapshot's hits that its plan took as references, best first."""
    loaded = {(frame.page, frame.span) for frame in plan.load}
    return [h for h in hits if (h.page, h.span) in loaded or (h.resident and h.page in plan.touch)]


def flush(snapshot: Snapshot, policy: Policy, *, arriving: int, keep: frozenset[int]) -> tuple[int, ...]:
    """The pages that leave, lowest rank first, until the frames are within the low mark and all fits."""
    budget = snapshot.budget
    fixed = snapshot.fixed + snapshot.cap * snapshot.first
    target = min(int(budget.low * budget.room), budget.room - arriving - snapshot.hold) - fixed
    stays = _tokens(snapshot.frames)
    evict: list[int] = []
    for unit in _units(snapshot, policy, keep):
        if stays <= target:
            break
        evict.extend(unit.pages)
        stays -= unit.tokens
    return tuple(evict)


@dataclass(frozen=True, slots=True)
class _Unit:
    """Frames that leave together: those of one page, or of one group."""

    rank: tuple[float, int]
    pages: tuple[int, ...]
    tokens: int


def _units(snapshot: Snapshot, policy: Policy, keep: frozenset[int]) -> list[_Unit]:
    kept = {_key(frame) for frame in _kept(snapshot, keep)}
    by_key: dict[tuple[str, int], list[Frame]] = {}
    for frame in snapshot.frames:
        if _key(frame) not in kept:
            by_key.setdefault(_key(frame), []).append(frame)
    units = [
        _Unit(
            rank=max((policy(frame), frame.arrived) for frame in frames),
            pages=tuple(dict.fromkeys(frame.page for frame in frames)),
            tokens=_tokens(frames),
        )
        for frames in by_key.values()
    ]
    return sorted(units, key=lambda unit: unit.rank)


def _kept(snapshot: Snapshot, keep: frozenset[int]) -> list[Frame]:
    """Frames that may not leave: pinned, referenced just now, and the newest message's group."""
    said = [frame for frame in snapshot.frames if not frame.fault]
    newest = {_key(said[-1])} if said and not snapshot.arriving else set()
    held = {_key(f) for f in snapshot.frames if f.pinned or f.page in keep} | newest
    return [frame for frame in snapshot.frames if _key(frame) in held]


def _key(frame: Frame) -> tuple[str, int]:
    return ("page", frame.page) if frame.group is None else ("group", frame.group)


def _fold(snapshot: Snapshot, gone: frozenset[int]) -> Fold | None:
    """Messages that leave are due for the digest; what a fault brought in stands on disk as it was."""
    left = tuple(frame.page for frame in snapshot.frames if frame.page in gone and not frame.fault)
    due = snapshot.unfolded + left
    return Fold(due, snapshot.cap) if due and snapshot.cap else None


def _frame(hit: Hit, snapshot: Snapshot, *, first: bool) -> Frame:
    """The frame of a fault; the first of one message carries the message's own tokens."""
    tokens = hit.tokens + snapshot.wrapper * first
    return Frame(
        hit.page, tokens, snapshot.tick, snapshot.tick, 1, fault=True, span=hit.span, group=hit.group
    )


def _tokens(frames: Iterable[Frame] | Sequence[Frame]) -> int:
    return sum(frame.tokens for frame in frames)
