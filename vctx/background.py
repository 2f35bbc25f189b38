"""The backlog with a thread: what is appended is embedded while the caller goes on.

One worker, started by the first page, takes a small batch at a time, on a disk of its own. Whoever asks for
an answer comes first: the worker finishes its batch and stands aside. What goes wrong in it is raised by
the next `embed` or `close`, and until then it rests. It never keeps the interpreter from ending: what it
has not embedded then, waits on disk for the next session.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from vctx.backlog import Backlog, Count, advance_by
from vctx.ports import Disk, Embedder, Progress, silent, unseen
from vctx.threads import aside

if TYPE_CHECKING:
    from vctx.ports import Vectors

SMALL = 64
"""Pages of a batch: who asks for an answer waits for one at most."""


class Turns:
    """An embedder that several sessions share: their threads take turns."""

    def __init__(self, embedder: Embedder) -> None:
        self.name = embedder.name
        self.dim = embedder.dim
        self.limit = embedder.limit
        self.spans = embedder.spans
        self._embed = embedder.embed
        self._turn = Lock()

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """float32 (n, dim), as the embedder's."""
        with self._turn:
            return self._embed(texts)


class Background(Backlog):
    """`aside` opens another disk on the same session, for the worker alone."""

    def __init__(
        self, disk: Disk, embedder: Embedder, progress: Progress = silent, *, aside: Callable[[], Disk]
    ) -> None:
        super().__init__(disk, embedder, progress)
        self._aside = aside
        self._own: Disk | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._batches: deque[Future[None]] = deque()
        self._queued = self._asked = self._closing = False
        self._guard = Lock()
        self._turn = Lock()
        self._process = os.getpid()

    def wake(self) -> None:
        """Tells the worker of pages that wait; costs microseconds."""
        if self._process != os.getpid():
            return  # a fork has no worker, and may not use the disk
        with self._guard:
            while self._batches and self._batches[0].done() and not self._batches[0].exception():
                self._batches.popleft()
            failed = bool(self._batches) and self._batches[0].done()
            if not (self._queued or failed or self._closing):
                self._pool = self._pool or ThreadPoolExecutor(1, "vctx-embed")
                self._queued = True
                self._batches.append(self._pool.submit(self._batch))

    def embed(self, bound: int | None = None, count: Count | None = None) -> int:
        """As `Backlog.embed`, before the worker's next batch; first raises what went wrong in it."""
        if self._process != os.getpid():
            return super().embed(bound, count)  # the disk says what is wrong
        with self._first():
            self._surface()
            left = super().embed(bound, count)
        if left:
            self.wake()
        return left

    def vectors(self, texts: Sequence[str]) -> "Vectors":
        """As `Backlog.vectors`, before the worker's next batch."""
        with self._first():
            return super().vectors(texts)

    def close(self, *, drain: bool = True) -> None:
        """As `Backlog.close`: once it returns, there is no thread. May be called again."""
        if self._pool is None or self._process != os.getpid():
            return
        try:
            if drain:
                self.embed()
        finally:
            self._closing = True
            self._pool.shutdown(cancel_futures=True)
            if self._own is not None:
                self._own.close()
            self._pool = self._own = None
        if drain:
            self._surface()

    @contextmanager
    def _first(self) -> Iterator[None]:
        self._asked = True
        try:
            with self._turn:
                yield
        finally:
            self._asked = False

    def _batch(self) -> None:
        """One batch, and the next if pages are left. In the worker's thread."""
        self._queued = False
        if self._asked or self._closing:
            return  # who asks embeds what waits, and wakes us for the rest
        with self._turn, aside():
            if self._own is None:
                self._own = self._aside()
            done = advance_by(self._own, self._embedder, SMALL, unseen)
        if done == SMALL:
            # No new work is taken once the interpreter is ending.
            with suppress(RuntimeError):
                self.wake()

    def _surface(self) -> None:
        while batch := self._finished():
            if not batch.cancelled():
                batch.result()

    def _finished(self) -> Future[None] | None:
        with self._guard:
            there = self._batches and self._batches[0].done()
            return self._batches.popleft() if there else None
