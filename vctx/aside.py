"""Calls of a model that nobody waits for, each in a thread of its own, one call at a time.

Who talks with the model comes first: a model on this machine is left at its next token, and asked again
later. One that is asked over the network (`AsyncModel`) is asked beside. Nothing here reads or writes the
disk: what was made waits until somebody takes it, and what was not made when the session ends is not missed.
"""

import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock

from vctx.beside import beside
from vctx.errors import ModelError
from vctx.ports import AsyncModel, Model
from vctx.types import Message, Reply

PATIENCE = 5.0
"""Seconds that `close` waits for a call that it cannot end."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be asked. `page` names it: no two jobs of one page are under way."""

    page: int
    messages: tuple[Message, ...]
    cap: int
    """Tokens that the answer may have; one more is asked for, so that what is too long is seen."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job: a reply, or why there is none."""

    job: Job
    reply: Reply | None
    why: str = ""


class Aside:
    """Jobs for a model; without one, none is done."""

    def __init__(self, model: Model | None = None) -> None:
        self.model = model
        self._beside = isinstance(model, AsyncModel)
        self._waiting: dict[int, Job] = {}
        self._running: tuple[Job, Future[Reply | None]] | None = None
        self._done: list[Done] = []
        self._first = 0
        self._closing = False
        self._guard = Lock()
        self._process = os.getpid()

    def ask(self, jobs: Sequence[Job]) -> None:
        """These, and no others, are to be done; what is under way or done already is not begun again."""
        with self._guard:
            begun = {done.job.page for done in self._done}
            begun |= {self._running[0].page} if self._running else set()
            self._waiting = {job.page: job for job in jobs if job.page not in begun}
        self._go()

    @property
    def ready(self) -> bool:
        """Whether anything was made that nobody has taken yet."""
        return bool(self._done)

    def take(self) -> list[Done]:
        """What was made since the last call."""
        with self._guard:
            done, self._done = self._done, []
        return done

    @contextmanager
    def stand_aside(self) -> Iterator[None]:
        """Inside, the model is the caller's: waits for one token of a call that is under way at most."""
        if self.model is None or self._beside or self._process != os.getpid():
            yield  # a fork has no thread that could be waited for
            return
        with self._guard:
            self._first += 1
            running = self._running
        try:
            if running:
                wait([running[1]])
            yield
        finally:
            with self._guard:
                self._first -= 1
            self._go()

    def close(self) -> None:
        """Ends what is under way, if it can be ended. May be called again."""
        with self._guard:
            self._closing = True
            self._waiting.clear()
            running = self._running
        if running and self._process == os.getpid():
            wait([running[1]], PATIENCE)

    def settle(self) -> None:
        """Waits until all that was asked is done."""
        while running := self._running:
            wait([running[1]])

    def _go(self) -> None:
        """Begins the next job, if nobody comes first."""
        with self._guard:
            if self._running or self._first or self._closing or self.model is None or not self._waiting:
                return
            job = self._waiting.pop(next(iter(self._waiting)))
            with suppress(RuntimeError):  # no thread is started once the interpreter is ending
                work = partial(self._called, self.model, job)
                self._running = job, beside(work, "vctx-aside", daemon=self._beside)
            running = self._running
        if running:
            running[1].add_done_callback(partial(self._ended, job))

    def _called(self, model: Model, job: Job) -> Reply | None:
        """In the thread: the reply; None where somebody came first."""
        if self._beside:
            return model.complete(job.messages, max_tokens=job.cap + 1)
        pieces = model.stream(job.messages, max_tokens=job.cap + 1)
        try:
            for piece in pieces:
                if isinstance(piece, Reply):
                    return piece
                if self._first or self._closing:
                    return None
        finally:
            if isinstance(pieces, Generator):
                pieces.close()
        raise ModelError(f"the stream of {model.name} ended without a Reply")

    def _ended(self, job: Job, future: "Future[Reply | None]") -> None:
        """In the thread, once the future has its result: what the model raised is kept with it."""
        with self._guard:
            self._running = None
            if error := future.exception():
                self._done.append(Done(job, None, f"{type(error).__name__}: {error}"))
            elif reply := future.result():
                self._done.append(Done(job, reply))
            else:
                self._waiting = {job.page: job, **self._waiting}
        self._go()
