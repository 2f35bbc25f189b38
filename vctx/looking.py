"""A session as it is looked at: what is said, stands and happened in it. Nothing here changes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from vctx import explain, formats, thrash, usage
from vctx.errors import InputError
from vctx.ports import Disk
from vctx.types import (
    Block,
    Branch,
    Change,
    Entry,
    Event,
    Frame,
    Message,
    Page,
    Prices,
    Region,
    Stats,
    Thrash,
    Usage,
)
from vctx.window import Window


class Looking:
    """What can be asked of a disk and the window on it."""

    def __init__(self, disk: Disk, window: Window, prices: Prices | None) -> None:
        self._disk = disk
        self._window = window
        self._prices = prices

    # -- what stands in the prompt

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The window's frames, in order of arrival."""
        return self._window.frames

    def regions(self) -> tuple[Region, ...]:
        """The window as stretches in the order of the prompt, what is free last: a look as `seen`."""
        return self._window.regions()

    def seen(self) -> tuple[list[Message], int]:
        """The window as messages, for people, and how many messages wait to be summarised.

        A look: no model is called, nothing is decided. In a session that was opened with a smaller window
        than it was held to, it shows what would be left. Raises BudgetError where nothing could be.
        """
        return self._window.seen()

    def tokens(self, messages: Sequence[Message] | Sequence[Mapping[str, Any]]) -> int:
        """Tokens of a prompt, counted as the budget counts: template, tools and the reply's opening too."""
        parsed = formats.parse(messages)
        given = parsed[:1] and parsed[0].role == "tools"
        return self._window.scale.prompt(parsed if given else [*self._window.scale.tools, *parsed])

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The memory blocks as they were last written."""
        return tuple(self._window.blocks())

    def block(self, name: str) -> Block:
        """A memory block. Raises InputError where there is none of that name."""
        known = {block.name: block for block in self.blocks}
        if name not in known:
            raise InputError(f"no block is called {name!r}; there are: {', '.join(known) or 'none'}")
        return known[name]

    # -- reasons

    def why(self, page: int) -> tuple[Event, ...]:
        """All that happened to a page in the window, oldest first: which query and signals, or for whom."""
        return explain.why(page, self.log(), self.branch)

    def at(self, tick: int) -> tuple[Event, ...]:
        """What stood in the window after a tick of the log: for each frame, in order, what made it so."""
        return explain.window(tick, self.log(), self.branch)

    def diff(self, before: int, after: int) -> Change:
        """How the window at tick `after` differs from that at `before`."""
        return explain.change(before, after, self.log(), self.branch)

    def thrash(self) -> Thrash:
        """Whether the same pages have lately gone out and come in again, and what would cure it."""
        ledger = self._window.ledger
        return thrash.thrash(self._disk.entries(ledger.state.tick - thrash.TICKS), ledger.branch)

    # -- what is on disk

    @property
    def branch(self) -> int:
        """The branch that goes on here."""
        return self._window.ledger.branch

    def branches(self) -> list[Branch]:
        """The trunk and every fork."""
        return self._window.ledger.branches()

    def pages(self, ids: Sequence[int]) -> list[Page]:
        """Pages by id, in the order asked."""
        return self._disk.get(ids)

    def history(self, last: int | None = None) -> list[Page]:
        """The conversation, or its last messages, resident or not."""
        return self._disk.pages(kind="message", last=last, branch=self.branch)

    def log(self) -> list[Entry]:
        """The journal: every paging decision with its request, plan and outcome."""
        return self._disk.entries()

    def usage(self, since: int = -1) -> Usage:
        """What the model's calls took, on all branches: tokens as they were reported, and their cost.

        Of the calls after the tick `since`.
        """
        return usage.usage(self._disk.entries(since), self._prices)

    def stats(self) -> Stats:
        """What stands on disk."""
        return self._disk.stats()
