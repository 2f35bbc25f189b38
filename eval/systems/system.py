"""What a system under test is: it opens a case, and finds pieces for each of its questions."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import vctx
from vctx.eval.case import Ask
from vctx.eval.placing import Item
from vctx.eval.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Found:
    """What a system found for a question.

    A ranking is placed within every budget. A window stands as it is, within its own; `whole` is for all or
    nothing: what is ranked is placed only where all of it fits.
    """

    ranked: tuple[Item[int, str], ...]
    whole: bool = False
    window: int | None = None
    """Tokens of the window in which it stands."""
    prompt: tuple[vctx.Message, ...] | None = None
    """What is sent to a model before the question, where the system says so itself."""
    scores: dict[str, float] = field(default_factory=dict)
    """What else was counted."""


Finder = Callable[[Ask], Found]


class System(Protocol):
    """A memory layer in some configuration."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> dict[str, Any]:
        """What tells it apart from another configuration."""
        ...

    def open(self, shelf: Shelf) -> AbstractContextManager[Finder]:
        """Takes in a case; on leaving, all of it is dropped."""
        ...

    def size(self) -> int:
        """Bytes that the open case takes on disk, beside the session that it is shelved in."""
        ...

    def close(self) -> None:
        """At the end of a run."""
        ...
