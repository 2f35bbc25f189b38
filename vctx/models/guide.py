"""Which tokens may come next, so that each call of a tool is valid: text, then calls in Hermes' form.

The grammar is llguidance's: Lark, with the tools' JSON schemas in it. Of what was tried for this
(eval/results/models.md) it is the smallest, and needs nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer

from vctx.errors import InputError, ModelError, line
from vctx.formats import CLOSE, OPEN

Choice = Literal["auto", "required"]
"""Whether the model may call tools, or must call one: a small one, let, calls for ever."""


class Grammar:
    """Makes guides for one model; `stops` are the ids with which it may end."""

    def __init__(self, folder: Path, stops: frozenset[int]) -> None:
        source = (folder / "tokenizer.json").read_text("utf-8")
        self._tokenizer = LLTokenizer(source, eos_token=sorted(stops))

    def guide(self, tools: Sequence[Mapping[str, Any]], choice: Choice) -> "ToolGuide":
        """A guide from the beginning of a reply on. Raises InputError for a schema that it cannot follow."""
        matcher = LLMatcher(self._tokenizer, lark(tools, choice), log_level=0)
        if matcher.is_error():
            names = ", ".join(tool["function"]["name"] for tool in tools)
            raise InputError(
                f"calls of {names} cannot be held to their schemas ({line(matcher.get_error())}): "
                "simplify them, or open the model with constrained=False"
            )
        return ToolGuide(matcher)


class ToolGuide:
    """Follows one reply (implements `engine.Guide`)."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits, (vocabulary,), with minus infinity for what would end in no valid call."""
        packed = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed = np.zeros(logits.shape[-1], bool)
        bits = np.unpackbits(packed, bitorder="little")[: len(allowed)]
        allowed[: len(bits)] = bits
        return logits.masked_fill(~torch.from_numpy(allowed).to(logits.device), -torch.inf)

    def take(self, token: int) -> None:
        """A token has come. Raises ModelError where the grammar gave up."""
        if not self._matcher.consume_token(token):
            raise ModelError(f"the reply left the grammar of its tools: {line(self._matcher.get_error())}")


def lark(tools: Sequence[Mapping[str, Any]], choice: Choice) -> str:
    """Text and calls, each of a tool by its name, with arguments by its schema. Lazy: what looks like the
    beginning of a call is one."""
    functions = [tool["function"] for tool in tools]
    rules = {
        "auto": ["start: (head call)* TEXT", f"head[lazy]: TEXT {_literal(OPEN)}", "TEXT: /(?s:.*)/"],
        "required": [f"start: {_literal(OPEN)} call"],
    }[choice]
    rules.append("call: " + " | ".join(f"call_{n}" for n in range(len(functions))))
    for n, function in enumerate(functions):
        begin = _literal(f'\n{{"name": {json.dumps(function["name"])}, "arguments": ')
        end = _literal(f"}}\n{CLOSE}")
        rules.append(f"call_{n}: {begin} arguments_{n} {end}")
        rules.append(f"arguments_{n}: %json {json.dumps(_strict(function.get('parameters')))}")
    return "\n".join(rules)


def _literal(text: str) -> str:
    return json.dumps(text)


def _strict(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The schema without white space between its tokens, and without properties that it does not name."""
    strict = dict(schema or {"type": "object", "properties": {}})
    if "properties" in strict:
        strict.setdefault("additionalProperties", False)
    layout = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    return strict | {"x-guidance": layout}
