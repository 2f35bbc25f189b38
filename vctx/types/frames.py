"""What stands in the window, and what it may cost."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from vctx.types.pages import Slot, Span
from vctx.types.quick import quick


class Form(StrEnum):
    """How a page stands in the window."""

    FULL = "full"
    """The whole text, or the whole span."""
    CUT = "cut"
    """Head, handle and tail of a message that is larger than the room."""
    GIST = "gist"
    """The words that tell most, behind its mark."""
    HANDLE = "handle"
    """One line: its mark, and a few words."""


# A member of an enumeration takes longer to look up than all else in the property that asks for it.
_FULL, _GIST, _HANDLE = Form.FULL, Form.GIST, Form.HANDLE


@quick
@dataclass(frozen=True, slots=True)
class Frame:
    """A page in the window, without its text."""

    page: int
    tokens: int
    """What it adds to the prompt, its mark included; a fault's message is counted once, as `wrapper`."""
    arrived: int
    """The tick that brought it in."""
    referenced: int
    """The tick of its last reference."""
    references: int = 0
    fault: bool = False
    """Brought in by a fault (else: appended)."""
    span: Span | None = None
    """The part of the page that stands here; None for the whole page."""
    form: Form = Form.FULL
    keep: int = 0
    """Characters kept: at either end when the form is CUT, in all when it is GIST or HANDLE."""
    group: int | None = None
    pinned: bool = False
    gist: int = 0
    """The page that holds its gist, where a model has made it."""

    @property
    def brief(self) -> bool:
        """Whether it stands in a shorter form."""
        return self.form is not _FULL and (self.form is _GIST or self.form is _HANDLE)

    @property
    def slot(self) -> Slot:
        """What names this frame: no two frames of a window have the same."""
        return self.page, self.span

    def touched(self, tick: int, times: int = 1) -> "Frame":
        """The frame after so many more references, the last at `tick`."""
        # In full, for `dataclasses.replace` takes thrice as long, and a flush calls this for each reference.
        return Frame(
            self.page,
            self.tokens,
            self.arrived,
            tick,
            self.references + times,
            self.fault,
            self.span,
            self.form,
            self.keep,
            self.group,
            self.pinned,
            self.gist,
        )


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of the window. `tokens` are an estimate; the whole prompt, once counted, is exact."""

    name: Literal["fixed", "digest", "message", "fault", "free"]
    tokens: int
    frame: Frame | None = None
    """What stands there, of a message or a page that a fault brought in."""
    age: int = 0
    """Ticks since it arrived."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The model's window and its shares, in tokens of the target model."""

    window: int
    reserve: int
    """Kept free for the reply."""
    high: float = 1.0
    """A flush begins when the prompt would exceed this share of the room..."""
    low: float = 0.5
    """...and evicts until it is within this share."""
    warn: float = 0.7
    """A model that manages its memory is warned once when the prompt exceeds this share."""
    fault: float = 0.4
    """The largest share of the room that one fault may load."""

    @property
    def room(self) -> int:
        """Tokens that a prompt may take."""
        return self.window - self.reserve

    @property
    def share(self) -> int:
        """Tokens that one fault may take."""
        return int(self.fault * self.room)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a provider asks for a prompt. `read` and `write` are shares of `input`."""

    name: str
    input: float
    """A million tokens, in `unit`, that no cache serves."""
    read: float
    """A token that the prefix cache serves."""
    write: float = 1.0
    """A token that the cache does not serve, and keeps."""
    minimum: int = 0
    """Tokens of the shortest prefix that is kept."""
    step: int = 1
    """A prefix is served in multiples of so many tokens."""
    lifetime: float = math.inf
    """Seconds after its last use at which a prefix is forgotten."""
    unit: str = "$"
    """Of money; "s" for seconds of a local model's prefill."""
    output: float | None = None
    """A million tokens of replies; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Block:
    """A memory block: a text that always stands in the prompt, and that the model may write."""

    name: str
    text: str = ""
    limit: int = 2000
    """Characters that it may hold; MemGPT's default."""
    page: int | None = None
    """The page that holds this version; None until it is first written."""
