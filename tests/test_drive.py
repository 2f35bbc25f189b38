"""The drivers: pieces on the way, the answer at the end, and a session left whole however a turn ends."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import make

from vctx.errors import InputError, MissingError, ModelError
from vctx.fakes import ScriptedModel
from vctx.turn import ModelCall, Request
from vctx.types import Message, Reply

HELLO = "Hello, I am here."


class Awaited(ScriptedModel):
    """A model that is awaited; it must never be called from a thread."""

    async def acomplete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        return super().complete(messages, max_tokens=max_tokens)

    async def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncIterator[str | Reply]:
        for piece in ScriptedModel([HELLO]).stream(messages, max_tokens=max_tokens):
            await asyncio.sleep(0)
            yield piece

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        raise AssertionError("called from a thread")


class Endless(ScriptedModel):
    """Speaks until it is closed."""

    closed = False

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str | Reply]:
        try:
            while True:
                yield "on and "
        finally:
            self.closed = True


class Mute(ScriptedModel):
    """Ends without a Reply."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str | Reply]:
        yield "Well"


def test_a_stream_gives_the_pieces_and_then_the_answer(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", model=ScriptedModel([HELLO])) as ctx:
        said = ctx.stream("Hi")
        assert list(said) == ["Hello,", " I", " am", " here."]
        assert said.answer.text == HELLO and said.answer.tokens <= said.answer.limit
        assert [page.text for page in ctx.history()] == ["Hi", HELLO]


def test_the_answer_of_a_stream_awaits_its_end(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", model=ScriptedModel([HELLO])) as ctx:
        assert ctx.stream("Hi").answer.text == HELLO


def test_a_stream_that_is_closed_keeps_the_message_and_no_reply(tmp_path: Path) -> None:
    model = Endless()
    with make(tmp_path / "s.db", model=model) as ctx:
        with ctx.stream("Hi") as said:
            assert next(said) == "on and "
        assert model.closed and [page.text for page in ctx.history()] == ["Hi"]
        with pytest.raises(InputError, match="has not ended"):
            _ = said.answer
        ctx.model = ScriptedModel([HELLO])
        assert ctx.chat("Hi").text == HELLO
        assert [page.text for page in ctx.history()] == ["Hi", HELLO]


def test_a_stream_without_an_end_is_the_models_fault(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", model=Mute()) as ctx, pytest.raises(ModelError, match="without a Reply"):
        list(ctx.stream("Hi"))


def test_without_a_model_nothing_is_kept(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        for call in (ctx.stream, ctx.astream):
            with pytest.raises(MissingError, match="no model"):
                call("Hi")
        with pytest.raises(MissingError, match="no model"):
            asyncio.run(ctx.achat("Hi"))
        assert ctx.history() == []


@pytest.mark.parametrize("model", [ScriptedModel([HELLO, HELLO]), Awaited([HELLO, HELLO])], ids=type)
def test_awaited_it_is_the_same(tmp_path: Path, model: ScriptedModel) -> None:
    async def chat() -> None:
        with make(tmp_path / "s.db", model=model) as ctx:
            assert (await ctx.achat("Hi")).text == HELLO
            said = ctx.astream("And?")
            with pytest.raises(InputError, match="has not ended"):
                _ = said.answer
            assert "".join([piece async for piece in said]) == HELLO == said.answer.text
            assert [page.text for page in ctx.history()] == ["Hi", HELLO, "And?", HELLO]

    asyncio.run(chat())


def test_awaited_a_failure_is_the_same(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", model=ScriptedModel([])) as ctx:
        for _ in range(2):
            with pytest.raises(ModelError, match="no more replies"):
                asyncio.run(ctx.achat("hello"))
        assert [page.text for page in ctx.history()] == ["hello"]


def test_a_task_that_is_cancelled_leaves_the_session_whole(tmp_path: Path) -> None:
    model = Endless()

    async def chat() -> None:
        task = asyncio.create_task(ctx.achat("Hi"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with make(tmp_path / "s.db", model=model) as ctx:
        asyncio.run(chat())
        assert model.closed and [page.text for page in ctx.history()] == ["Hi"]
        ctx.model = ScriptedModel([HELLO])
        assert asyncio.run(ctx.achat("Hi")).text == HELLO


def test_a_model_that_blocks_does_not_hold_up_the_loop_nor_a_cancellation(tmp_path: Path) -> None:
    going, free = threading.Event(), threading.Event()

    class Slow(ScriptedModel):
        def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str | Reply]:
            going.set()
            assert free.wait(10)
            return super().stream(messages, max_tokens=max_tokens)

    async def chat() -> None:
        task = asyncio.create_task(ctx.achat("Hi"))
        while not going.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        free.set()

    with make(tmp_path / "s.db", model=Slow([HELLO])) as ctx:
        asyncio.run(chat())
        assert [page.text for page in ctx.history()] == ["Hi"]


def test_an_async_stream_is_closed_early(tmp_path: Path) -> None:
    model = Endless()

    async def chat() -> None:
        async with ctx.astream("Hi") as said:
            async for piece in said:
                assert piece == "on and "
                break

    with make(tmp_path / "s.db", model=model) as ctx:
        asyncio.run(chat())
        assert model.closed and [page.text for page in ctx.history()] == ["Hi"]


def test_several_sessions_at_once(tmp_path: Path) -> None:
    """In threads and on one loop: each has its own answer, in its own file."""

    def model(name: str) -> ScriptedModel:
        return ScriptedModel(lambda messages: f"{name}: {messages[-1].content}")

    def talk(n: int) -> None:
        with make(tmp_path / f"t{n}.db", model=model(f"t{n}")) as ctx:
            for turn in range(5):
                assert ctx.chat(f"turn {turn}").text == f"t{n}: turn {turn}"

    async def chats() -> None:
        contexts = [make(tmp_path / f"a{n}.db", model=model(f"a{n}")) for n in range(4)]
        for turn in range(5):
            answers = await asyncio.gather(*(ctx.achat(f"turn {turn}") for ctx in contexts))
            assert [answer.text for answer in answers] == [f"a{n}: turn {turn}" for n in range(4)]
        for ctx in contexts:
            ctx.close()

    failed: list[object] = []
    threads = [threading.Thread(target=talk, args=(n,)) for n in range(4)]
    hook, threading.excepthook = threading.excepthook, failed.append
    for thread in threads:
        thread.start()
    asyncio.run(chats())
    for thread in threads:
        thread.join()
    threading.excepthook = hook
    assert not failed


def test_a_watch_hears_what_the_model_is_given_before_it_is_asked(tmp_path: Path) -> None:
    heard: list[tuple[int, ...]] = []

    def watch(step: Request) -> None:
        assert isinstance(step, ModelCall)
        heard.append(tuple(hit.page for hit in step.hits))

    model = ScriptedModel(lambda messages: f"{len(heard)} before")
    with make(tmp_path / "s.db", model=model) as ctx:
        ctx.append("user", "My cat is called Miso.")
        with ctx.stream("What is the cat called?", watch=watch) as said:
            assert said.answer.text == "1 before" and heard == [tuple(hit.page for hit in said.answer.hits)]
            assert heard[0][0] == 1
