"""Chat templates rendered into parts: literal text of the template, and places where a text stands.

A template never sees a text of the messages (`Message.texts`). It is rendered with a placeholder in its
stead, so a page cannot steer it, and what is literal and what is a page's text stays known to the tokenizer.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

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
# The arguments of a call are JSON already: the quotes that a template puts around a text are taken away.
JSON = "\ue002"
_QUOTED = re.compile(f'"({PAD}{OPEN}\\d+{CLOSE}{PAD}){JSON}"')

Part = str | int
"""Literal text of the template, or the index of the text that stands here, of all texts of the messages."""


class Shape(NamedTuple):
    """What a template sees of a message: no text, but whether there is one, and how many calls."""

    role: str
    said: bool = True
    calls: int = 0


TOOL = "vctx_tool"
_TOOL = {"type": "function", "function": {"name": TOOL, "description": "", "parameters": {}}}
TOOLS = (Shape("user"), Shape("assistant", calls=2), Shape("tool"), Shape("tool"), Shape("assistant"))


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
            self.parts((Shape("system"), Shape("user")))
        except InputError:
            return False
        return True

    @cached_property
    def takes_calls(self) -> bool:
        """Whether tool calls, two at a time, and their results stand in the prompt."""
        try:
            self.parts(TOOLS)
        except InputError:
            return False
        return True

    @cached_property
    def takes_tools(self) -> bool:
        """Whether calls stand in the prompt, and the tools that may be called."""
        try:
            return self.takes_calls and TOOL in self._render((Shape("user"),), True, [_TOOL])
        except InputError:
            return False

    def parts(
        self, shapes: Sequence[Shape], *, reply: bool = True, tools: str = ""
    ) -> list[tuple[Part, bool, bool]]:
        """(part, trim left, trim right) in order of the prompt; `reply` adds the opening of the reply.

        `tools` is JSON, in OpenAI's form.

        Every content, and name and arguments of every call, stand in it at least once; an InputError
        names the role of a message of which something does not.
        """
        pieces = PLACEHOLDER.split(self._render(shapes, reply, json.loads(tools) if tools else None))
        parts: list[tuple[Part, bool, bool]] = [(pieces[0], False, False)]
        for left, index, right, literal in zip(*(iter(pieces[1:]),) * 4, strict=True):
            parts += [(int(index), not left, not right), (literal, False, False)]
        placed = {part for part, _, _ in parts}
        for shape, first in _numbered(shapes):
            if not placed.issuperset(_needed(shape, first)):
                raise InputError(f"the model's chat template leaves out a message of role {shape.role!r}")
        return [part for part in parts if part[0] != ""]

    def _render(self, shapes: Sequence[Shape], reply: bool, tools: Any = None) -> str:
        messages = [_placeholders(shape, first) for shape, first in _numbered(shapes)]
        try:
            text = self._template.render(
                messages=messages, tools=tools, add_generation_prompt=reply, **self._special
            )
        except (TemplateError, TypeError, ValueError) as error:
            raise InputError(f"the model's chat template refuses these messages: {error}") from error
        return text.replace(JSON, "")

    def _accepts(self, *roles: str) -> bool:
        try:
            self._render([Shape(role) for role in roles], reply=True)
        except InputError:
            return False
        return True


def _numbered(shapes: Sequence[Shape]) -> Iterator[tuple[Shape, int]]:
    """Each shape with the number of its first text; the order is that of `Message.texts`."""
    first = 0
    for shape in shapes:
        yield shape, first
        first += 3 + 3 * shape.calls


def _needed(shape: Shape, first: int) -> set[int]:
    named = {first + 3 * n + part for n in range(1, shape.calls + 1) for part in (1, 2)}
    return named | ({first} if shape.said else set())


def _placeholders(shape: Shape, first: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": shape.role, "content": _hole(first) if shape.said else ""}
    if shape.role == "tool":
        message |= {"tool_call_id": _hole(first + 1), "name": _hole(first + 2)}
    if shape.calls:
        message["tool_calls"] = [_called(first + 3 * n) for n in range(1, shape.calls + 1)]
    return message


def _called(first: int) -> dict[str, Any]:
    function = {"name": _hole(first + 1), "arguments": _hole(first + 2) + JSON}
    return {"id": _hole(first), "type": "function", "function": function}


def _hole(index: int) -> str:
    return f"{PAD}{OPEN}{index}{CLOSE}{PAD}"


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
    return _QUOTED.sub(r"\1", json.dumps(value, ensure_ascii=ensure_ascii, **options))


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def shapes(messages: Sequence[Message]) -> tuple[Shape, ...]:
    """What a template sees of the messages."""
    return tuple(Shape(m.role, bool(m.content) or not m.calls, len(m.calls)) for m in messages)


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The same for a template that takes no system message: its text heads the first user message."""
    if not messages or messages[0].role != "system":
        return list(messages)
    head, *rest = messages
    if rest and rest[0].role == "user":
        head, *rest = [Message("user", f"{head.content}\n\n{rest[0].content}"), *rest[1:]]
    return [Message("user", head.content), *rest]
