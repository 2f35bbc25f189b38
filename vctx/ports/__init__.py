"""The seams: small Protocols, each with a fake that ships in `vctx.fakes`, or its null object here.

What computes stands in `models`, what lasts in `disks`; here, what decides, and what is passed in.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from vctx.ports.disks import Disk, Folder, Report, Shelf
from vctx.ports.models import AsyncModel, Embedder, Learner, Lesson, Model, Tokenizer, Tool, last, whole
from vctx.types import Flush

if TYPE_CHECKING:
    from vctx.ports.models import Vectors as Vectors

__all__ = [
    "Advance",
    "AsyncModel",
    "Clock",
    "Disk",
    "Embedder",
    "Folder",
    "Learner",
    "Lesson",
    "Model",
    "Policy",
    "Progress",
    "Report",
    "Shelf",
    "Tokenizer",
    "Tool",
    "last",
    "now",
    "silent",
    "unseen",
    "whole",
]


class Policy(Protocol):
    """Who leaves the window first. Size, time and randomness are not its business.

    What it remembers is a fold of the journal: the calls before `choose` tell it what happened, in order,
    live, when a session is opened, and in a simulation alike. `choose` changes nothing.
    """

    @property
    def name(self) -> str: ...

    @property
    def eager(self) -> bool:
        """Whether it is asked before each call, too, where nothing must leave, once prices are known."""
        ...

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        """A page joined the window's end: by a fault, which is a reference, or because it was said."""
        ...

    def touched(self, page: int, tick: int) -> None:
        """A page was referenced while it stood in the window."""
        ...

    def left(self, pages: Sequence[int], tick: int) -> None:
        """These pages left in one flush."""
        ...

    def sent(self, tick: int) -> None:
        """The model has read the window."""
        ...

    def forgot(self, pages: Collection[int]) -> None:
        """These pages are gone for good."""
        ...

    def choose(self, flush: Flush) -> tuple[Sequence[int], int]:
        """The units in the order in which they leave, all of them by index, and the tokens to free.

        Units leave until so many tokens are free, `flush.need` at least.
        """
        ...


Clock = Callable[[], datetime]
"""The present, in UTC."""


def now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class Advance(Protocol):
    """Says that `n` more are done, and what else was done with them, by name: `advance(128, tokens=9310)`."""

    def __call__(self, n: int, /, **told: int) -> object: ...


class Progress(Protocol):
    """Shows how far long work has come: a context manager that yields `advance(n, **told)`.

    What is told beside the number done is how much of something else, by its name: tokens, vectors.
    """

    def __call__(self, label: str, total: int) -> AbstractContextManager[Advance]: ...


@contextmanager
def silent(label: str, total: int) -> Iterator[Advance]:
    """Progress that shows nothing."""
    yield unseen


def unseen(n: int, /, **told: int) -> None:
    """An `Advance` that shows nothing."""
