"""Chat prompts as token ids, for models whose tokenizer is at hand. Loads no torch, no transformers.

The template's literal parts are encoded with special tokens recognised, contents without, each by
itself; the ids are concatenated. So a page that quotes `<|im_end|>` stays text, and the count of a
prompt is the exact sum of its parts and the exact length of what is sent.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from vctx.errors import InputError, MissingError
from vctx.formats import flat, joined
from vctx.models import template
from vctx.models.counts import Counts
from vctx.models.template import Shape
from vctx.types import Message


class ChatTokenizer:
    """The tokenizer and chat template of a transformers folder (implements `ports.Tokenizer`).

    Raises MissingError where the folder has no tokenizer.json or no chat template, InputError where
    one of them cannot be read, or where the template refuses the roles of a prompt.
    """

    def __init__(self, folder: Path) -> None:
        source = _read(folder)
        config = _config(source)
        self._template = template.load(folder)
        self._literals = _tokenizer(source, special=True)
        self._control = _control(config, self._literals)
        self._texts = _tokenizer(_unmarked(source, config), special=False)
        self._counts = Counts(lambda text: len(self._encode_text(text)))
        digest = hashlib.sha256(source + self._template.source.encode())
        self.name = f"tokenizer-{digest.hexdigest()[:16]}"
        self.alternates = self._template.alternates
        self._literal = lru_cache(maxsize=1024)(self._encode_literal)
        self._parts = lru_cache(maxsize=16)(self._template.parts)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself."""
        return self._counts(texts)

    def prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of a whole prompt, the opening of the reply included: the length of `encode`."""
        literals, texts = 0, []
        for part in self._filled(messages):
            if isinstance(part, str):
                texts.append(part)
            else:
                literals += len(part)
        return literals + sum(self.count(texts))

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The ids that are sent for these messages, the opening of the reply included."""
        ids: list[int] = []
        for part in self._filled(messages):
            ids += self._encode_text(part) if isinstance(part, str) else part
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a reply, without special tokens."""
        return self._literals.decode(list(ids), skip_special_tokens=True)

    def stops(self) -> frozenset[int]:
        """Ids of the special tokens with which the template may end an assistant's turn."""
        parts = self._template.parts((Shape("user"), Shape("assistant")), reply=False)
        after = [part for part, _, _ in parts[-1:] if isinstance(part, str)]
        return frozenset(self._literal(after[0])[:1]) & self._control if after else frozenset()

    def _filled(self, messages: Sequence[Message]) -> list[str | tuple[int, ...]]:
        """Texts of the messages, and ids of literals, in order; calls as text where a template has none."""
        tools, messages = self._written(messages)
        texts = [text for message in messages for text in message.texts]
        filled: list[str | tuple[int, ...]] = []
        for part, left, right in self._parts(template.shapes(messages), tools=tools):
            if isinstance(part, str):
                filled.append(self._literal(part))
                continue
            text = texts[part]
            text = text.lstrip() if left else text
            filled.append(text.rstrip() if right else text)
        return filled

    def _written(self, messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
        """The tools for the template, as JSON, and the messages; what it has no place for stands as text."""
        tools = messages[0].content if messages and messages[0].role == "tools" else ""
        calls = any(message.calls or message.call for message in messages)
        if (tools and not self._template.takes_tools) or (calls and not self._template.takes_calls):
            tools, messages = "", flat(messages)
            messages = joined(messages) if self.alternates else messages
        messages = messages[1:] if tools else messages
        return tools, messages if self._template.takes_system else template.without_system(messages)

    def _encode_literal(self, literal: str) -> tuple[int, ...]:
        return tuple(self._literals.encode(literal, add_special_tokens=False).ids)

    def _encode_text(self, text: str) -> list[int]:
        text = text.encode("utf-8", "replace").decode()  # lone surrogates have no bytes
        ids: list[int] = self._texts.encode(text, add_special_tokens=False).ids
        if self._control.isdisjoint(ids):
            return ids
        # A vocabulary may hold a special token as an ordinary piece too. One character never is one.
        each = self._texts.encode_batch(list(text), add_special_tokens=False)
        return [id for encoding in each for id in encoding.ids if id not in self._control]


def _read(folder: Path) -> bytes:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise MissingError(f"{folder} has no tokenizer.json: choose a model that ships one")
    return file.read_bytes()


def _tokenizer(source: bytes, *, special: bool) -> Tokenizer:
    """`special` says whether special tokens stand out of a text."""
    try:
        tokenizer = Tokenizer.from_buffer(source)
    except ValueError as error:
        raise InputError(f"tokenizer.json cannot be used: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = not special
    return tokenizer


def _unmarked(source: bytes, config: dict[str, Any]) -> bytes:
    """The tokenizer with every added token special, so that none stands out of a page: `<think>` is one
    that often is not. Added runs of spaces mark nothing, and may stay."""
    plain = [t for t in config.get("added_tokens") or () if not t["special"] and t["content"].strip()]
    for token in plain:
        token["special"] = True
    return json.dumps(config).encode() if plain else source


def _control(config: dict[str, Any], tokenizer: Tokenizer) -> frozenset[int]:
    """Ids of special tokens that no text may yield (the one for unknown text may)."""
    unknown = tokenizer.token_to_id(config["model"].get("unk_token") or "")
    special = {token["id"] for token in config.get("added_tokens") or () if token["special"]}
    return frozenset(special - {unknown})


def _config(source: bytes) -> dict[str, Any]:
    try:
        config = json.loads(source)
    except ValueError as error:
        raise InputError(f"tokenizer.json is not JSON: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise InputError("tokenizer.json holds no tokenizer")
    return config
