"""The nouns of every chat task: a conversation in dated sessions, its questions, and what was found."""

from dataclasses import dataclass
from datetime import datetime

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
    answer: str = ""
    """What answers it, where that is known."""


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


@dataclass(frozen=True, slots=True)
class Score:
    """One question's evidence recall at each budget."""

    conversation: str
    category: str
    recall: dict[int, float]
