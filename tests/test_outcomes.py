"""No key, a wrong key, an unreachable host, a model without tools: each is told, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import make
from servers import Scripted, free_port, running
from test_loop import add, results
from test_tools import valid

import vctx
from vctx.errors import InputError, MissingError, ModelError, VctxError
from vctx.fakes import HashingEmbedder, ScriptedModel, calling
from vctx.tools import tool

CALL = {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


@pytest.fixture
def server() -> Iterator[Scripted]:
    yield from running(Scripted)


def opened(path: Path, url: str, **more: Any) -> vctx.Context:
    options = {
        "tokenizer": "strict",
        "embedder": HashingEmbedder(),
        "window": 4000,
        "summary": "extract",
        **more,
    }
    return vctx.open(path, model="m", base_url=url, model_options={"retries": 0}, **options)


def answer(**message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": None, **message}
    return {"id": "1", "object": "x", "created": 1, "model": "m", "choices": [{"index": 0, "message": said}]}


def test_without_a_key_the_session_is_not_even_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(MissingError, match=r"no key for models\.example: set OPENAI_API_KEY"):
        opened(tmp_path / "s.db", "https://models.example/v1")
    assert not (tmp_path / "s.db").exists()


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (401, {"error": {"message": "no"}}, "set OPENAI_API_KEY"),
        (404, {}, "serves no model"),
        (400, {"error": {"message": "m does not support tools"}}, "does not support tools"),
    ],
)
def test_a_refusal_in_the_middle_of_a_chain_keeps_all_that_was_done(
    server: Scripted, tmp_path: Path, status: int, body: Any, advice: str
) -> None:
    server.answer = answer(tool_calls=[CALL])

    def refuse(a: int) -> str:
        """Adds, and has the server refuse from now on."""
        server.status, server.answer = status, body
        return str(add(a))

    refuse.__name__ = "add"
    with opened(tmp_path / "s.db", server.url, tools=[refuse]) as ctx:
        with pytest.raises(VctxError, match=advice):
            ctx.chat("What is 1 + 1?")
        assert results(ctx) == ["2"]
        valid(ctx.window())
    server.status, server.answer = 200, answer(content="Two.")
    with opened(tmp_path / "s.db", server.url, tools=[refuse]) as ctx:
        assert ctx.reply().text == "Two."
        assert [page.role for page in ctx.history()] == ["user", "assistant", "tool", "assistant"]


def test_a_host_that_cannot_be_reached_keeps_the_message_once(tmp_path: Path) -> None:
    with opened(tmp_path / "s.db", f"http://127.0.0.1:{free_port()}/v1", tools=[add]) as ctx:
        for _ in range(2):
            with pytest.raises(ModelError, match="cannot be reached"):
                ctx.chat("Are you there?")
        assert [page.text for page in ctx.history()] == ["Are you there?"]
        with ctx.stream("Are you there?") as said, pytest.raises(ModelError, match="cannot be reached"):
            list(said)
        assert [page.text for page in ctx.history()] == ["Are you there?"]


def test_a_model_that_knows_of_no_tools_simply_answers(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=900, model=ScriptedModel(["Two."]), tools=[tool(add)]) as ctx:
        answer = ctx.chat("What is 1 + 1?")
        assert (answer.text, answer.steps) == ("Two.", 1)


def test_opened_by_name_the_model_manages_its_memory(tmp_path: Path) -> None:
    model = ScriptedModel(
        [calling("core_memory_append", name="human", content="Ana", request_heartbeat=True), "Ok."]
    )
    options: dict[str, Any] = {"embedder": HashingEmbedder(), "background": False}
    with vctx.open(tmp_path / "s.db", model=model, tools=["memgpt", add], **options) as ctx:
        assert ctx.chat("I am Ana.").text == "Ok." and ctx.block("human").text == "Ana"
        assert {"send_message", "page_in", "add"} <= set(ctx.tools)
    with vctx.open(tmp_path / "t.db", model=model, tools=["send_message", "page_in"], **options) as ctx:
        assert set(ctx.tools) == {"send_message", "page_in"}
    with pytest.raises(InputError, match="no tool is called 'letta'; there are: memgpt, send_message"):
        vctx.open(tmp_path / "u.db", model=model, tools=["letta"], **options)
    with pytest.raises(InputError, match=r"low, 0\.9: that is not below 0\.8"):
        vctx.open(tmp_path / "u.db", model=model, low=0.9, high=0.8, **options)
