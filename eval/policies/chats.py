"""Whole chats through a real session: messages are appended, questions recalled, as `Context.chat` does.

The one speaker is the user, the other the assistant. The questions of a conversation are asked on the way:
each at a turn drawn from all those after its evidence, by the same user, and answered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Literal

import vctx
from vctx.eval.talk import Conversation, TurnId

STEP = timedelta(seconds=30)
"""Between two messages of a sitting; LoCoMo and the made chats say only when a sitting begins."""
UNKNOWN = "I do not know that."
"""The answer to a question whose answer is not known."""
GREETING = "Hello!"
"""What the user says where the conversation lets the assistant speak unasked: no call is made for nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One message. `turn` where the conversation holds it, `question` where it asks one of its questions."""

    role: Literal["user", "assistant"]
    author: str
    text: str
    at: datetime
    turn: TurnId | None = None
    question: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked: the tick of its recall, and the pages that answer it."""

    tick: int
    question: int
    evidence: frozenset[int]


def steps(conversation: Conversation, seed: int = 0) -> Iterator[Step]:
    """The messages in order, the questions among them."""
    other = next(t.speaker for t in conversation.turns if t.speaker != conversation.asks or not t.speaker)
    asked = _placed(conversation, Random(seed))
    session, at, spoken = 0, datetime.min, False
    for place, turn in enumerate(conversation.turns):
        if turn.id[0] != session:
            session, at = turn.id[0], conversation.dates[turn.id[0]]
        role: Literal["user", "assistant"] = "user" if _asks(conversation, place) else "assistant"
        if role == "assistant" and not spoken:
            yield Step("user", conversation.asks, GREETING, at := at + STEP)
        spoken = role == "user"
        yield Step(role, turn.speaker, turn.text, at := at + STEP, turn.id)
        for number in asked.get(place, ()):
            question = conversation.questions[number]
            for text, known in (*((before, None) for before in question.before), (question.text, number)):
                yield Step("user", conversation.asks, text, at := at + STEP, question=known)
                answer = question.answer if known is not None and question.answer else UNKNOWN
                yield Step("assistant", other, answer, at := at + STEP)


def chat(
    conversation: Conversation, path: Path, advance: Callable[[int], object], *, seed: int = 0, **options: Any
) -> list[Asked]:
    """Chats a conversation into the session file `path`, made with `options` of `vctx.open`.

    `advance` is told of each turn of the conversation.
    """
    said = list(steps(conversation, seed))
    now = said[0].at
    pages: dict[TurnId, int] = {}
    asked: list[Asked] = []
    with vctx.open(path, model=None, summary="extract", clock=lambda: now, **options) as ctx:
        for step in said:
            now = step.at
            if step.role == "user":
                ctx.recall(step.text, hold=_hold(ctx, step.text))
            else:
                ctx.window()  # what the model reads before it answers
            if step.question is not None:
                evidence = conversation.questions[step.question].evidence
                found = frozenset(pages[turn] for turn in evidence)
                asked.append(Asked(ctx.log()[-1].tick, step.question, found))
            page = ctx.append(step.role, step.text, author=step.author, at=step.at)
            if step.turn is not None:
                pages[step.turn] = page.id
                advance(1)
    return asked


def _asks(conversation: Conversation, place: int) -> bool:
    turn = conversation.turns[place]
    return turn.speaker == conversation.asks and (bool(turn.speaker) or turn.id[1] % 2 == 1)


def _placed(conversation: Conversation, random: Random) -> dict[int, list[int]]:
    """The questions that are asked after each turn: an assistant's, after all that answers them."""
    order = {turn.id: place for place, turn in enumerate(conversation.turns)}
    open_to = [place for place in range(len(order)) if not _asks(conversation, place)]
    placed: dict[int, list[int]] = {}
    for number, question in enumerate(conversation.questions):
        told = max(order[turn] for turn in question.evidence)
        later = [place for place in open_to if place >= told] or [open_to[-1]]
        placed.setdefault(random.choice(later), []).append(number)
    return placed


def _hold(ctx: vctx.Context, text: str) -> int:
    """Tokens to leave free for a message that is about to be said."""
    return min(ctx.tokens([{"role": "user", "content": text}]), ctx.budget.room // 2)
