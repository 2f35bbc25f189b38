"""The nouns of every chat task: a conversation in dated sessions, and its questions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vctx.eval.case import Ask, Case, Said

TurnId = tuple[int, int]
"""(session, turn), both from 1."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. An empty speaker is not shown: a chat of a user with an assistant."""

    id: TurnId
    speaker: str
    text: str

    @property
    def line(self) -> str:
        """As it is rendered and counted."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.text


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the turns that answer it. `before` is what was asked right before, oldest first."""

    text: str
    category: str
    evidence: frozenset[TurnId]
    before: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    """Right replies, any of them; none are known of made conversations."""
    number: int | None = None
    """Its place in the file that it comes from."""

    @property
    def answer(self) -> str:
        """The first right reply; empty where none is known."""
        return self.answers[0] if self.answers else ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat in dated sessions, with its questions. `asks` is who plays the user."""

    name: str
    asks: str
    dates: dict[int, datetime]
    headers: dict[int, str]
    """The line with its date that a session which appears costs."""
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


def case(conversation: Conversation) -> Case:
    """The conversation as the harness takes it; a turn is called D<session>:<turn>."""
    return Case(
        conversation.name,
        tuple(_ask(conversation.name, n, question) for n, question in enumerate(conversation.questions)),
        said=tuple(_said(conversation, turn) for turn in conversation.turns),
        headers={str(number): line for number, line in conversation.headers.items()},
    )


def _ask(name: str, place: int, question: Question) -> Ask:
    gold = frozenset(_name(turn) for turn in question.evidence)
    number = place if question.number is None else question.number
    return Ask(f"{name}/{number}", question.text, question.category, gold, question.answers, question.before)


def _said(conversation: Conversation, turn: Turn) -> Said:
    asks = turn.speaker == conversation.asks and (turn.speaker or turn.id[1] % 2 == 1)
    role: Literal["user", "assistant"] = "user" if asks else "assistant"
    return Said(
        _name(turn.id), turn.text, role, turn.speaker, conversation.dates[turn.id[0]], str(turn.id[0])
    )


def _name(turn: TurnId) -> str:
    return f"D{turn[0]}:{turn[1]}"
