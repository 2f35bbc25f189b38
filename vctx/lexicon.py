"""Words as recall compares them: without their endings, without those that tell nothing; and what a text is
like. Pure; what a text is like is remembered, since pages never change.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from vctx.stopwords import STOPWORDS

REMEMBERED = 16_384
"""Texts of which the traits are kept: those of a long conversation."""

_WORD = re.compile(r"[^\W_]+")
_CLAUSE = re.compile(r"\?(\s|$)|？")
_ACK = re.compile(
    r"^\W*(wow|oh|yeah|yes|yep|no way|thanks|thank you|haha|cool|nice|great|awesome|amazing|sure|ok|okay"
    r"|right|congrat\w*|sounds|that('s| is| sounds)|totally|exactly|absolutely|good (for|to|luck)|glad|aww?"
    r"|hey|hi|hello|bye|take care|of course|certainly|noted|i'm (sorry|happy|glad))\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|ago|last (night|week|weekend|month|year|spring|summer|fall|autumn"
    r"|winter|mon|tues|wednes|thurs|fri|satur|sun)\w*|next (week|month|year)"
    r"|this (morning|week|weekend|month|year)|(on |last |next )(mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|recently|since|for (\w+ )?(years|months|weeks)|january|february|march|april|june|july|august"
    r"|september|october|november|december|(19|20)\d\d)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty"
    r"|hundred|thousand|million|once|twice)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[a-z,;:] )(?!I\b)[A-Z][a-z]+")
_SELF = re.compile(r"\b(i|i'm|i've|my|me|we|our|us)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Traits:
    """What a text is like, whatever is asked."""

    stems: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    """Stems that stand next to each other, stop words left out."""
    words: int
    asks: bool
    """It ends in a question."""
    questions: bool
    """There is one in it."""
    acknowledges: bool
    """It opens with a word of assent or thanks."""
    own: bool
    """It speaks in the first person."""


@lru_cache(REMEMBERED)
def traits(text: str) -> Traits:
    """What a text is like."""
    words = _WORD.findall(text.lower())
    found = stems(words)
    return Traits(
        frozenset(found),
        frozenset(pairwise(found)),
        len(words),
        text.rstrip().endswith(("?", "？")),
        bool(_CLAUSE.search(text)),
        bool(_ACK.search(text)),
        bool(_SELF.search(text)),
    )


@lru_cache(REMEMBERED)
def holds(text: str, kind: Literal["time", "number", "name"]) -> bool:
    """Whether a text holds what a question may ask for."""
    return bool({"time": _WHEN, "number": _NUMBER, "name": _NAME}[kind].search(text))


def terms(text: str) -> list[str]:
    """The stems of a text, in order, stop words left out."""
    return stems(_WORD.findall(text.lower()))


def stems(words: list[str]) -> list[str]:
    """The stems of words in lower case, stop words left out."""
    return [stem(word) for word in words if word not in STOPWORDS]


@lru_cache(REMEMBERED)
def stem(word: str) -> str:
    """A word without the commonest English endings: adopt, adopts, adopted, adopting are one."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        return word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word
