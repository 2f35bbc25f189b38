"""A digest that is made ahead of the flush that will want it, by a thread, while the user thinks.

Only of a model that is asked over the network: one on this machine would give up what it has read of the
conversation for it. Nothing here reads or writes the disk.
"""

from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from vctx.beside import beside
from vctx.digest import Digest
from vctx.ports import AsyncModel, Model
from vctx.types import Reply


@dataclass(frozen=True, slots=True)
class Draft:
    """A digest under way, of another and of these pages."""

    after: tuple[int, int | None]
    """The branch, and the page of the digest before it."""
    pages: tuple[int, ...]
    digest: "Future[Digest]"

    def serves(self, after: tuple[int, int | None], due: Collection[int]) -> bool:
        """Whether it tells of all that is due, after that digest."""
        return self.after == after and set(due) <= set(self.pages)

    @property
    def replies(self) -> tuple[Reply, ...]:
        """What the model has said for it so far."""
        there = self.digest.done() and not self.digest.cancelled() and not self.digest.exception()
        return self.digest.result().replies if there else ()


class Drafting:
    """At most one draft."""

    def __init__(self, model: Model | None = None) -> None:
        self.model = model if isinstance(model, AsyncModel) else None
        self.draft: Draft | None = None

    def begin(
        self, after: tuple[int, int | None], pages: tuple[int, ...], make: Callable[[], Digest]
    ) -> None:
        """Has a digest made; what was under way is left."""
        with suppress(RuntimeError):  # no thread is started once the interpreter is ending
            self.draft = Draft(after, pages, beside(make, "vctx-digest", daemon=True))

    def take(self) -> Draft | None:
        """The draft, which is nobody else's then."""
        draft, self.draft = self.draft, None
        return draft
