"""A turn, sans I/O: what it asks of the model and of the world, and what it keeps of their answers.

A turn is a generator: it yields requests, takes the result of each by `send`, or the model's failure by
`throw`, and returns an Answer. Nothing here calls a model, runs a tool or waits; `vctx.drive` does, and
so may any program that iterates `Context.turn` itself.

    page in what the message needs -> keep the message -> ModelCall -> keep the reply -> Answer
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from vctx.errors import TooLongError
from vctx.memory import Memory
from vctx.types import Answer, Hit, Message, Reply


@dataclass(frozen=True, slots=True)
class ModelCall:
    """Asks the model; its Reply is awaited."""

    messages: tuple[Message, ...]
    max_tokens: int
    aloud: bool = True
    """Whether what it says is for the user, so that it may be passed on while it comes."""


Request = ModelCall
Turn = Generator[Request, Any, Answer]


def chat(memory: Memory, text: str) -> Turn:
    """The user says something. Where no model answers, the message stays, and is not kept twice."""
    hits = memory.recall(text, hold=memory.space(text))
    if not memory.waits(text):
        memory.append("user", text)
    return (yield from reply(memory, hits))


def reply(memory: Memory, hits: Sequence[Hit] = ()) -> Turn:
    """The model goes on with the window as it stands."""
    messages, said = yield from _completed(memory)
    memory.keep(said)
    return Answer(said.text, tuple(hits), memory.tokens(messages), memory.budget.room, said)


def _completed(memory: Memory) -> Generator[Request, Any, tuple[list[Message], Reply]]:
    """The prompt and its reply; one that is refused as too long is made shorter, and sent once more."""
    messages = memory.messages()
    try:
        return messages, (yield ModelCall(tuple(messages), memory.budget.reserve))
    except TooLongError as error:
        memory.shrink(messages, error)
    messages = memory.messages()
    return messages, (yield ModelCall(tuple(messages), memory.budget.reserve))
