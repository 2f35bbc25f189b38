"""Decide: a snapshot and a policy in, a plan out. No I/O, no clock, no randomness, no text.

A decision has three steps: `pack` selects the references of a fault, `flush` chooses who leaves if
the high mark would be passed, and `decide` puts both into a plan.

    room |-------------------------------------------------|
         | fixed | frames that stay | arriving | hold |     |
                 |<- low mark: frames are evicted to here,
                     or further if what arrives needs it
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter

from vctx.forms import SHARE, shorten
from vctx.journal import FULL, covers, within, without
from vctx.ports import Policy
from vctx.types import Flush, Fold, Frame, Hit, Plan, Slot, Snapshot, Unit


def decide(snapshot: Snapshot, policy: Policy, references: Sequence[Hit] | None = None) -> Plan:
    """What to load and what to evict, so that the window keeps to its budget.

    `references` are what `pack` makes of the snapshot, where the caller has them.
    The plan's tokens exceed the room only where everything that may leave has left.
    """
    references = pack(snapshot) if references is None else references
    touch = tuple(dict.fromkeys([hit.page for hit in references if hit.resident]))
    joining = snapshot.arriving + _load(references, (), snapshot.tick)
    taken = frozenset([frame.slot for frame in snapshot.arriving])
    stays = without(snapshot.frames, taken)
    replaced = tuple([frame.slot for frame in within(snapshot.frames, taken)])
    used = snapshot.fixed + weight([*stays, *joining], snapshot.wrapper)
    briefs = [frame for frame in stays if frame.form is not FULL and frame.brief and not frame.pinned]
    fits = used + snapshot.hold <= int(snapshot.budget.high * snapshot.budget.room)
    if fits and not (policy.eager and _idle(snapshot)):
        return Plan(evict=replaced, load=joining, touch=touch, tokens=used)
    if briefs:
        stays = [frame for frame in stays if frame not in briefs]
    again: list[Hit] = []
    while True:
        out = flush(
            snapshot, stays, policy, arriving=joining, recent=frozenset(touch), briefs=briefs, fits=fits
        )
        gone = frozenset(out)
        rest = without(stays, gone)
        lost = _lost(snapshot, references, stays, rest, joining) if touch else []
        if not lost:
            break
        again += lost
        joining = snapshot.arriving + _load(references, again, snapshot.tick)
    left = [frame for frame in within(stays, gone) if not frame.fault]
    stand = _shortened(snapshot, briefs, left, rest, joining)
    out += [frame.slot for frame in briefs if frame not in stand]
    kept = {frame.page for frame in stand}
    due = tuple(frame.page for frame in (*briefs, *left) if frame.page not in kept)
    fold = Fold(due, snapshot.cap) if due and snapshot.cap else None
    used = snapshot.fixed + weight([*stand, *rest, *joining], snapshot.wrapper)
    used += snapshot.cap if fold and snapshot.first else 0
    joining = (*(frame for frame in stand if frame not in briefs), *joining)
    return Plan(evict=(*replaced, *out), load=joining, touch=touch, fold=fold, tokens=used)


def _shortened(
    snapshot: Snapshot,
    briefs: Sequence[Frame],
    left: Sequence[Frame],
    rest: Sequence[Frame],
    joining: Sequence[Frame],
) -> tuple[Frame, ...]:
    """What stands in a shorter form: of what stood so, and of the messages that leave, the most useful."""
    if not briefs and not snapshot.briefs:
        return ()
    taken = snapshot.fixed + snapshot.cap * snapshot.first + weight([*rest, *joining], snapshot.wrapper)
    space = snapshot.budget.room - snapshot.hold - taken - snapshot.wrapper
    if not left and sum(frame.tokens for frame in briefs) <= space:
        return tuple(briefs)
    gone = {f.page for f in left} - {f.page for f in (*rest, *joining)}
    stood = {frame.page: (frame.form, frame.gist) for frame in briefs}
    new = [
        f
        for f in snapshot.briefs
        if f.page in gone or (f.form, f.gist) != stood.get(f.page, (f.form, f.gist))
    ]
    again = {(frame.page, frame.form) for frame in new}  # a model's gist takes the place of an extract
    old = [frame for frame in briefs if (frame.page, frame.form) not in again]
    budget = min(space, int(SHARE * snapshot.budget.room))
    return shorten([*old, *new], budget, snapshot.tick) if budget > 0 else ()


def _idle(snapshot: Snapshot) -> bool:
    """Whether the model has read all that stands, and the cache is known: what it holds, or that it is cold.

    What came, or was referred to, for the model's next reply must not leave before it was read.
    """
    known = snapshot.cold or snapshot.warm > 0
    return known and all(frame.referenced <= snapshot.read for frame in snapshot.frames)


def pack(snapshot: Snapshot) -> list[Hit]:
    """The references of a fault, best first: as many as fit, chosen in the order in which they stand.

    Resident or not, a hit is charged its price, so that a reference string is the same under every
    policy; what is not resident must also fit beside the frames that cannot leave.
    """
    if not snapshot.hits:
        return []
    share = snapshot.ask - snapshot.wrapper
    space = snapshot.budget.room - snapshot.fixed - snapshot.cap * snapshot.first - snapshot.hold
    kept = _kept(snapshot, snapshot.frames)
    space -= snapshot.wrapper + weight(kept, snapshot.wrapper)
    held = {frame.page for frame in kept}
    space -= weight(snapshot.arriving, snapshot.wrapper)
    chosen: list[Hit] = []
    for hit in snapshot.hits:
        if hit.score < snapshot.floor or hit.tokens > share or (not hit.resident and hit.tokens > space):
            continue
        chosen.append(hit)
        share -= hit.tokens
        # A resident page that is referenced stays, and the message around it: both take their space.
        if not (hit.resident and hit.page in held):
            space -= hit.tokens + snapshot.wrapper * hit.resident
    return sorted(chosen, key=attrgetter("score"), reverse=True)


def by_value(hits: Iterable[Hit]) -> list[Hit]:
    """Hits in the order in which a fault should choose: most probably needed for their tokens first.

    The greedy order of the knapsack problem (Dantzig 1957). Hits that are only ranked stay as they are.
    """
    return sorted(hits, key=lambda hit: 0.0 if hit.worth is None else -hit.worth / max(hit.tokens, 1))


def flush(
    snapshot: Snapshot,
    frames: list[Frame],
    policy: Policy,
    *,
    arriving: tuple[Frame, ...],
    recent: frozenset[int],
    briefs: Sequence[Frame] = (),
    fits: bool = False,
) -> list[Slot]:
    """The frames that leave, as the policy orders them, until the rest is within the low mark and all fits.

    What was referenced just now (`recent`) leaves last, and only if nothing else makes room. `briefs` stand
    before `frames`; for them, and those that join them, a share of the room is kept. Where all `fits`, and
    the cache is warm, none must leave: a digest and shorter forms need room only where a message leaves.
    """
    budget = snapshot.budget
    joining = weight(arriving, snapshot.wrapper)
    stands = snapshot.fixed + snapshot.cap * snapshot.first + weight(frames, snapshot.wrapper)
    aside = snapshot.wrapper + int(SHARE * budget.room) if briefs or snapshot.briefs else 0
    stands += aside
    need = stands + joining + snapshot.hold - budget.room
    need = min(need, 0) if fits and snapshot.warm else need
    aim = max(need, stands - int(budget.low * budget.room))
    units, firsts, more = _units(snapshot, frames, snapshot.fixed + weight(briefs, snapshot.wrapper))
    spared = [n for n, unit in enumerate(units) if not recent.isdisjoint(unit.pages)] if recent else []
    others = sorted({*range(len(units))}.difference(spared)) if spared else list(range(len(units)))
    faults = Counter([frame.arrived for frame in frames if frame.fault])
    evict: list[Slot] = []
    freed = 0
    for here in (others, spared):
        if not here or (here is spared and freed >= need):
            continue
        request = Flush(
            snapshot.tick,
            tuple([units[n] for n in here]),
            need - freed,
            aim - freed,
            room=budget.room,
            tokens=stands - freed,
            head=snapshot.head,
            digest=snapshot.cap > 0,
            prices=snapshot.prices,
            warm=snapshot.warm,
        )
        order, depth = policy.choose(request)
        until = need if here is spared else max(need, depth)
        for n in order:
            if freed >= until:
                break
            for frame in (firsts[here[n]], *more.get(here[n], ())):
                evict.append((frame.page, frame.span))
                freed += frame.tokens
                if frame.fault:
                    faults[frame.arrived] -= 1
                    freed += 0 if faults[frame.arrived] else snapshot.wrapper
    return evict


def weight(frames: Sequence[Frame], wrapper: int) -> int:
    """Tokens of frames in a prompt: their own, and a message around what each fault brought, and briefs."""
    if not frames:
        return 0
    faults = {frame.arrived for frame in frames if frame.fault}
    if [frame for frame in frames if frame.form is not FULL and frame.brief]:
        faults = {-1} | {frame.arrived for frame in frames if frame.fault and not frame.brief}
    return sum([frame.tokens for frame in frames]) + wrapper * len(faults)


def _units(
    snapshot: Snapshot, frames: list[Frame], place: int
) -> tuple[list[Unit], list[Frame], dict[int, list[Frame]]]:
    """What may leave, in the order of the prompt: units, the first frame of each, and by unit its others.

    The first stands at `place`.
    """
    kept = frozenset(map(id, _kept(snapshot, frames)))
    units: list[Unit] = []
    firsts: list[Frame] = []
    others: dict[int, list[Frame]] = {}
    groups: dict[int, int] = {}
    last = None
    for frame in frames:
        arrived, fault = frame.arrived, frame.fault
        if fault and arrived != last:
            place, last = place + snapshot.wrapper, arrived
        if id(frame) not in kept:
            if frame.group is not None and (n := groups.setdefault(frame.group, len(units))) < len(units):
                others.setdefault(n, []).append(frame)
                units[n] = _joined(units[n], frame)
            else:
                cells = (frame.page,), frame.tokens, place, arrived, frame.referenced, not fault
                units.append(tuple.__new__(Unit, cells))  # twice as fast as by its name
                firsts.append(frame)
        place += frame.tokens
    return units, firsts, others


def _joined(unit: Unit, frame: Frame) -> Unit:
    """The unit with one more frame of its group."""
    return Unit(
        (*unit.pages, frame.page),
        unit.tokens + frame.tokens,
        unit.at,
        max(unit.arrived, frame.arrived),
        max(unit.referenced, frame.referenced),
        unit.said or not frame.fault,
    )


def _kept(snapshot: Snapshot, frames: Sequence[Frame]) -> list[Frame]:
    """Frames that may not leave: those pinned, and the newest message's group."""
    newest = next((f for f in chain(reversed(snapshot.arriving), reversed(frames)) if not f.fault), None)
    groups = {frame.group for frame in frames if frame.pinned}
    if newest is not None:
        groups.add(newest.group)
    page, span = newest.slot if newest is not None and newest.group is None else (None, None)
    return [
        f
        for f in frames
        if f.pinned or (f.group in groups if f.group is not None else f.page == page and f.span == span)
    ]


def _lost(
    snapshot: Snapshot,
    references: Sequence[Hit],
    stays: list[Frame],
    rest: list[Frame],
    joining: tuple[Frame, ...],
) -> list[Hit]:
    """References that would leave with their group: loaded like any other, where they fit beside the rest."""
    asked = {hit.page for hit in references if hit.resident}
    near = [frame for frame in (*rest, *joining) if frame.page in asked]
    there: dict[int, list[Frame]] = {}
    for frame in near:
        there.setdefault(frame.page, []).append(frame)
    gone = [
        hit
        for hit in references
        if hit.resident and not any([covers(frame, hit) for frame in there.get(hit.page, ())])
    ]
    if not gone:
        return []
    groups = {frame.group for frame in rest if frame.page in asked} - {None}
    kept = frozenset(map(id, _kept(snapshot, stays)))
    never = [f for f in rest if id(f) in kept or f.page in asked or f.group in groups]
    space = snapshot.budget.room - snapshot.fixed - snapshot.cap * snapshot.first - snapshot.hold
    space -= weight((*never, *joining), snapshot.wrapper) + snapshot.wrapper
    lost: list[Hit] = []
    for hit in gone:
        if hit.tokens <= space:
            lost.append(hit)
            space -= hit.tokens
    return lost


def _load(references: Sequence[Hit], lost: Sequence[Hit], tick: int) -> tuple[Frame, ...]:
    """Frames for the references that do not stand in the window, or not any more.

    The best page stands last, next to the question: small models read the end of a prompt best.
    """
    return tuple(_frame(hit, tick) for hit in reversed(references) if not hit.resident or hit in lost)


def _frame(hit: Hit, tick: int) -> Frame:
    # What a fault quotes of a tool's call or result is text: it belongs to no group of messages.
    return Frame(hit.page, hit.tokens, tick, tick, 1, fault=True, span=hit.span)
