"""Prompts as other programs write them: OpenAI's and Anthropic's messages, and plain text. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, cast, get_args

from vctx.errors import InputError
from vctx.types import Message, Role, ToolCall

Data = dict[str, Any]

HERMES = (
    "You are a function calling AI model. You are provided with function signatures within <tools></tools> "
    "XML tags. You may call one or more functions to assist with the user query. Don't make assumptions "
    "about what values to plug into functions. Here are the available tools: <tools> {tools} </tools> For "
    "each function call return a json object with function name and arguments within <tool_call></tool_call> "
    'XML tags as follows:\n<tool_call>\n{{"name": <function-name>, "arguments": <args-dict>}}\n</tool_call>'
)
OPEN, CLOSE = "<tool_call>", "</tool_call>"
"""Around each call."""


def openai(messages: Sequence[Message]) -> list[Data]:
    """As OpenAI's chat completions take them, and every endpoint that is compatible; tools go beside them."""
    return [_openai(message) for message in messages if message.role != "tools"]


def anthropic(messages: Sequence[Message]) -> Data:
    """As Anthropic's messages take them, ready for `create(**...)`: system, tools, messages.

    Blocks of one role that follow each other are one message; what holds no text is left out.
    """
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    said = (message for message in messages if message.role not in ("system", "tools"))
    rows = [
        {"role": role, "content": [block for message in run for block in _blocks(message)]}
        for role, run in groupby(said, key=lambda m: "assistant" if m.role == "assistant" else "user")
    ]
    data: Data = {"messages": [row for row in rows if row["content"]]}
    uses = [_use(schema["function"]) for schema in schemas(messages)]
    return {**({"system": system} if system else {}), **({"tools": uses} if uses else {}), **data}


def tools(schemas: Sequence[Mapping[str, Any]]) -> Message:
    """Tools in OpenAI's form as the message that stands first in a prompt. Raises InputError."""
    for schema in schemas:
        function = schema.get("function")
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise InputError(
                "a tool is {'type': 'function', 'function': {'name': ..., 'description': ..., "
                f"'parameters': JSON schema}}}}, not {schema!r}"
            )
    try:
        return Message("tools", json.dumps(list(schemas), ensure_ascii=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"the tools cannot be written as JSON: {error}") from error


def schemas(messages: Sequence[Message]) -> list[Data]:
    """The tools of a prompt, in OpenAI's form."""
    given = (message.content for message in messages if message.role == "tools")
    return [schema for content in given for schema in json.loads(content)]


def flat(messages: Sequence[Message]) -> list[Message]:
    """The same without tools, calls and results, for models that know of none: as text, in Hermes' form.

    https://github.com/NousResearch/Hermes-Function-Calling: the tools stand in the system text, calls in
    <tool_call>, results in <tool_response> as the user's.
    """
    if messages and messages[0].role == "tools":
        system = [HERMES.format(tools=messages[0].content)]
        system += [message.content for message in messages[1:2] if message.role == "system"]
        messages = [Message("system", "\n\n".join(system)), *messages[len(system) :]]
    out: list[Message] = []
    for answers, run in groupby(messages, key=lambda message: message.role == "tool"):
        if answers:
            out.append(Message("user", "\n".join(_response(message) for message in run)))
        else:
            out += [_flat(message) for message in run]
    return out


def called(text: str, first: int = 1) -> tuple[str, tuple[ToolCall, ...]]:
    """What a model said in Hermes' form: the text, and the calls in it, by ids from `call_<first>` on.

    What is no valid call stays in the text.
    """
    rest, calls, at = "", list[ToolCall](), 0
    while (start := text.find(OPEN, at)) >= 0:
        found = _called(text, start, f"call_{first + len(calls)}")
        if found is None:
            rest += text[at : start + len(OPEN)]
            at = start + len(OPEN)
        else:
            rest += text[at:start]
            calls.append(found[0])
            at = found[1]
    rest += text[at:]
    return (rest.strip() if calls else text), tuple(calls)


def _called(text: str, start: int, id: str) -> tuple[ToolCall, int] | None:
    """The call that begins here and where it ends; JSON says where its object does, whatever it quotes."""
    try:
        data, end = json.JSONDecoder().raw_decode(text, start + len(OPEN) + _spaces(text, start + len(OPEN)))
        end += _spaces(text, end)
        made = ToolCall(id, data["name"], json.dumps(data.get("arguments", {}), ensure_ascii=False))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not text.startswith(CLOSE, end) or not isinstance(made.name, str):
        return None
    return made, end + len(CLOSE)


def _spaces(text: str, at: int) -> int:
    """How much white space stands here."""
    return len(text) - at - len(text[at:].lstrip())


def joined(messages: Sequence[Message]) -> list[Message]:
    """The same with neighbours of one role as one message; calls and results stay by themselves."""
    out: list[Message] = []
    for message in messages:
        if out and out[-1].role == message.role and not (message.calls or message.call or out[-1].calls):
            message = Message(message.role, f"{out.pop().content}\n\n{message.content}")
        out.append(message)
    return out


def parse(messages: Sequence[Message] | Sequence[Mapping[str, Any]]) -> list[Message]:
    """Messages from OpenAI's form. Raises InputError for a role that there is not, or what is no message."""
    out = [message if isinstance(message, Message) else _parsed(message) for message in messages]
    names = {call.id: call.name for message in out for call in message.calls}
    return [replace(m, name=names.get(m.call, "")) if m.call and not m.name else m for m in out]


def call(data: ToolCall | Mapping[str, Any]) -> ToolCall:
    """A tool call from OpenAI's form. Raises InputError."""
    if isinstance(data, ToolCall):
        made = data
    else:
        function = data.get("function") or {}
        made = ToolCall(data.get("id", ""), function.get("name", ""), function.get("arguments", "{}"))
    if not all(isinstance(text, str) for text in (made.id, made.name, made.arguments)):
        raise InputError(f"a tool call's id, name and arguments are str (arguments: JSON), not {made}")
    if not made.id or not made.name:
        raise InputError("a tool call has an id and a name: ToolCall(id, name, arguments)")
    return made


def _openai(message: Message) -> Data:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call, "content": message.content}
    if not message.calls:
        return {"role": message.role, "content": message.content}
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
        for c in message.calls
    ]
    return {"role": message.role, "content": message.content, "tool_calls": calls}


def _blocks(message: Message) -> list[Data]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.call, "content": message.content}]
    text = [{"type": "text", "text": message.content}] if message.content.strip() else []
    uses = [{"type": "tool_use", "id": c.id, "name": c.name, "input": _arguments(c)} for c in message.calls]
    return [*text, *uses]


def _use(function: Data) -> Data:
    """A tool as Anthropic describes it."""
    described = {"description": function["description"]} if "description" in function else {}
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    return {"name": function["name"], **described, "input_schema": schema}


def _arguments(call: ToolCall) -> Data:
    """The arguments as an object; what is none stands in one, so that nothing is lost."""
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        value = call.arguments
    return value if isinstance(value, dict) else {"arguments": value}


def _flat(message: Message) -> Message:
    if not message.calls:
        return message
    calls = (
        f'<tool_call>\n{{"name": {json.dumps(c.name)}, "arguments": {c.arguments}}}\n</tool_call>'
        for c in message.calls
    )
    return Message(message.role, "\n".join(text for text in (message.content, *calls) if text))


def _response(message: Message) -> str:
    return f"<tool_response>\n{message.content}\n</tool_response>"


def _parsed(message: Mapping[str, Any]) -> Message:
    content = message.get("content")
    calls = tuple(call(one) for one in message.get("tool_calls") or ())
    if content is None and calls:
        content = ""
    if "role" not in message or not isinstance(content, str):
        raise InputError("a message is {'role': ..., 'content': text}, its calls in 'tool_calls'")
    return Message(_role(message["role"]), content, calls, message.get("tool_call_id", ""))


def _role(name: str) -> Role:
    if name not in get_args(Role):
        raise InputError(f"role must be one of {', '.join(get_args(Role))}, not {name!r}")
    return cast(Role, name)
