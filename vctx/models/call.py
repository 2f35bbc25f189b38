"""Any function as a chat model: from messages to what it says."""

import inspect
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any

from vctx.errors import ModelError
from vctx.models.lesson import lesson
from vctx.ports import Tokenizer, last, whole
from vctx.types import Message, Reply

Said = str | Reply | Iterable[str | Reply]
Function = Callable[..., Said]


class CallableModel:
    """A function as a model (implements `ports.Model`): called with the messages, it answers.

    It returns the text, a Reply (which may bring calls and counts), or pieces of the text one by one,
    then perhaps the Reply. One that takes `max_tokens` is told; no other is held to it. What it raises
    is passed on as it is.
    """

    def __init__(self, function: Function, *, tokenizer: Tokenizer, window: int, name: str = "") -> None:
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self.window = window
        self.tokenizer = tokenizer
        self._function = function
        self._told = _takes(function, "max_tokens")

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        """What the function says. Raises ModelError where it returns something else."""
        return last(self.stream(messages, max_tokens=max_tokens))

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[str | Reply]:
        """The same, in pieces where the function yields some."""
        more: dict[str, Any] = {"max_tokens": max_tokens} if self._told else {}
        text, last = "", None
        for piece in self._pieces(self._function(list(messages), **more)):
            if isinstance(piece, Reply):
                last = piece
                break
            text += piece
            yield piece
        reply = last or Reply(text)
        if not reply.text.startswith(text):
            raise ModelError(f"the pieces that {self.name} gave are not the text of its Reply")
        if len(reply.text) > len(text):
            yield reply.text[len(text) :]
        yield replace(reply, lesson=lesson(self.tokenizer, messages, reply.prompt_tokens))

    def _pieces(self, said: object) -> Generator[str | Reply]:
        if isinstance(said, str):
            said = [said]
        elif isinstance(said, Reply):
            said = whole(said)
        if not isinstance(said, Iterable):
            raise self._nonsense(said)
        for piece in said:
            if not isinstance(piece, str | Reply):
                raise self._nonsense(piece)
            yield piece

    def _nonsense(self, said: object) -> ModelError:
        kind = type(said).__name__
        return ModelError(f"{self.name} answered with {kind}: a model returns its text, a Reply, or pieces")


def _takes(function: Function, name: str) -> bool:
    """Whether a function has such a parameter; some of C's have no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return False
    return any(p.name == name or p.kind is p.VAR_KEYWORD for p in parameters)
