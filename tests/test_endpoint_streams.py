"""An endpoint's replies in pieces, sync and awaited: assembled, cut off, refused; then a real server."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Proxy, Relay, Scripted, answer, running

import vctx
from vctx import formats
from vctx.errors import CutError, InputError, MissingError, ModelError
from vctx.fakes import HashingEmbedder
from vctx.models.bytes import ByteTokenizer
from vctx.models.endpoint import EndpointModel
from vctx.models.tokens import ChatTokenizer
from vctx.ports import AsyncModel
from vctx.types import Message, Reply, ToolCall

ASK = [Message("user", "What is the capital of France?")]
SEARCH = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
ASK_WITH_TOOLS = [formats.tools([SEARCH]), *ASK]
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 2,
    "total_tokens": 11,
    "prompt_tokens_details": {"cached_tokens": 4},
}
Ask = Callable[..., list[str | Reply]]


@pytest.fixture
def server() -> Iterator[Scripted]:
    yield from running(Scripted)


def model(url: str, **options: Any) -> EndpointModel:
    options = {"retries": 0, "window": 100, "tokenizer": ByteTokenizer(), **options}
    return EndpointModel("m", base_url=url, **options)


def streamed(model: EndpointModel, messages: list[Message]) -> list[str | Reply]:
    return list(model.stream(messages, max_tokens=5))


def awaited(model: EndpointModel, messages: list[Message]) -> list[str | Reply]:
    async def gather() -> list[str | Reply]:
        return [piece async for piece in model.astream(messages, max_tokens=5)]

    return asyncio.run(gather())


both = pytest.mark.parametrize("ask", [streamed, awaited])


def delta(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def called(**call: Any) -> dict[str, Any]:
    function = {name: call.pop(name) for name in ("name", "arguments") if name in call}
    return delta(tool_calls=[{**call, "function": function}])


COUNTED = {"object": "chat.completion.chunk", "choices": [], "usage": USAGE}
TEXT = [
    delta(role="assistant", content=""),
    delta(content="Par"),
    delta(content="is"),
    delta("stop"),
    COUNTED,
]


@both
def test_a_stream_brings_pieces_and_usage(server: Scripted, ask: Ask) -> None:
    server.answer = [*TEXT, "[DONE]"]
    assert ask(model(server.url), ASK) == ["Par", "is", Reply("Paris", 9, 2, 4)]
    _, sent = server.seen
    assert sent["stream"] is True and sent["stream_options"] == {"include_usage": True}
    assert "tools" not in sent and "tool_choice" not in sent


@both
def test_usage_need_not_be_asked_for(server: Scripted, ask: Ask) -> None:
    server.answer = [*TEXT[:-1], "[DONE]"]
    assert ask(model(server.url, usage=False), ASK)[-1] == Reply("Paris")
    assert "stream_options" not in server.seen[1]


CALLS = {
    "openai": [
        called(index=0, id="a", type="function", name="search", arguments=""),
        called(index=0, arguments='{"q": '),
        called(index=0, arguments="1}"),
        called(index=1, id="b", type="function", name="now", arguments="{}"),
    ],
    "all numbered 0": [
        called(index=0, id="a", name="search", arguments='{"q": 1}'),
        called(index=0, id="b", name="now", arguments="{}"),
    ],
    "interleaved": [
        called(index=0, id="a", name="search", arguments='{"q"'),
        called(index=1, id="b", name="now"),
        called(index=0, arguments=": 1}"),
    ],
}


@pytest.mark.parametrize("chunks", CALLS.values(), ids=CALLS.keys())
def test_calls_are_put_together_from_their_parts(server: Scripted, chunks: list[Any]) -> None:
    server.answer = [delta(content="I look."), *chunks, delta("tool_calls"), "[DONE]"]
    pieces = streamed(model(server.url, tool_choice="auto"), ASK_WITH_TOOLS)
    calls = (ToolCall("a", "search", '{"q": 1}'), ToolCall("b", "now", "{}"))
    assert pieces == ["I look.", Reply("I look.", calls=calls)]
    assert server.seen[1]["tools"] == [SEARCH] and server.seen[1]["tool_choice"] == "auto"


@both
@pytest.mark.parametrize("cut", [True, False], ids=["cut", "without an end"])
def test_a_reply_that_breaks_off_says_how_far_it_came(server: Scripted, ask: Ask, cut: bool) -> None:
    server.answer, server.cut = TEXT[:3], cut
    with pytest.raises(CutError, match=r"127\.0\.0\.1 broke off after 5 characters .*ask again") as caught:
        ask(model(server.url, retries=2), ASK)
    assert caught.value.text == "Paris"


@both
def test_an_error_within_a_stream_is_told_in_the_servers_words(server: Scripted, ask: Ask) -> None:
    server.answer = [*TEXT[:2], {"error": {"message": "on fire"}}]
    with pytest.raises(CutError, match=r"after 3 characters .on fire"):
        ask(model(server.url), ASK)


@pytest.mark.parametrize("events", [["{broken"], [], ["[DONE]"]])
def test_what_is_no_stream_is_an_error(server: Scripted, events: list[str]) -> None:
    server.answer = events
    with pytest.raises(ModelError, match=r"127\.0\.0\.1"):
        streamed(model(server.url), ASK)


@both
def test_errors_before_a_reply_are_those_of_complete(server: Scripted, ask: Ask) -> None:
    server.status, server.answer = 404, {"error": {"message": "what?"}}
    with pytest.raises(MissingError, match="no model 'm'"):
        ask(model(server.url), ASK)
    with pytest.raises(MissingError, match="no model 'm'"):
        asyncio.run(model(server.url).acomplete(ASK, max_tokens=5))


def test_it_is_awaited_in_one_loop_after_another(server: Scripted) -> None:
    server.answer = answer({"content": "Paris"}, USAGE)
    real = model(server.url)
    assert isinstance(real, AsyncModel)

    async def twice() -> list[Reply]:
        return await asyncio.gather(*(real.acomplete(ASK, max_tokens=5) for _ in range(2)))

    for _ in range(2):
        assert asyncio.run(twice()) == [Reply("Paris", 9, 2, 4)] * 2
    assert len(real._clients) == 1


def test_a_closed_stream_ends_the_call(server: Scripted) -> None:
    server.answer = [*TEXT, "[DONE]"]
    stream = model(server.url).stream(ASK, max_tokens=5)
    assert next(stream) == "Par"
    stream.close()
    assert streamed(model(server.url), ASK)[-1] == Reply("Paris", 9, 2, 4)


REFUSALS = {
    "ollama": (400, "registry.ollama.ai/library/gemma:2b does not support tools"),
    "vllm": (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    "llama.cpp": (500, "tools param requires --jinja flag"),
    "openrouter": (404, "No endpoints found that support tool use."),
    "openai": (400, "Unsupported parameter: 'tools' is not supported with this model."),
}


@pytest.mark.parametrize(("status", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_model_without_tools_is_told_what_to_do(server: Scripted, status: int, said: str) -> None:
    server.status, server.answer = status, {"error": {"message": said}}
    with pytest.raises(ModelError, match=r"'m' takes no tools .*tools='text'"):
        model(server.url).complete(ASK_WITH_TOOLS, max_tokens=5)
    with pytest.raises((ModelError, MissingError)) as caught:
        model(server.url).complete(ASK, max_tokens=5)
    assert "takes no tools" not in str(caught.value)


SAID = 'I look. <tool_call>{"name": "search", "arguments": {"q": 1}}</tool_call>'


def test_tools_may_go_as_text(server: Scripted) -> None:
    pieces = [SAID[at : at + 3] for at in range(0, len(SAID), 3)]
    expected = Reply("I look.", calls=(ToolCall("call_1", "search", '{"q": 1}'),))
    real = model(server.url, tools="text")
    server.answer = [*(delta(content=piece) for piece in pieces), delta("stop"), "[DONE]"]
    *text, last = streamed(real, ASK_WITH_TOOLS)
    assert last == expected and "".join(map(str, text)) == "I look."
    server.answer = answer({"content": SAID})
    assert real.complete(ASK_WITH_TOOLS, max_tokens=5) == expected
    _, sent = server.seen
    assert "tools" not in sent and json.dumps(SEARCH) in sent["messages"][0]["content"]
    with pytest.raises(InputError, match="'native' or as 'text'"):
        model(server.url, tools="both")


# Through a proxy that errs, to `transformers serve`.


@pytest.fixture
def proxy(served: tuple[str, Path]) -> Iterator[Proxy]:
    for proxy in running(Proxy, Relay):
        proxy.behind = int(served[0].split(":")[2].split("/")[0])
        proxy.faults, proxy.calls = [], []
        yield proxy


@pytest.fixture
def real(proxy: Proxy, served: tuple[str, Path]) -> EndpointModel:
    folder = served[1]
    tokenizer = ChatTokenizer(folder)
    return EndpointModel(str(folder), base_url=proxy.url, tokenizer=tokenizer, window=8192, temperature=0)


@pytest.mark.real
def test_a_real_server_streams_what_it_completes(real: EndpointModel) -> None:
    whole = real.complete(ASK, max_tokens=12)
    *pieces, last = real.stream(ASK, max_tokens=12)
    assert isinstance(last, Reply) and len(pieces) > 3 and "Paris" in last.text
    assert "".join(map(str, pieces)) == last.text == whole.text
    assert last.prompt_tokens == whole.prompt_tokens == real.tokenizer.prompt(ASK)

    async def awaited() -> list[str | Reply]:
        return [piece async for piece in real.astream(ASK, max_tokens=12)]

    assert asyncio.run(awaited())[-1] == last


@pytest.mark.real
def test_a_rate_limit_is_waited_for(proxy: Proxy, real: EndpointModel) -> None:
    proxy.faults = [429, 429]
    assert "Paris" in str(list(real.stream(ASK, max_tokens=12))[-1])
    assert len(proxy.calls) == 3
    proxy.faults = [429, 429, 429]
    with pytest.raises(ModelError, match="refuses more for now: wait"):
        real.complete(ASK, max_tokens=12)


@pytest.mark.real
def test_a_cut_connection_loses_nothing(proxy: Proxy, served: tuple[str, Path], tmp_path: Path) -> None:
    """The session keeps the question, and asks it again when it is said again."""
    folder = str(served[1])
    options: dict[str, Any] = {"model": folder, "base_url": proxy.url, "tokenizer": folder}
    with vctx.open(tmp_path / "s.db", window=256, reserve=12, embedder=HashingEmbedder(), **options) as ctx:
        model = ctx.model
        assert model is not None
        ctx.append("user", ASK[0].content)
        proxy.faults = [("cut", 900)]
        with pytest.raises(CutError, match="broke off after") as caught:
            list(model.stream(ctx.messages(), max_tokens=12))
        assert caught.value.text and len(proxy.calls) == 1
        answer = ctx.chat(ASK[0].content)
        assert answer.text.startswith(caught.value.text)
        assert [page.role for page in ctx.history()] == ["user", "assistant"]
