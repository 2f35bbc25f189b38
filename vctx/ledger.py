"""The state of one branch's window, and what its policy remembers, kept in step with the journal on disk.

Entries of another process are folded under the write lock before anything is decided; an entry of one's own
once it is durable.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from vctx import journal
from vctx.errors import InputError
from vctx.ports import Clock, Disk, Policy
from vctx.types import Branch, Entry, Frame, Page


class Ledger:
    """Frames, digest and branch as the journal of `disk` tells them; pages by number."""

    def __init__(self, disk: Disk, clock: Clock, policy: Callable[[], Policy]) -> None:
        """`policy` makes one with an empty memory: what it remembers is folded as the frames are."""
        self._disk = disk
        self._clock = clock
        self._new_policy = policy
        self._pages: dict[int, Page] = {}
        self._supposed = False
        self.state = journal.State()
        self.policy: Policy = policy()
        entries = disk.entries()
        self._open(entries, journal.current(entries))

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The resident frames, in order of arrival."""
        return self.state.frames

    @property
    def branch(self) -> int:
        """The branch that goes on here."""
        return self.state.branch

    def page(self, number: int) -> Page:
        """A page; those that were asked for are remembered until `remember` names others."""
        if number not in self._pages:
            [self._pages[number]] = self._disk.get([number])
        return self._pages[number]

    def remember(self, pages: Mapping[int, Page]) -> None:
        """Keeps these pages, and no others."""
        self._pages = dict(pages)

    def unit(self, group: int | None) -> list[Page]:
        """The pages of a group that stand in the window as messages, in order."""
        if group is None:
            return []
        numbers = {frame.page for frame in self.frames if frame.group == group and not frame.fault}
        return [self.page(number) for number in sorted(numbers)]

    def everywhere(self) -> frozenset[int]:
        """The pages that stand in the window of any branch."""
        entries = self._disk.entries()
        return frozenset(
            frame.page for one in journal.branches(entries) for frame in _window(entries, one.id)
        )

    def newest(self) -> Frame | None:
        """The frame of what was said last."""
        return next((frame for frame in reversed(self.frames) if not frame.fault), None)

    def summaries(self) -> list[Page]:
        """The digest and those that it was made from, newest first."""
        chain: list[Page] = []
        number = self.state.digest
        while number is not None:
            chain.append(self.page(number))
            parents = self._disk.get(chain[-1].parents[:1])
            number = parents[0].id if parents and parents[0].kind == "summary" else None
        return chain

    # -- the journal

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The write lock, with all folded that other processes have noted."""
        if self._supposed:
            yield
            return
        with self._disk.transaction():
            self.catch_up()
            yield

    @contextmanager
    def supposing(self) -> Iterator[None]:
        """For a look: what is decided inside is folded, and noted nowhere; afterwards all is as it was."""
        state, policy = self.state, self.policy
        self.policy, self._supposed = copy.deepcopy(policy), True
        try:
            yield
        finally:
            self.state, self.policy, self._supposed = state, policy, False

    def catch_up(self) -> None:
        """Folds what other processes have noted."""
        for entry in () if self._supposed else self._disk.entries(self.state.tick):
            self.apply(entry)

    def put(self, pages: Sequence[Page]) -> list[Page]:
        """Stores pages on this branch. Inside `writing`."""
        return self._disk.put([replace(page, branch=self.branch) for page in pages])

    def note(self, cause: Any, request: Mapping[str, Any], **more: Any) -> Entry:
        """Writes the journal's next line, for this branch unless it says otherwise. Inside `writing`."""
        entry = self.entry(cause, request, **more)
        if not self._supposed:
            self._disk.note(entry)
        return entry

    def entry(self, cause: Any, request: Mapping[str, Any], **more: Any) -> Entry:
        """The journal's next line, not yet written."""
        return Entry(self.state.tick + 1, cause, self._clock(), request, **{"branch": self.branch, **more})

    def apply(self, entry: Entry) -> None:
        """Folds an entry that was noted, once it is durable."""
        before = self.state
        self.state = journal.apply(before, entry)
        journal.tell(self.policy, entry, before, self.state)

    # -- branches

    def fork(self, at: int | None) -> int:
        """Makes a branch that begins after message `at`, or now; a tool's group is kept whole.

        Raises InputError for a page that is no message of this branch.
        """
        with self.writing():
            bound, tick = self._now() if at is None else self._after(at)
            branch = self._disk.fork(self.branch, bound)
            request = {"parent": self.branch, "at": bound, "tick": tick}
            entry = self.note("fork", request, branch=branch)
        self.apply(entry)
        return branch

    def switch(self, branch: int) -> None:
        """Goes on with a branch, now and when the session is opened again. Raises InputError."""
        with self.writing():
            entries = self._disk.entries()
            if branch not in {0, *(entry.branch for entry in entries if entry.cause == "fork")}:
                raise InputError(f"there is no branch {branch}; `branches` lists them")
            entry = self.note("switch", {}, branch=branch)
        self._open([*entries, entry], branch)

    def branches(self) -> list[Branch]:
        """The trunk and every fork."""
        return journal.branches(self._disk.entries())

    def _now(self) -> tuple[int, int]:
        """The last page and the last tick."""
        return max((page.id for page in self._disk.pages(last=1)), default=0), self.state.tick

    def _after(self, at: int) -> tuple[int, int]:
        """The last page and the last tick before what was said next after `at` and its group."""
        page = self._there(at)
        if page is None or page.kind not in ("message", "tool"):
            raise InputError(f"page {at} is no message of branch {self.branch}: fork after one that is")
        for entry in self._disk.entries():
            if entry.cause == "append" and self.state.counts(entry) and entry.request["page"] > at:
                said = self._there(entry.request["page"])
                if said is not None and (page.group is None or said.group != page.group):
                    return said.id - 1, entry.tick - 1
        return self._now()

    def _there(self, number: int) -> Page | None:
        """A page that this branch sees, if it is there."""
        near = self._disk.around([number], branch=self.branch)
        return next((page for page in near if page.id == number), None)

    def _open(self, entries: Sequence[Entry], branch: int) -> None:
        self.policy = self._new_policy()
        self.state = journal.beginning(entries, branch)
        for entry in entries:
            self.apply(entry)


def _window(entries: Sequence[Entry], branch: int) -> tuple[Frame, ...]:
    """The frames of a branch, as its journal tells them."""
    return journal.replay(entries, journal.beginning(entries, branch)).frames
