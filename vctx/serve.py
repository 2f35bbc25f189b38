"""Turns, one after another: as the user speaks, as events happen, as timers fall due.

`serve` says what to wait for and which turn to take; it neither waits nor drives. The two loops below do, on
a queue of the standard library or of asyncio. What an inbox holds: a str, which the user says; a Happening,
which nobody said; None, the end.
"""

import asyncio
import queue
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from vctx import drive
from vctx.exchange import Exchange
from vctx.ports import Model
from vctx.turn import Loop, Turn, chat, event
from vctx.types import Answer, Happening, Timer

Item = str | Happening | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Waits for what happens, at most `seconds` (None: as long as it takes); a list of that is awaited."""

    seconds: float | None


Turns = Generator[Wait | Turn, Sequence[Item] | None, None]


def serve(session: Exchange, loop: Loop, timers: Sequence[Timer]) -> Turns:
    """What to wait for, and the turns to take; ends at a None."""
    due = {timer: session.now() + timer.every for timer in timers}
    while True:
        soonest = min(due.values(), default=None)
        left = None if soonest is None else max(0.0, (soonest - session.now()).total_seconds())
        for item in (yield Wait(left)) or ():
            if item is None:
                return
            yield chat(session, loop, item) if isinstance(item, str) else event(session, loop, item.text)
        for timer in [timer for timer, at in due.items() if at <= session.now()]:
            due[timer] = session.now() + timer.every
            yield event(session, loop, timer.text)


def run(turns: Turns, model: Model, inbox: "queue.Queue[Item]") -> Iterator[Answer]:
    """The answer of each turn. Raises ModelError: what had happened is on disk, and may be served anew."""
    happened: list[Item] | None = None
    while (step := _next(turns, happened)) is not None:
        happened = []
        if not isinstance(step, Wait):
            yield drive.run(step, model)
            continue
        with suppress(queue.Empty):  # a timer is due
            happened = [inbox.get(timeout=step.seconds)]


async def arun(turns: Turns, model: Model, inbox: "asyncio.Queue[Item]") -> AsyncIterator[Answer]:
    """See `run`."""
    happened: list[Item] | None = None
    while (step := _next(turns, happened)) is not None:
        happened = []
        if not isinstance(step, Wait):
            yield await drive.arun(step, model)
            continue
        with suppress(TimeoutError):  # a timer is due
            happened = [await asyncio.wait_for(inbox.get(), step.seconds)]


def _next(turns: Turns, happened: Sequence[Item] | None) -> Wait | Turn | None:
    """What to do next; None at the end."""
    try:
        return turns.send(happened)
    except StopIteration:
        return None
