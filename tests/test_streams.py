"""A local model's replies in pieces: what is held back, what a closed stream leaves, the real model."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vctx import formats
from vctx.errors import InputError, MissingError
from vctx.formats import called
from vctx.models import find, quantise
from vctx.models.local import LocalModel
from vctx.models.loop import held, period
from vctx.models.pieces import Pieces
from vctx.types import Message, Reply

CALL = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
letters = st.text(st.sampled_from('ab \n<tool_call>{"\ufffd'), max_size=30)


def grown(text: str, pieces: Pieces) -> list[str]:
    """What is given out as `text` comes letter by letter, before its end."""
    return [pieces.grow(text[:n]) for n in range(1, len(text) + 1)]


@given(st.lists(st.one_of(letters, st.just(CALL)), max_size=4).map("".join), st.booleans())
def test_pieces_joined_are_the_text_without_its_calls(text: str, calls: bool) -> None:
    pieces = Pieces(calls=calls)
    early = "".join(grown(text, pieces))
    rest, made = pieces.end(text)
    left, expected = called(text.strip()) if calls else (text, ())
    assert early + rest == pieces.given == left and made == expected


@given(letters, st.lists(st.sampled_from(["a", "ab", "b\n", "<to"]), max_size=3))
def test_nothing_from_a_stop_string_on_is_given_out(text: str, stops: list[str]) -> None:
    pieces = Pieces(stops=stops)
    early = "".join(grown(text, pieces))
    rest, _ = pieces.end(text)
    assert early + rest == text[: min((text.find(s) for s in stops if s in text), default=len(text))]
    assert pieces.stopped(text) == any(s in text for s in stops)


def test_a_text_is_given_out_as_soon_as_it_is_sure() -> None:
    pieces = Pieces(stops=["\nUser:"], calls=True)
    assert [pieces.grow(text) for text in ("I lo", "I look\n", "I look\nUs", "I look\nUs <tool")] == [
        "I lo",
        "ok",
        "",
        "\nUs",
    ]


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(1, 6))
def test_what_is_held_covers_every_repeat_from_its_beginning(ids: list[int], least: int) -> None:
    """When a repeat of p ids is found, none of them has been given out."""
    p = period(ids, least)
    for back in range(p):
        assert held(ids[: len(ids) - back], least) >= p - back


def test_few_ids_are_held_of_a_text_that_does_not_repeat() -> None:
    assert held(list(range(100))) == 0
    assert held([*range(20), 3, 4]) == 2


# The real model.

STORY = [Message("user", "Tell me of a lighthouse keeper and her dog.")]


@pytest.fixture(scope="module")
def real() -> LocalModel:
    return LocalModel(find.resolve("smollm2"), name="smollm2")


@pytest.mark.real
def test_a_stream_is_the_reply_in_pieces(real: LocalModel) -> None:
    *pieces, last = real.stream(STORY, max_tokens=12)
    whole = real.complete(STORY, max_tokens=12)
    assert isinstance(last, Reply) and len(pieces) > 5
    assert "".join(map(str, pieces)) == last.text == whole.text
    assert (last.prompt_tokens, last.completion_tokens) == (whole.prompt_tokens, whole.completion_tokens)
    assert whole.cached_tokens == (whole.prompt_tokens or 0) - 1


@pytest.mark.real
def test_a_closed_stream_leaves_the_model_and_what_it_has_read(real: LocalModel) -> None:
    expected = real.complete(STORY, max_tokens=12).text
    real._engine._forget()
    stream = real.stream(STORY, max_tokens=100)
    begun = [next(stream) for _ in range(3)]
    stream.close()
    reply = real.complete(STORY, max_tokens=12)
    assert reply.text == expected and expected.startswith("".join(map(str, begun)))
    assert reply.cached_tokens == (reply.prompt_tokens or 0) - 1


@pytest.mark.real
def test_two_streams_at_once_do_not_mix(real: LocalModel) -> None:
    other = [Message("user", "What is the capital of France?")]
    alone = [real.complete(ask, max_tokens=6).text for ask in (STORY, other)]
    one, two = (real.stream(ask, max_tokens=6) for ask in (STORY, other))
    both: list[list[str | Reply]] = [[next(one)], [next(two)]]
    both[0] += one
    both[1] += two
    assert [str(said[-1]) for said in both] == alone


@pytest.mark.real
def test_a_reply_ends_before_a_stop_string() -> None:
    model = LocalModel(find.resolve("smollm2"), stop=["Paris"])
    reply = model.complete([Message("user", "What is the capital of France?")], max_tokens=20)
    assert reply.text and "Par" not in reply.text and (reply.completion_tokens or 0) < 15


@pytest.mark.real
def test_a_pass_that_fails_leaves_the_next_one_whole(
    real: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = real.complete(STORY, max_tokens=4).text
    forward = real._engine._model.model.layers[3].forward

    def interrupted(*args: object, **rest: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(real._engine._model.model.layers[3], "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        real.complete([*STORY, Message("assistant", "x"), *STORY], max_tokens=4)
    monkeypatch.setattr(real._engine._model.model.layers[3], "forward", forward)
    assert real.complete(STORY, max_tokens=4).text == expected


@pytest.mark.real
def test_calls_in_the_text_are_no_pieces(real: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    said = real.tokenizer._literals.encode(f"I look. {CALL}", add_special_tokens=False).ids
    monkeypatch.setattr(real._engine, "generate", lambda ids, most, guide: (0, iter_(said)))
    tools = formats.tools([{"type": "function", "function": {"name": "now"}}])
    *pieces, last = real.stream([tools, *STORY], max_tokens=99)
    assert isinstance(last, Reply) and "".join(map(str, pieces)) == last.text == "I look."
    assert [call.name for call in last.calls] == ["now"]


def iter_(ids: list[int]) -> Iterator[int]:
    yield from ids


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ["int8", "int8-dynamic"])
def test_quantised_weights_answer(name: str) -> None:
    model = LocalModel(find.resolve("smollm2"), quantization=name)
    reply = model.complete([Message("user", "What is the capital of France?")], max_tokens=8)
    assert "Paris" in reply.text
    again = model.complete([Message("user", "What is the capital of France?")], max_tokens=8)
    assert again.cached_tokens == (reply.prompt_tokens or 0) - 1
    assert name != "int8" or again.text == reply.text


def test_a_quantisation_that_there_is_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no quantisation is called 'int3'; there are: int8"):
        quantise.config("int3")
    own = object()
    assert quantise.config(own) is own and quantise.config(None) is None
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(MissingError, match=r"pip install 'vctx\[quantised\]'"):
        quantise.config("int8")
