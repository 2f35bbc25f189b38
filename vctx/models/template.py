"""Chat templates rendered into parts: literal text of the template, and places where a content stands.

A template never sees a content. It is rendered with a placeholder in its stead, so a page cannot
steer it, and what is literal and what is a page's text stays known to the tokenizer.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from vctx.errors import InputError, MissingError
from vctx.types import Message

# A placeholder is a number between private-use characters, padded with an odd space on either side:
# a template that trims contents takes the space away, and the content is then trimmed in its turn.
PAD, OPEN, CLOSE = "\u2003", "\ue000", "\ue001"
PLACEHOLDER = re.compile(f"({PAD}?){OPEN}(\\d+){CLOSE}({PAD}?)")

Part = str | int
"""Literal text of the template, or the index of the message whose content stands here."""


class ChatTemplate:
    """A model's chat template. Raises InputError where the template refuses the messages."""

    def __init__(self, source: str, special: dict[str, str]) -> None:
        """`special` are the named tokens that a template may write: bos_token, eos_token, ..."""
        self.source = source
        self._special = special
        try:
            self._template = _environment().from_string(source)
        except TemplateError as error:
            raise InputError(f"the model's chat template cannot be read: {error}") from error

    @property
    def alternates(self) -> bool:
        """Whether two messages of one role in a row are refused, while taking turns is not."""
        return not self._accepts("user", "user") and self._accepts("user", "assistant", "user")

    @cached_property
    def takes_system(self) -> bool:
        """Whether a system message may stand first; some models were trained without."""
        try:
            self.parts(("system", "user"))
        except InputError:
            return False
        return True

    def parts(self, roles: Sequence[str], *, reply: bool = True) -> list[tuple[Part, bool, bool]]:
        """(part, trim left, trim right) in order of the prompt; `reply` adds the opening of the reply.

        Every message's content stands in it at least once; an InputError names a role that does not.
        """
        pieces = PLACEHOLDER.split(self._render(roles, reply))
        parts: list[tuple[Part, bool, bool]] = [(pieces[0], False, False)]
        for left, index, right, literal in zip(*(iter(pieces[1:]),) * 4, strict=True):
            parts += [(int(index), not left, not right), (literal, False, False)]
        placed = {part for part, _, _ in parts}
        for index, role in enumerate(roles):
            if index not in placed:
                raise InputError(f"the model's chat template leaves out a message of role {role!r}")
        return [part for part in parts if part[0] != ""]

    def _render(self, roles: Sequence[str], reply: bool) -> str:
        messages = [
            {"role": role, "content": f"{PAD}{OPEN}{index}{CLOSE}{PAD}"} for index, role in enumerate(roles)
        ]
        try:
            return self._template.render(messages=messages, add_generation_prompt=reply, **self._special)
        except (TemplateError, TypeError, ValueError) as error:
            raise InputError(f"the model's chat template refuses these messages: {error}") from error

    def _accepts(self, *roles: str) -> bool:
        try:
            self._render(roles, reply=True)
        except InputError:
            return False
        return True


def load(folder: Path) -> ChatTemplate:
    """The template of a transformers folder: chat_template.jinja, else the one in tokenizer_config.json."""
    config = _json(folder / "tokenizer_config.json")
    named = {key: _content(value) for key, value in config.items() if key.endswith("_token")}
    special = {key: text for key, text in named.items() if text is not None}
    file = folder / "chat_template.jinja"
    source = file.read_text("utf-8") if file.is_file() else _default(config.get("chat_template"))
    if source is None:
        raise MissingError(f"{folder} has no chat template: choose an instruct or chat model")
    return ChatTemplate(source, special)


def _default(templates: Any) -> str | None:
    """Older folders keep several templates by name."""
    if isinstance(templates, list):
        templates = {entry["name"]: entry["template"] for entry in templates}.get("default")
    return templates if isinstance(templates, str) else None


def _content(token: Any) -> str | None:
    """A special token is written as text, or as an object with its text in `content`."""
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else None


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    return value if isinstance(value, dict) else {}


def _environment() -> ImmutableSandboxedEnvironment:
    """The environment in which transformers renders templates (its utils/chat_template_utils.py)."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


class _Generation(Extension):
    """`{% generation %}` marks an assistant's text for training; here only its body counts."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _tojson(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    """jinja2's own filter escapes HTML, which no model was trained on."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def roles(messages: Sequence[Message]) -> tuple[str, ...]:
    """What a template sees of the messages."""
    return tuple(message.role for message in messages)


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The same for a template that takes no system message: its text heads the first user message."""
    if not messages or messages[0].role != "system":
        return list(messages)
    head, *rest = messages
    if rest and rest[0].role == "user":
        head, *rest = [Message("user", f"{head.content}\n\n{rest[0].content}"), *rest[1:]]
    return [Message("user", head.content), *rest]
