"""Which model its options make; functions as models."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import vctx
from vctx.errors import InputError, ModelError
from vctx.fakes import HashingEmbedder, ScriptedModel, WordTokenizer
from vctx.models.bytes import ByteTokenizer
from vctx.models.call import CallableModel
from vctx.models.endpoint import EndpointModel
from vctx.types import Message, Reply, ToolCall

ASK = [Message("user", "Which?")]


def called(function: Any) -> list[str | Reply]:
    model = CallableModel(function, tokenizer=WordTokenizer(), window=100)
    pieces = list(model.stream(ASK, max_tokens=7))
    assert pieces[-1] == model.complete(ASK, max_tokens=7)
    return pieces


CALL = ToolCall("a", "now", "{}")


@pytest.mark.parametrize(
    ("said", "pieces"),
    [
        ("That.", ["That.", Reply("That.")]),
        (Reply("", calls=(CALL,)), [Reply("", calls=(CALL,))]),
        (Reply("That.", 3, 1), ["That.", Reply("That.", 3, 1)]),
        (["Th", "at."], ["Th", "at.", Reply("That.")]),
        (["Th", Reply("That.", 3, 1)], ["Th", "at.", Reply("That.", 3, 1)]),
        ([], [Reply("")]),
    ],
)
def test_a_function_may_say_a_text_a_reply_or_pieces(said: Any, pieces: list[str | Reply]) -> None:
    assert called(lambda messages: said) == pieces


def test_a_function_is_given_the_messages_and_the_limit_if_it_takes_one() -> None:
    def tells(messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        yield from (messages[0].content, str(max_tokens))

    assert called(tells)[-1] == Reply("Which?7")


@pytest.mark.parametrize("said", [None, 5, [5], ["a", None]])
def test_nonsense_is_the_models_fault(said: Any) -> None:
    with pytest.raises(ModelError, match="a model returns its text, a Reply, or pieces"):
        called(lambda messages: said)


def test_pieces_that_are_not_the_reply_are_refused() -> None:
    with pytest.raises(ModelError, match="not the text of its Reply"):
        called(lambda messages: ["a", Reply("b")])


def open_with(path: Path, model: Any, **options: Any) -> vctx.Context:
    return vctx.open(path / "s.db", model=model, embedder=HashingEmbedder(), window=500, **options)


def test_a_session_with_a_function_learns_what_its_prompts_cost(tmp_path: Path) -> None:
    def parrot(messages: Sequence[Message]) -> Reply:
        return Reply(messages[-1].content.upper(), 8 * len(messages), 1)

    with open_with(tmp_path, parrot) as ctx:
        assert ctx.chat("hello").text == "HELLO"
        assert list(ctx.stream("again")) == ["AGAIN"]
        assert isinstance(ctx.tokenizer, vctx.Learner) and ctx.tokenizer.learnt > 0
        assert ctx.model is not None and ctx.model.name == "parrot"
    with open_with(tmp_path, parrot, tokenizer="strict") as ctx:
        assert isinstance(ctx.tokenizer, ByteTokenizer)


def test_what_a_function_raises_is_passed_on_and_the_message_kept(tmp_path: Path) -> None:
    def fails(messages: Sequence[Message]) -> str:
        raise RuntimeError("mine")

    with open_with(tmp_path, fails) as ctx:
        with pytest.raises(RuntimeError, match="mine"):
            ctx.chat("hello")
        assert [page.text for page in ctx.history()] == ["hello"]


def test_options_go_to_the_model(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/v1"
    options = {"timeout": 3.0, "retries": 0, "tools": "text"}
    with open_with(tmp_path, "m", base_url=url, model_options=options) as ctx:
        assert isinstance(ctx.model, EndpointModel)
        assert (ctx.model._client.timeout, ctx.model._client.max_retries) == (3.0, 0)
        with pytest.raises(ModelError, match="cannot be reached"):
            ctx.chat("hello")
        assert [page.text for page in ctx.history()] == ["hello"]


@pytest.mark.parametrize(
    ("model", "options", "why"),
    [
        ("m", {"tiemout": 3}, "an endpoint's model has no option 'tiemout'; there are: .*timeout"),
        ("m", {"window": 3}, "an endpoint's model has no option 'window'"),
        ("m", {"timeout": "soon"}, "option timeout cannot be 'soon': input should be a valid number"),
        ("m", {"retries": 2.5}, "option retries cannot be 2.5: input should be a valid integer"),
        ("m", {"stop": "END"}, r"option stop is a list, such as \[\"END\"\], not 'END'"),
        ("m", {"tools": "no"}, "option tools cannot be 'no': input should be 'native' or 'text'"),
        (lambda messages: "x", {"stop": "x"}, "a function as a model has no option 'stop'"),
        (ScriptedModel(), {"stop": "x"}, "ready made takes no model_options"),
        (5, {}, "a name, a Model or a function, not int"),
    ],
)
def test_an_option_that_there_is_not_is_named(
    tmp_path: Path, model: Any, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(InputError, match=why):
        open_with(tmp_path, model, base_url="http://127.0.0.1:1/v1", model_options=options)
