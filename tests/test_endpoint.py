"""The endpoint's model against servers on this machine: transformers' own, and one that errs by script."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Scripted, answer, free_port, running

import vctx
from vctx import formats
from vctx.errors import MissingError, ModelError, TooLongError, VctxError
from vctx.fakes import HashingEmbedder
from vctx.models.bytes import ByteTokenizer
from vctx.models.endpoint import OPENAI, EndpointModel
from vctx.models.tokens import ChatTokenizer
from vctx.types import Message, Reply, ToolCall

ASK = [Message("user", "What is the capital of France?")]
KEY = "sk-very-secret"


@pytest.fixture
def server() -> Iterator[Scripted]:
    yield from running(Scripted)


def model(url: str | None, name: str = "m", **options: Any) -> EndpointModel:
    return EndpointModel(name, base_url=url, tokenizer=ByteTokenizer(), window=100, retries=0, **options)


def test_a_reply_brings_its_usage(server: Scripted) -> None:
    details = {"cached_tokens": 4}
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": details,
    }
    server.answer = answer({"content": "Paris"}, usage)
    reply = model(server.url, api_key=KEY, temperature=0).complete([Message("user", "a\ud800")], max_tokens=5)
    assert reply == Reply("Paris", 9, 2, 4)
    key, sent = server.seen
    assert key == f"Bearer {KEY}"
    assert sent == {
        "model": "m",
        "messages": [{"role": "user", "content": "a?"}],
        "max_tokens": 5,
        "temperature": 0,
    }


def test_tools_are_sent_and_calls_come_back(server: Scripted) -> None:
    schema = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
    call = {"id": "a", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    server.answer = answer({"content": None, "tool_calls": [call]})
    said = Message("assistant", "", (ToolCall("b", "search", "{broken"),))
    asked = [formats.tools([schema]), *ASK, said, Message("tool", "x", call="b")]
    reply = model(server.url, api_key=KEY).complete(asked, max_tokens=5)
    assert reply == Reply("", calls=(ToolCall("a", "search", "{}"),))
    _, sent = server.seen
    assert sent["tools"] == [schema]
    assert sent["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{broken"
    assert sent["messages"][2] == {"role": "tool", "tool_call_id": "b", "content": "x"}


def test_a_server_may_count_nothing(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server.answer = answer({"content": None, "refusal": "No."})
    assert model(server.url).complete(ASK, max_tokens=5) == Reply("No.")


@pytest.mark.parametrize(
    ("status", "body", "kind", "advice"),
    [
        (401, {"error": {"message": f"Incorrect API key: {KEY}"}}, ModelError, "set OPENAI_API_KEY"),
        (403, {}, ModelError, "set OPENAI_API_KEY"),
        (404, {}, MissingError, "no model 'm'"),
        (
            400,
            {"error": {"message": "maximum context\nlength"}},
            ModelError,
            "maximum context length.*100 tokens",
        ),
        (400, {"detail": "pinned"}, ModelError, "pinned"),
        (429, {"error": {"message": "slow down"}}, ModelError, "wait.*slow down"),
        (500, {"error": {"message": "on fire"}}, ModelError, "status 500.*on fire"),
        (200, {"hello": 1}, ModelError, "without a message"),
        (200, "hello", ModelError, "without a message"),
        (200, {"choices": []}, ModelError, "without a message"),
    ],
)
def test_errors_say_what_to_do(
    server: Scripted, status: int, body: Any, kind: type[VctxError], advice: str
) -> None:
    server.status, server.answer = status, body
    with pytest.raises(kind, match=advice) as caught:
        model(server.url, api_key=KEY).complete(ASK, max_tokens=5)
    assert "127.0.0.1" in str(caught.value) and KEY not in str(caught.value)


def test_a_host_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 cannot be reached"):
        model(f"http://127.0.0.1:{free_port()}/v1").complete(ASK, max_tokens=5)


def test_a_host_that_is_too_slow_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="did not answer in time"):
            model(url, timeout=0.2).complete(ASK, max_tokens=5)


def test_only_this_machine_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert model("http://localhost:1/v1").host == "localhost"
    with pytest.raises(MissingError, match=r"no key for api\.openai\.com: set OPENAI_API_KEY"):
        model(None)
    assert model(None, api_key=KEY).host == OPENAI
    assert "max_completion_tokens" in model(None, api_key=KEY)._request(ASK, 5)


# A closed model: a real server that counts with a tokenizer of its own, which nobody else has.


class Closed(Scripted):
    """Refuses what exceeds its window, in the words that it was given; echoes the last message else."""

    limit = 300
    stubborn = False
    refusals: list[dict[str, Any]]
    words: tuple[int, Any] = (400, None)
    """Status and body of a refusal, its figures as {tokens} and {limit}."""

    def respond(self, sent: dict[str, Any]) -> tuple[int, Any]:
        tokens = self.count(sent["messages"])
        if self.stubborn or tokens + sent["max_tokens"] > self.limit:
            self.refusals.append(sent)
            status, body = self.words
            figures = {"{tokens}": str(tokens), "{limit}": str(self.limit)}
            text = json.dumps(body)
            for name, figure in figures.items():
                text = text.replace(name, figure)
            return status, json.loads(text)
        usage = {"prompt_tokens": tokens, "completion_tokens": 3, "total_tokens": tokens + 3}
        said = sent["messages"][-1]["content"].split(".")[0]
        return 200, answer({"role": "assistant", "content": f"You said: {said}."}, usage)

    def count(self, messages: list[dict[str, str]]) -> int:
        return 7 + sum(len(m["content"].split()) * 3 // 2 + 4 for m in messages)


@pytest.fixture
def closed() -> Iterator[Closed]:
    yield from running(Closed)


def note(n: int) -> str:
    return f"Note {n}: the harbour was calm and the boats came in late, as on most days of that year."


def notes(closed: Closed, path: Path, **options: Any) -> vctx.Context:
    closed.refusals = []
    options = {"model": "m", "base_url": closed.url, "window": 300, "reserve": 30, **options}
    return vctx.open(path, embedder=HashingEmbedder(), summary="extract", **options)


def test_an_endpoint_without_a_tokenizer_fills_its_window_after_the_first_reply(
    closed: Closed, tmp_path: Path
) -> None:
    """A note is 32 tokens of the server's and 90 bytes: strictly, three would take the room of eight."""
    closed.limit = 2000
    with notes(closed, tmp_path / "s.db", window=2000) as ctx:
        assert isinstance(ctx.tokenizer, vctx.Learner)
        used = [ctx.chat(note(n)).reply.prompt_tokens or 0 for n in range(60)]
        assert not closed.refusals
        assert max(used) > 0.85 * 1970
        assert any(entry.plan.evict for entry in ctx.log())
        assert ctx.tokens(closed.seen[1]["messages"]) == used[-1]


def test_what_it_learnt_survives_a_restart(closed: Closed, tmp_path: Path) -> None:
    with notes(closed, tmp_path / "s.db") as ctx:
        for n in range(5):
            ctx.chat(note(n))
        learnt, [cost] = ctx.tokenizer.learnt, ctx.tokenizer.count(["A new note on boats."])  # type: ignore[attr-defined]
        assert ctx.log()[-1].outcome["usage"]["prompt"] > 30
    with notes(closed, tmp_path / "s.db") as ctx:
        assert (ctx.tokenizer.learnt, ctx.tokenizer.count(["A new note on boats."])) == (learnt, [cost])  # type: ignore[attr-defined]
    with notes(closed, tmp_path / "s.db", model="another") as ctx:
        assert ctx.tokenizer.count(["A new note on boats."]) == [20]


REFUSALS = {
    "openai": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is {limit} tokens. However, your messages "
                "resulted in {tokens} tokens. Please reduce the length of the messages.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
    ),
    "llama.cpp": (
        400,
        {
            "error": {
                "code": 400,
                "message": "request ({tokens} tokens) exceeds the available context size ({limit} tokens), "
                "try increasing it",
                "type": "exceed_context_size_error",
            }
        },
    ),
    "vllm": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is {limit} tokens. However, you requested 999 "
            "tokens ({tokens} in the messages, 30 in the completion). Please reduce the length of the "
            "messages or completion.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "anthropic": (
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "prompt is too long: {tokens} tokens > {limit} maximum",
            },
        },
    ),
    "bedrock": (400, {"message": "Input is too long for requested model."}),
}


@pytest.mark.parametrize("tokenizer", [None, "o200k_base"])
@pytest.mark.parametrize("words", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_shrinks_the_window_and_the_call_is_made_again(
    closed: Closed, tmp_path: Path, words: tuple[int, Any], tokenizer: str | None
) -> None:
    """We take its window of 300 tokens for 600."""
    if tokenizer and not os.environ.get("VCTX_TIKTOKEN"):
        pytest.skip("set VCTX_TIKTOKEN to o200k_base.tiktoken")
    closed.words = words
    with notes(closed, tmp_path / "s.db", window=600, tokenizer=tokenizer) as ctx:
        answers = [ctx.chat(note(n)) for n in range(25)]
        assert all(a.text.startswith("You said: Note") and a.tokens <= a.limit for a in answers)
        assert 1 <= len(closed.refusals) <= 3 and ctx.budget.window < 600
        said = [page.text for page in ctx.history() if page.role == "user"]
        assert said == [note(n) for n in range(25)]


def test_a_second_refusal_is_an_error_with_its_figures_and_loses_nothing(
    closed: Closed, tmp_path: Path
) -> None:
    closed.words = REFUSALS["openai"]
    with notes(closed, tmp_path / "s.db") as ctx:
        ctx.chat(note(1))
        closed.stubborn = True
        with pytest.raises(TooLongError, match=r"127\.0\.0\.1 refuses \d+ tokens .* of 300 ") as caught:
            ctx.chat(note(2))
        assert len(closed.refusals) == 2 and caught.value.limit == 300
        assert ctx.history()[-1].text == note(2)
        closed.stubborn = False
    with notes(closed, tmp_path / "s.db") as ctx:
        assert ctx.chat(note(2)).text.startswith("You said: Note 2")
        assert [page.text for page in ctx.history() if page.role == "user"] == [note(1), note(2)]


# A real server: `transformers serve`.


@pytest.mark.real
def test_a_real_server_answers_and_counts_as_we_do(served: tuple[str, Path]) -> None:
    url, folder = served
    tokenizer = ChatTokenizer(folder)
    real = EndpointModel(str(folder), base_url=url, tokenizer=tokenizer, window=8192, temperature=0)
    reply = real.complete(ASK, max_tokens=12)
    assert "Paris" in reply.text
    assert reply.prompt_tokens == tokenizer.prompt(ASK) <= ByteTokenizer().prompt(ASK)
    assert 0 < (reply.completion_tokens or 0) <= 12


@pytest.mark.real
def test_a_real_server_refuses_a_model_that_it_does_not_serve(served: tuple[str, Path]) -> None:
    with pytest.raises(ModelError, match="nonesuch"):
        model(served[0], name="nonesuch").complete(ASK, max_tokens=5)


@pytest.mark.real
def test_a_session_chats_through_a_real_server(served: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = served
    options: dict[str, Any] = {"model": str(folder), "base_url": url, "tokenizer": str(folder)}
    with vctx.open(tmp_path / "s.db", window=256, reserve=12, embedder=HashingEmbedder(), **options) as ctx:
        for n in range(16):
            ctx.append("user", f"Note {n}: the harbour was calm and the boats came in late, as on most days.")
        answer = ctx.chat("What is the capital of France?")
        assert answer.text and answer.tokens <= answer.limit
        assert answer.reply.prompt_tokens == answer.tokens
        assert any(entry.plan.evict for entry in ctx.log())
