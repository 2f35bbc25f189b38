"""What a decision depends on, what it decides, and what the journal tells of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from vctx.types.frames import Budget, Frame, Prices
from vctx.types.pages import Slot
from vctx.types.quick import quick
from vctx.types.search import Hit


@quick
@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a decision may depend on."""

    tick: int
    budget: Budget
    fixed: int
    """Tokens of what never leaves: chat template, system text, and the digest's cap once there is one."""
    frames: tuple[Frame, ...]
    arriving: tuple[Frame, ...] = ()
    """Frames of a message that is being appended; one of a slot that is taken takes its place."""
    hits: tuple[Hit, ...] = ()
    """Candidates of a fault, each with its price, in the order in which they are chosen."""
    wrapper: int = 0
    """Tokens that a fault costs beside its pages."""
    ask: int = 0
    """Tokens that this fault may take."""
    floor: float = -math.inf
    """Hits that score below are not worth their price."""
    hold: int = 0
    """Tokens to leave free: for the question that a fault serves, or what an estimate fell short by."""
    cap: int = 0
    """Tokens reserved for a digest if this decision begins one; 0 where none is to be made."""
    first: bool = True
    """No digest stands or is due yet, so that `fixed` does not hold its cap."""
    head: int = 0
    """Tokens of `fixed` that stand before the digest: a message that leaves changes all behind them."""
    prices: Prices | None = None
    warm: int = 0
    """Tokens of the prompt, from its beginning, that the provider's cache, or the model's, still holds."""
    cold: bool = False
    """The cache has expired: the next prompt is written anew, whatever stands in it."""
    read: int = -1
    """The tick at which the model last read the window."""
    briefs: tuple[Frame, ...] = ()
    """Shorter forms that may take the place of messages that leave; none where pages leave as a whole."""


class Unit(NamedTuple):
    """What leaves the window together: one frame, or those of a group. A tuple: a flush makes a thousand."""

    pages: tuple[int, ...]
    tokens: int
    at: int
    """Tokens of the prompt before it: to drop it is to write all anew that stands behind."""
    arrived: int
    """The tick that brought it in, the last of its frames."""
    referenced: int
    """The tick of its last reference, or of its arrival."""
    said: bool = True
    """Not brought in by a fault."""


@quick
@dataclass(frozen=True, slots=True)
class Flush:
    """What a policy chooses from when the window must shrink: what may leave, and how much of it must."""

    tick: int
    units: tuple[Unit, ...]
    """In the order of the prompt; what is pinned, or was said or referenced just now, is not among them."""
    need: int
    """Tokens that must leave, so that all fits; 0 or less where none must, but the cache is cold."""
    aim: int
    """Tokens that leave down to the low mark."""
    room: int = 0
    """Tokens that a prompt may take."""
    tokens: int = 0
    """Tokens of the prompt before anything leaves, what arrives aside."""
    head: int = 0
    """Tokens that stand before the digest; what a message that leaves changes begins there."""
    digest: bool = False
    """Whether a message that leaves changes the digest."""
    prices: Prices | None = None
    warm: int = 0
    """Tokens of the prompt, from its beginning, that the cache still holds; 0 once it is cold."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Messages that leave the window now and are due for the digest, of at most `cap` tokens."""

    pages: tuple[int, ...]
    cap: int


@quick
@dataclass(frozen=True, slots=True)
class Plan:
    """What to change, and the window's tokens once it is carried out."""

    evict: tuple[Slot, ...] = ()
    """Frames that leave."""
    load: tuple[Frame, ...] = ()
    """Frames that join at the window's end, in this order."""
    touch: tuple[int, ...] = ()
    """Pages referenced while resident."""
    fold: Fold | None = None
    tokens: int = 0

    @property
    def evicted(self) -> tuple[int, ...]:
        """The pages of the frames that leave, each once."""
        return tuple(dict.fromkeys(page for page, _ in self.evict))


@quick
@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. Folding all of them gives the window."""

    tick: int
    cause: Literal[
        "append", "recall", "fit", "fold", "gist", "pin", "unpin", "forget", "fork", "switch", "run"
    ]
    at: datetime
    request: Mapping[str, Any] = field(default_factory=dict)
    policy: str = ""
    plan: Plan = Plan()
    outcome: Mapping[str, Any] = field(default_factory=dict)
    branch: int = 0
    """The branch whose window it changes; of a fork, the new one."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of the conversation: it sees its parent's pages up to where it forked, and its own."""

    id: int
    parent: int | None
    at: int
    """The last page that it shares with its parent; 0 for the trunk."""
    current: bool = False
    """Whether the session goes on here when it is opened."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a decision did with a page, and why."""

    tick: int
    at: datetime
    what: Literal[
        "said", "paged in", "referenced", "recut", "left", "summarised", "pinned", "unpinned", "forgotten"
    ]
    page: int
    frame: Frame | None = None
    """As it stands from then on, where it was said, paged in or recut."""
    query: str = ""
    """What was asked, where a fault brought it in or referred to it."""
    score: float | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    """What each signal added to the score."""
    via: str = ""
    policy: str = ""
    """Which policy chose it, where it left."""
    others: tuple[int, ...] = ()
    """Pages that left for it; where it left, those that came; where it was summarised, the summary."""


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between the window at two ticks."""

    joined: tuple[Event, ...] = ()
    left: tuple[Event, ...] = ()
    recut: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Thrash:
    """How many of the newest faults were on pages that had left shortly before."""

    faults: int
    again: int
    pages: tuple[int, ...] = ()
    """Those that came back most often."""
    working: int = 0
    """Tokens of the distinct pages that the newest recalls referred to: the working set."""
    cure: str = ""
    """What is amiss and what would help, with figures; empty where the window does not thrash."""

    def __bool__(self) -> bool:
        return bool(self.cure)
