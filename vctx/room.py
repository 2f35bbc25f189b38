"""The room of a window: what takes it, and what is left, in the target's tokens as they are counted now.

A frame keeps the tokens that it had when it came. Where a tokenizer learns, frames are weighed anew once its
counts have changed, and so is what never leaves once a memory block was written.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from vctx import layout, render
from vctx.journal import State
from vctx.ledger import Ledger
from vctx.plan import weight
from vctx.ports import Clock
from vctx.scale import Scale
from vctx.standing import Standing
from vctx.types import Budget, Form, Frame, Prices, Region, Slot

LEAST = 32
"""Tokens of the shortest digest that is worth a place in the prompt."""


class Room:
    """Weighs what stands in the window of `ledger` against a budget."""

    def __init__(
        self,
        ledger: Ledger,
        scale: Scale,
        standing: Standing,
        budget: Budget,
        *,
        alternates: bool,
        prices: Prices | None,
        clock: Clock,
    ) -> None:
        self.scale = scale
        self.standing = standing
        self.budget = budget
        self._ledger = ledger
        self._alternates = alternates
        self._prices = prices
        self._clock = clock
        self.weigh()

    def weigh(self) -> None:
        """What never leaves and, where the counts have changed since the frames were made, the frames."""
        self.standing.weigh(self._state)
        # A window that takes turns may need a first one: see `render.EARLIER`.
        self.base = self.standing.tokens + self._alternates * self.scale.message(render.EARLIER)
        mark = self.scale.digest(self.standing.text)
        share = self.budget.room // 8
        self.cap = share if share - mark >= LEAST else 0
        """Tokens kept for a digest, its mark included; 0 where too few would be left for its text."""
        self.summary = self.cap - mark
        """Tokens of a digest's text."""
        frames = self._state.frames if self.scale.learnt else ()
        self._weights = {_shape(frame): self._weight(frame) for frame in frames}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The write lock, with all folded, and weighed, that others have noted."""
        with self._ledger.writing():
            self._reweigh()
            yield

    def catch_up(self) -> None:
        """Folds, and weighs, what other processes have noted."""
        self._ledger.catch_up()
        self._reweigh()

    def weighed(self, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        """Frames with what they cost in the estimate in force."""
        if not self._weights:
            return frames
        return tuple(replace(f, tokens=self._weights.get(_shape(f), f.tokens)) for f in frames)

    # -- what is taken

    @property
    def fixed(self) -> int:
        """Tokens of what never leaves, the digest's cap included once one stands or is due."""
        return self.base + self.cap * self._state.has_digest

    @property
    def taken(self) -> int:
        """Tokens of the prompt, by the sum of its parts."""
        return self.fixed + weight(self.weighed(self._state.frames), self.scale.wrapper())

    @property
    def pressure(self) -> float:
        """The share of the room that is in use."""
        return self.taken / max(self.budget.room, 1)

    @property
    def least(self) -> int:
        """Tokens of what never leaves, and of what is pinned."""
        return self.base + self.cap + self.pinned(self._state)

    def pinned(self, state: State) -> int:
        """Tokens of what is pinned, and of the groups around it."""
        groups = {frame.group for frame in state.frames if frame.pinned} - {None}
        stay = tuple(frame for frame in state.frames if frame.pinned or frame.group in groups)
        return weight(self.weighed(stay), self.scale.wrapper())

    # -- what is left

    @property
    def half(self) -> int:
        """Tokens that pins may take: half of the room, what never leaves included."""
        return self.budget.room // 2 - self.base - self.cap

    def largest(self, group: int | None = None) -> int:
        """Tokens of the largest message that fits beside what never leaves, the group's own pages aside."""
        rest = tuple(f for f in self._state.frames if group is None or f.group != group)
        return self.budget.room - self.base - self.cap - self.pinned(replace(self._state, frames=rest))

    # -- how it lies

    def warm(self, frames: Sequence[Frame]) -> tuple[int, bool]:
        """Tokens of the prompt's beginning that the provider's cache holds; whether it has expired."""
        state = self._state
        if self._prices is None or state.sent is None:
            return 0, False
        if (self._clock() - state.sent).total_seconds() > self._prices.lifetime:
            return 0, True
        if state.unfolded:  # a new digest is due, before all frames
            return self.base, False
        return self.fixed + weight(frames[: state.served], self.scale.wrapper()), False

    def regions(self, digest: str, tick: int) -> tuple[Region, ...]:
        """What takes the room, in the order of the prompt."""
        fixed = self.scale.fixed(self.standing.text)
        return layout.regions(
            self.weighed(self._state.frames),
            fixed=fixed,
            digest=self.scale.fixed(self.standing.text, digest) - fixed,
            wrapper=self.scale.wrapper(),
            room=self.budget.room,
            tick=tick,
        )

    @property
    def _state(self) -> State:
        return self._ledger.state

    def _reweigh(self) -> None:
        if self.standing.weigh(self._state):
            self.weigh()

    def _weight(self, frame: Frame) -> int:
        made = self._ledger.page(frame.gist) if frame.gist else None
        return self.scale.frame(frame, self._ledger.page(frame.page), made)


def _shape(frame: Frame) -> tuple[Slot, int, int, Form, int]:
    """What its tokens depend on."""
    return frame.slot, frame.arrived, frame.keep, frame.form, frame.gist
