"""Why the window is what it is: the journal, read for one page, one tick, or the way between two. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from vctx import journal
from vctx.journal import State
from vctx.types import Change, Entry, Event, Frame, Slot


def why(page: int, entries: Sequence[Entry], branch: int) -> tuple[Event, ...]:
    """All that happened to a page in the window of a branch, oldest first."""
    empty = journal.beginning(entries, branch)
    return tuple(event for event, _ in _history(entries, empty) if event.page == page)


def window(tick: int, entries: Sequence[Entry], branch: int) -> tuple[Event, ...]:
    """What stood in the window of a branch after a tick: for each frame, in order, what made it so."""
    return tuple(_stood(tick, entries, branch).values())


def change(before: int, after: int, entries: Sequence[Entry], branch: int) -> Change:
    """How the window of a branch at tick `after` differs from that at `before`."""
    old, new = _stood(before, entries, branch), _stood(after, entries, branch)
    history = _history(_upto(after, entries), journal.beginning(entries, branch))
    exits = {(event.page, span): event for event, span in history if event.frame is None}
    return Change(
        joined=tuple(event for slot, event in new.items() if slot not in old),
        left=tuple(exits.get(slot, event) for slot, event in old.items() if slot not in new),
        recut=tuple(event for slot, event in new.items() if slot in old and _form(event) != _form(old[slot])),
    )


def _stood(tick: int, entries: Sequence[Entry], branch: int) -> dict[Slot, Event]:
    upto, empty = _upto(tick, entries), journal.beginning(entries, branch)
    came = {event.frame.slot: event for event, _ in _history(upto, empty) if event.frame}
    state = journal.replay(upto, empty)
    return {frame.slot: replace(came[frame.slot], frame=frame) for frame in state.frames}


def _upto(tick: int, entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.tick <= tick]


def _form(event: Event) -> tuple[object, ...]:
    frame = event.frame
    return (frame.form, frame.keep) if frame else ()


Happened = Iterator[tuple[Event, Any]]
"""Events, each with the span of the frame to which it happened (None: the whole page)."""


def _history(entries: Sequence[Entry], state: State) -> Happened:
    for entry in entries:
        if state.counts(entry):
            yield from _events(entry, state)
        state = journal.apply(state, entry)


def _events(entry: Entry, state: State) -> Happened:
    match entry.cause:
        case "append" | "recall" | "fit":
            yield from _planned(entry)
        case "fold":
            for page in entry.request["pages"]:
                yield _event(entry, "summarised", page, others=(entry.outcome["page"],)), ()
        case "pin" | "unpin":
            what: Literal["pinned", "unpinned"] = "pinned" if entry.cause == "pin" else "unpinned"
            yield _event(entry, what, entry.request["page"]), ()
        case "forget":
            gone = frozenset(entry.request["pages"])
            stay = journal.remaining(state.frames, gone)
            for frame in state.frames:
                if frame not in stay:
                    yield _event(entry, "forgotten" if frame.page in gone else "left", frame.page), frame.span


def _planned(entry: Entry) -> Happened:
    plan = entry.plan
    joined = {frame.slot for frame in plan.load}
    left = tuple(dict.fromkeys(page for page, span in plan.evict if (page, span) not in joined))
    for page in plan.touch:
        yield _event(entry, "referenced", page, **_hit(entry, page, None)), ()
    for page, span in plan.evict:
        if (page, span) not in joined:
            came = tuple(dict.fromkeys(frame.page for frame in plan.load))
            yield _event(entry, "left", page, policy=entry.policy, others=came), span
    for frame in plan.load:
        yield _joined(entry, frame, left), frame.span


def _joined(entry: Entry, frame: Frame, left: tuple[int, ...]) -> Event:
    if frame.slot in entry.plan.evict:
        return _event(entry, "recut", frame.page, frame=frame)
    if not frame.fault:
        return _event(entry, "said", frame.page, frame=frame, others=left)
    return _event(
        entry, "paged in", frame.page, frame=frame, others=left, **_hit(entry, frame.page, frame.span)
    )


def _hit(entry: Entry, page: int, span: object) -> dict[str, Any]:
    """What ranked a page when it was recalled."""
    hits: Sequence[Mapping[str, Any]] = entry.outcome.get("hits", ())
    mine = [hit for hit in hits if hit["page"] == page]
    hit = next((h for h in mine if span and h["span"] == list(span)), mine[0] if mine else {})  # type: ignore[call-overload]
    ranked = {"score": hit.get("score"), "signals": hit.get("signals", {}), "via": hit.get("via", "")}
    return {"query": entry.request.get("query", ""), **ranked}


def _event(entry: Entry, what: Any, page: int, **more: Any) -> Event:
    return Event(entry.tick, entry.at, what, page, **more)
