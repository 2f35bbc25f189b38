"""Drives a turn: does what it asks for, in this thread or on asyncio's loop, and passes on what is said.

Both drivers are the same few lines: perform a request, send its result, until the Answer. The async one
runs the turn itself, which reads and writes the disk, in a thread, and a model that cannot be awaited, too.
What ends a turn early (an error, a closed stream, a cancelled task) closes it: it leaves the session whole.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, closing, suppress
from threading import Lock
from typing import Any, Generic, Self, TypeVar

from vctx.errors import InputError, ModelError
from vctx.ports import AsyncModel, Model, Tool
from vctx.turn import ModelCall, Request, Say, ToolRun, Turn
from vctx.types import Answer, Outcome, Reply

T = TypeVar("T")
Ask = Callable[[ModelCall], Iterator[str | Reply]]
"""Asks a model: pieces of its reply, if they are wanted, and the Reply last."""
Watch = Callable[[Request], object]
"""Hears what a turn is about to do: to ask the model, with the pages that it was given; to run a tool."""


def run(turn: Turn, model: Model) -> Answer:
    """The answer of a turn; each reply is asked for as a whole."""
    return Stream(turn, lambda call: iter([model.complete(call.messages, max_tokens=call.max_tokens)])).answer


def stream(turn: Turn, model: Model, watch: Watch | None = None) -> "Stream":
    """A turn whose replies come in pieces; `watch` hears of each request before it is done."""
    return Stream(turn, lambda call: model.stream(call.messages, max_tokens=call.max_tokens), watch)


async def arun(turn: Turn, model: Model) -> Answer:
    """See `run`."""
    stream = AsyncStream(turn, model, whole=True)
    async for _ in stream:
        pass
    return stream.answer


class Stream(Iterator[str]):
    """What a model says, piece by piece; once it has ended, `answer` holds the whole.

    Close it, or leave it as a context manager, to end the turn early: what was said then is not kept.
    """

    def __init__(self, turn: Turn, ask: Ask, watch: Watch | None = None) -> None:
        self._spoken = _spoken(turn, ask, watch)
        self._answer: Answer | None = None

    def __next__(self) -> str:
        for piece in self._spoken:
            if isinstance(piece, str):
                return piece
            self._answer = piece
        raise StopIteration

    @property
    def answer(self) -> Answer:
        """The answer; what has not been said yet is awaited first."""
        for _ in self:
            pass
        return _whole(self._answer)

    def close(self) -> None:
        """Ends the turn, if it goes on."""
        self._spoken.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncStream(AsyncIterator[str]):
    """As `Stream`, to be awaited: `async for piece in stream`, then `stream.answer`.

    Close it with `aclose`, or by `async with`, to end the turn early; so does a task that is cancelled.
    """

    def __init__(self, turn: Turn, model: Model, *, whole: bool = False) -> None:
        """With `whole`, a model that can be awaited is asked for whole replies."""
        self._spoken = _aspoken(turn, model, whole)
        self._answer: Answer | None = None

    async def __anext__(self) -> str:
        async for piece in self._spoken:
            if isinstance(piece, str):
                return piece
            self._answer = piece
        raise StopAsyncIteration

    @property
    def answer(self) -> Answer:
        """The answer, once the stream has ended."""
        return _whole(self._answer)

    async def aclose(self) -> None:
        """Ends the turn, if it goes on."""
        await self._spoken.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _spoken(turn: Turn, ask: Ask, watch: Watch | None) -> Generator[str | Answer, None, None]:
    """What is said in a turn, and its Answer last."""
    with closing(turn):
        step = _step(turn.send, None)
        while not isinstance(step, Answer):
            if watch:
                watch(step)
            try:
                result = yield from _performed(step, ask)
            except ModelError as error:
                step = _step(turn.throw, error)
            else:
                step = _step(turn.send, result)
        yield step


def _performed(step: Request, ask: Ask) -> Generator[str, None, Reply | Outcome | None]:
    match step:
        case ModelCall():
            return (yield from _asked(step, ask))
        case ToolRun(call, tool):
            return _awaited(tool, call.arguments) if tool.awaits else tool.run(call.arguments)
        case Say(text):
            yield text
    return None


def _awaited(tool: Tool, arguments: str) -> Outcome:
    """What a coroutine function returns, on a loop of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        outcome: Outcome = asyncio.run(tool.run(arguments))
        return outcome
    raise InputError(f"the tool {tool.name} is to be awaited: use achat or astream where a loop runs")


def _asked(call: ModelCall, ask: Ask) -> Generator[str, None, Reply]:
    """A model's reply, its pieces on the way."""
    pieces = ask(call)
    try:
        for piece in pieces:
            if isinstance(piece, Reply):
                return piece
            if call.aloud:
                yield piece
    finally:
        _close(pieces)
    raise _unfinished()


async def _aspoken(turn: Turn, model: Model, whole: bool) -> AsyncGenerator[str | Answer, None]:
    """As `_spoken`. The turn runs in a thread: it reads and writes the disk."""
    with closing(turn):
        step = await _finished(_step, turn.send, None)
        while not isinstance(step, Answer):
            try:
                result: Reply | Outcome | None = None
                async with aclosing(_aperformed(step, model, whole)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, str):
                            yield piece
                        else:
                            result = piece
            except ModelError as error:
                step = await _finished(_step, turn.throw, error)
            else:
                step = await _finished(_step, turn.send, result)
        yield step


async def _aperformed(
    step: Request, model: Model, whole: bool
) -> AsyncGenerator[str | Reply | Outcome, None]:
    """As `_performed`, the result last."""
    match step:
        case ModelCall():
            async with aclosing(_aasked(step, model, whole)) as pieces:
                async for piece in pieces:
                    if step.aloud or isinstance(piece, Reply):
                        yield piece
        case ToolRun(call, tool):
            made = tool.run(call.arguments) if tool.awaits else asyncio.to_thread(tool.run, call.arguments)
            yield await made
        case Say(text):
            yield text


async def _aasked(call: ModelCall, model: Model, whole: bool) -> AsyncGenerator[str | Reply, None]:
    """A model's reply in pieces, and the Reply last; from a thread, where the model cannot be awaited."""
    pieces: AsyncIterator[str | Reply]
    if not isinstance(model, AsyncModel):
        pieces = _threaded(lambda: model.stream(call.messages, max_tokens=call.max_tokens))
    elif whole:
        yield await model.acomplete(call.messages, max_tokens=call.max_tokens)
        return
    else:
        pieces = model.astream(call.messages, max_tokens=call.max_tokens)
    try:
        async for piece in pieces:
            yield piece
            if isinstance(piece, Reply):
                return
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
    raise _unfinished()


async def _threaded(start: Callable[[], Iterator[T]]) -> AsyncGenerator[T, None]:
    """An iterator whose steps block, each in a thread."""
    blocking = _Blocking(start)
    try:
        while (piece := await asyncio.to_thread(blocking.step)) is not None:
            yield piece
    finally:
        blocking.close()


class _Blocking(Generic[T]):
    """An iterator that a thread advances; closed meanwhile, it ends as soon as the step is done."""

    def __init__(self, start: Callable[[], Iterator[T]]) -> None:
        self._start = start
        self._pieces: Iterator[T] | None = None
        self._guard = Lock()
        self._busy = self._closed = False

    def step(self) -> T | None:
        """The next piece; None at the end."""
        with self._guard:
            if self._closed:
                return None
            self._busy = True
        try:
            self._pieces = self._pieces or self._start()
            return next(self._pieces, None)
        finally:
            with self._guard:
                self._busy = False
                if self._closed and self._pieces is not None:
                    _close(self._pieces)

    def close(self) -> None:
        with self._guard:
            self._closed = True
            if not self._busy and self._pieces is not None:
                _close(self._pieces)


async def _finished(function: Callable[..., T], *args: Any) -> T:
    """The result of a function in a thread. It is waited for even if the task is cancelled meanwhile."""
    going = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(going)
    except asyncio.CancelledError:
        while not going.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([going])
        raise


def _step(resume: Callable[[Any], Request], value: Any) -> Request | Answer:
    """The turn's next request, or its answer."""
    try:
        return resume(value)
    except StopIteration as stop:
        answer: Answer = stop.value
        return answer


def _close(pieces: Iterator[Any]) -> None:
    if isinstance(pieces, Generator):
        pieces.close()


def _unfinished() -> ModelError:
    return ModelError("the model's stream ended without a Reply: what it yields last is the whole of it")


def _whole(answer: Answer | None) -> Answer:
    if answer is None:
        raise InputError("the turn has not ended: read the stream to its end first")
    return answer
