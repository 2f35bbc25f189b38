"""Replies as OpenAI-compatible servers write them, whole or in chunks. Pure: the library's types, no call.

A server may answer 200 with anything, and the library does not check it.
"""

from dataclasses import dataclass
from typing import Any

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from vctx.errors import ModelError
from vctx.types import Reply, ToolCall


def whole(answer: ChatCompletion, host: str) -> Reply:
    """The reply of an answer. Raises ModelError where it holds none."""
    choices = getattr(answer, "choices", None)
    if not choices or choices[0].message is None:
        raise ModelError(f"{host} answered without a message: is its base URL right (it ends in /v1)?")
    message = choices[0].message
    calls = tuple(
        ToolCall(call.id, call.function.name, call.function.arguments)
        for call in message.tool_calls or ()
        if call.type == "function"
    )
    return _reply(message.content or message.refusal or "", calls, answer.usage)


@dataclass(slots=True)
class _Call:
    """A tool call whose arguments still come."""

    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""


class Gathered:
    """A reply that comes in chunks: takes them one by one, and knows whether the last has come."""

    def __init__(self) -> None:
        self.text = ""
        self.chunks = 0
        self._calls: list[_Call] = []
        self._usage: CompletionUsage | None = None
        self._finished = False

    @property
    def finished(self) -> bool:
        """Whether the server has said that this is all: it gave a reason, or counted."""
        return self._finished or self._usage is not None

    def take(self, chunk: ChatCompletionChunk) -> str:
        """Takes the next chunk, and returns the text that it adds."""
        self.chunks += 1
        self._usage = getattr(chunk, "usage", None) or self._usage
        choices = getattr(chunk, "choices", None)
        if not choices:
            return ""
        delta = choices[0].delta
        self._finished = self._finished or choices[0].finish_reason is not None
        if delta is None:
            return ""
        for part in delta.tool_calls or ():
            self._add(part)
        piece = delta.content or getattr(delta, "refusal", None) or ""
        self.text += piece
        return piece

    def reply(self) -> Reply:
        """What has come, put together."""
        calls = (
            ToolCall(c.id or f"call_{n}", c.name, c.arguments or "{}") for n, c in enumerate(self._calls, 1)
        )
        return _reply(self.text, tuple(calls), self._usage)

    def _add(self, part: Any) -> None:
        """Parts of a call have its number, but some servers number all of them 0, and some none."""
        call = next((c for c in reversed(self._calls) if c.index == part.index), None)
        if call is None or (part.id and call.id and part.id != call.id):
            call = _Call(part.index)
            self._calls.append(call)
        call.id = call.id or part.id or ""
        if part.function is not None:
            call.name = call.name or part.function.name or ""
            call.arguments += part.function.arguments or ""


def _reply(text: str, calls: tuple[ToolCall, ...], usage: CompletionUsage | None) -> Reply:
    if usage is None:
        return Reply(text, calls=calls)
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else None
    return Reply(text, usage.prompt_tokens, usage.completion_tokens, cached, calls=calls)
