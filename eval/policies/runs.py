"""What came of a policy on a trace: its steps, its prompts, what was found, and the sums. No decision.

A prompt is accounted for as a prefix cache sees it: how much of its beginning stood so in the one before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vctx.types import Frame, Slot

THRASH = 8
"""Calls within which a page that comes back has left too early: so many cached reads cost less."""


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


class Account:
    """Keeps a run, event by event."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._sent = 0
        """Tokens of the last prompt..."""
        self._same = 0
        """...of which so many, from its beginning, stand unchanged."""
        self._gone: dict[int, int] = {}
        """The call after which a page left."""

    def referred(self, references: int, faults: int, tokens: int) -> None:
        """A recall referred to so many pages; those that did not stand take these tokens."""
        self.run.references += references
        self.run.faults += faults
        self.run.fault_tokens += tokens

    def came(self, frames: Iterable[Frame]) -> None:
        """Frames joined the window's end."""
        recent = len(self.run.prompts) - THRASH
        left = [self._gone.get(frame.page, recent) for frame in frames if frame.fault]
        self.run.thrashed += sum([call > recent for call in left])

    def left(self, slots: Iterable[Slot]) -> None:
        """Frames left in one flush."""
        calls = len(self.run.prompts)
        pages = [page for page, _ in slots]
        self.run.flushes += 1
        self.run.evicted += len(pages)
        self._gone |= dict.fromkeys(pages, calls)

    def changed(self, place: int) -> None:
        """What stands behind the first `place` tokens of the prompt is not what was sent."""
        self._same = min(self._same, place)

    def sent(self, at: float, tokens: int) -> None:
        """The model read a prompt."""
        self.run.prompts.append(Prompt(at, tokens, min(self._same, self._sent, tokens)))
        self._sent = self._same = tokens

    def step(self, tick: int, evict: tuple[Slot, ...], load: Sequence[Frame], tokens: int) -> None:
        """A decision was carried out."""
        if evict or load:
            self.run.steps.append(
                Step(tick, evict, tuple([(frame.page, frame.span) for frame in load]), tokens)
            )
