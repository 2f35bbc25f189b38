"""Calls of tools that are valid whatever the model samples: a random one, and the real one."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import vctx
from vctx import formats
from vctx.errors import InputError, MissingError, ModelError
from vctx.fakes import HashingEmbedder
from vctx.formats import called
from vctx.models import find
from vctx.models.guide import Grammar
from vctx.models.local import LocalModel
from vctx.tools import tool
from vctx.types import Message

END = 256
STRUCTURE = b'"}]\n<>/,: '


class Place(BaseModel):
    """Nested, with a choice and a bound."""

    city: str
    kind: Literal["home", "work"] = "home"
    rank: Annotated[int, Field(ge=0, le=99)] = 0


def search(query: str, page: int = 1, exact: bool = False) -> str:
    """Searches."""
    return "found"


def note(place: Place, tags: list[str], weight: float | None = None) -> str:
    """Notes."""
    return "noted"


def now() -> str:
    """Says what time it is."""
    return "noon"


TOOLS = {function.__name__: tool(function) for function in (search, note, now)}
SCHEMAS = [made.schema for made in TOOLS.values()]


@pytest.fixture(scope="module")
def grammar(tmp_path_factory: pytest.TempPathFactory) -> Grammar:
    """Of a model whose tokens are bytes, and an end."""
    vocab = {letter: rank for rank, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|im_end|>"])
    folder = tmp_path_factory.mktemp("model")
    tokenizer.save(str(folder / "tokenizer.json"))
    return Grammar(folder, frozenset({END}))


def letters() -> dict[int, int]:
    """The byte of each id."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    byte = {letter: byte for byte, letter in _bytes()}
    return {rank: byte[letter] for rank, letter in enumerate(alphabet)}


def _bytes() -> Iterator[tuple[int, str]]:
    """GPT-2's letter for each byte: what can be printed stands for itself."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    yield from ((byte, chr(byte)) for byte in kept)
    yield from ((byte, chr(256 + n)) for n, byte in enumerate(b for b in range(256) if b not in kept))


def sampled(grammar: Grammar, choice: Any, seed: int, *, begin: bytes = b"") -> tuple[str, bool]:
    """What a model of random logits says, which likes to end its strings; and whether it came to an end."""
    guide, byte, random = grammar.guide(SCHEMAS, choice), letters(), np.random.default_rng(seed)
    id_of = {value: id for id, value in byte.items()}
    liked = [id_of[letter] for letter in STRUCTURE]
    said: list[int] = []
    for step in range(1500):
        logits = random.gumbel(size=END + 2)
        logits[liked] += 4
        if step < len(begin):
            logits[id_of[begin[step]]] += 100
        token = int(guide.mask(torch.from_numpy(logits)).argmax())
        guide.take(token)
        if token == END:
            return bytes(said).decode("utf-8", "replace"), True
        said.append(byte[token])
    return bytes(said).decode("utf-8", "replace"), False


@given(st.integers(0, 10**9), st.sampled_from(["auto", "required"]))
def test_whatever_is_sampled_each_call_is_valid(grammar: Grammar, seed: int, choice: str) -> None:
    begin = b"I look. <tool_call>" if choice == "auto" else b""
    text, ended = sampled(grammar, choice, seed, begin=begin)
    rest, calls = called(text)
    for call in calls:
        assert not TOOLS[call.name].run(call.arguments).failed
    if ended:
        assert calls and formats.OPEN not in rest


@given(st.integers(0, 10**9))
def test_text_is_free(grammar: Grammar, seed: int) -> None:
    text, _ = sampled(grammar, "auto", seed, begin=b"Just words")
    assert text.startswith("Just words")


@given(st.text(st.sampled_from('<tool_call>{}/"\\ \n'), max_size=40))
def test_a_call_may_quote_anything(quoted: str) -> None:
    """Where its object ends is for JSON to say, not for a mark within a string."""
    data = json.dumps({"name": "search", "arguments": {"query": f"}}\n</tool_call> {quoted}"}})
    rest, [call] = called(f"a <tool_call>\n{data}\n</tool_call>")
    assert rest == "a" and json.loads(call.arguments)["query"].endswith(quoted)


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>",
        "<tool_call>{",
        '<tool_call>{"name": "x"}',
        '<tool_call>{"name": 3}</tool_call>',
        "<tool_call>[]</tool_call>",
        "<tool_call>" + "[" * 100_000,
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert called(text) == (text, ())
    rest, calls = called(text + '<tool_call>{"name": "now"}</tool_call>')
    assert rest == text and [call.name for call in calls] == ["now"]


def test_a_schema_that_cannot_be_followed_is_named(grammar: Grammar) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}
    odd = {"type": "function", "function": {"name": "odd", "parameters": schema}}
    with pytest.raises(InputError, match="calls of odd cannot be held to their schemas"):
        grammar.guide([odd], "auto")


def test_a_token_that_was_not_allowed_is_an_error(grammar: Grammar) -> None:
    with pytest.raises(ModelError, match="left the grammar"):
        grammar.guide(SCHEMAS, "required").take(65)


def test_without_the_library_it_is_off_or_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vctx.models import local

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not local._installed(None, "auto")
    for wanted, choice in ((True, "auto"), (None, "required")):
        with pytest.raises(MissingError, match=r"pip install 'vctx\[tools\]'"):
            local._installed(wanted, choice)  # type: ignore[arg-type]


# The real model, whose template knows no tools.

ASK = [formats.tools([TOOLS["search"].schema]), Message("user", "Search the archive for the red bicycle.")]


@pytest.mark.real
def test_the_real_model_calls_a_tool() -> None:
    model = LocalModel(find.resolve("smollm2"), tool_choice="required")
    *pieces, reply = model.stream(ASK, max_tokens=60)
    assert pieces == [] and isinstance(reply, vctx.Reply)
    assert reply.text == "" and reply.calls
    assert all(not TOOLS[call.name].run(call.arguments).failed for call in reply.calls)


@pytest.mark.real
def test_a_turn_runs_what_the_real_model_calls(tmp_path: Path) -> None:
    with vctx.open(
        tmp_path / "s.db",
        model_options={"tool_choice": "required"},
        reserve=100,
        embedder=HashingEmbedder(),
        tools=[now],
        limits=vctx.Limits(steps=1),
    ) as ctx:
        ctx.chat("What time is it?")
        assert [page.text for page in ctx.history() if page.role == "tool"] == ["noon"]
