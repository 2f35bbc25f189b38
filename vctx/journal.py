"""Account: the window as a fold over the journal. Pure; the only place where frames change."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from vctx.types import Entry, Form, Frame, Hit


@dataclass(frozen=True, slots=True)
class State:
    """What stands in the window after `tick` (-1: nothing has happened yet)."""

    tick: int = -1
    frames: tuple[Frame, ...] = ()
    digest: int | None = None
    """The page that holds the recursive summary."""
    unfolded: tuple[int, ...] = ()
    """Messages that left the window and wait for the digest, oldest first."""

    @property
    def has_digest(self) -> bool:
        """Whether a digest stands or is due, so that its tokens are reserved."""
        return self.digest is not None or bool(self.unfolded)

    def resident(self, page: int) -> list[Frame]:
        """The frames in which a page stands."""
        return [frame for frame in self.frames if frame.page == page]

    def holds(self, hit: Hit) -> bool:
        """Whether what the hit would load stands in the window already."""
        return any(
            frame.span == hit.span if frame.span else frame.form is Form.FULL
            for frame in self.resident(hit.page)
        )


def apply(state: State, entry: Entry) -> State:
    """The state after one more entry, whose tick must be the next."""
    if entry.tick != state.tick + 1:
        raise ValueError(f"entry {entry.tick} does not follow tick {state.tick}")
    state = replace(state, tick=entry.tick, frames=_frames(state.frames, entry))
    if entry.plan.fold is not None:
        state = replace(state, unfolded=entry.plan.fold.pages)
    if entry.cause == "fold":
        state = replace(state, unfolded=(), digest=entry.outcome["page"])
    return state


def replay(entries: Iterable[Entry], state: State = State()) -> State:
    """Folds a journal, from the beginning or from a state that is known."""
    for entry in entries:
        state = apply(state, entry)
    return state


def signals(hit: Hit) -> dict[str, Any]:
    """A hit as the journal keeps it: what ranked it, to four digits."""
    numbers = {"score": hit.score, "dense": hit.dense, "lexical": hit.lexical}
    rounded = {name: None if value is None else round(value, 4) for name, value in numbers.items()}
    return {"page": hit.page, "span": hit.span, "tokens": hit.tokens, "resident": hit.resident, **rounded}


def _frames(frames: tuple[Frame, ...], entry: Entry) -> tuple[Frame, ...]:
    plan = entry.plan
    # What is loaded takes the place of the same page, or part of one, in another form.
    gone = {(frame.page, frame.span) for frame in plan.load}
    stay = [f for f in frames if f.page not in plan.evict and (f.page, f.span) not in gone]
    return (*(_touch(frame, entry) for frame in stay), *plan.load)


def _touch(frame: Frame, entry: Entry) -> Frame:
    if frame.page in entry.plan.touch:
        return replace(frame, referenced=entry.tick, references=frame.references + 1)
    if entry.cause in ("pin", "unpin") and frame.page == entry.request["page"]:
        return replace(frame, pinned=entry.cause == "pin")
    return frame
