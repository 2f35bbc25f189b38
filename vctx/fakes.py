"""Parts that need no model: they ship, so that users can test with them too."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vctx.errors import ModelError
from vctx.types import Message, Reply, Span, ToolCall

if TYPE_CHECKING:
    from vctx.ports import Vectors

_WORD = re.compile(r"\w+|[^\w\s]")


class WordTokenizer:
    """Words and punctuation marks are tokens; every message costs four more, the opening of a reply three."""

    name = "words"

    def __init__(self, *, alternates: bool = False) -> None:
        self.alternates = alternates

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD.findall(text)) for text in texts]

    def prompt(self, messages: Sequence[Message]) -> int:
        return sum(sum(self.count(m.texts)) + 4 + 4 * len(m.calls) for m in messages) + 3


class HashingEmbedder:
    """Bags of words, hashed into `dim` signed buckets: equal words, near vectors. Deterministic."""

    def __init__(self, dim: int = 256, limit: int = 64) -> None:
        self.name = f"hashing-{dim}"
        self.dim = dim
        self.limit = limit

    def spans(self, text: str) -> list[Span]:
        starts = [match.start() for match in _WORD.finditer(text)][self.limit :: self.limit]
        return list(pairwise([0, *starts, len(text)]))

    def embed(self, texts: Sequence[str]) -> "Vectors":
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(out, texts, strict=True):
            for word in [*_WORD.findall(text.lower())[: self.limit], ""]:
                digest = int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())
                row[digest % self.dim] += 1.0 if digest >> 63 else -1.0
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
        return out


class ScriptedModel:
    """Answers from a list, or by a function of the prompt, and keeps every prompt that it was given.

    A reply is a text, or calls of tools (see `calling`).
    """

    name = "scripted"

    def __init__(
        self,
        replies: Sequence[str | Reply] | Callable[[Sequence[Message]], str | Reply] = (),
        *,
        calls: Sequence[Sequence[ToolCall]] = (),
        window: int = 4096,
    ) -> None:
        """`calls` are those that go with the first replies, reply by reply."""
        self.window = window
        self.tokenizer = WordTokenizer()
        self.prompts: list[list[Message]] = []
        self._calls = iter(calls)
        self._replies = replies if callable(replies) else iter(replies)

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        self.prompts.append(list(messages))
        said = self._replies(messages) if callable(self._replies) else next(self._replies, None)
        if said is None:
            raise ModelError("the script has no more replies; give ScriptedModel a longer list")
        words = str(said).split(" ")[:max_tokens]
        made = said.calls if isinstance(said, Reply) else tuple(next(self._calls, ()))
        # Ids are the model's to choose: here, by the prompts that it has read.
        made = tuple(
            replace(call, id=call.id or f"call_{len(self.prompts)}_{n}") for n, call in enumerate(made)
        )
        return Reply(" ".join(words), self.tokenizer.prompt(messages), len(words), calls=made)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str | Reply]:
        """The same, word by word."""
        reply = self.complete(messages, max_tokens=max_tokens)
        yield from re.findall(r"\s*\S+|\s+$", reply.text)
        yield reply


def calling(name: str, text: str = "", /, **arguments: object) -> Reply:
    """What a model says that calls a tool; `ScriptedModel` gives the call its id."""
    return Reply(text, calls=(ToolCall("", name, json.dumps(arguments, ensure_ascii=False)),))
