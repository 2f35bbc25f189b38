"""Words as recall compares them: without their endings, without those that tell nothing; and what a text is
like. Pure.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from vctx.stopwords import STOPWORDS

REMEMBERED = 65_536
"""Words of which the stem is kept."""

_WORD = re.compile(r"[^\W_]+")
_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
"""Chinese and Japanese, which part no words by spaces."""
_CLAUSE = re.compile(r"\?(\s|$)|？")
_ACK = re.compile(
    r"\W*(wow|oh|yeah|yes|yep|no way|thanks|thank you|haha|cool|nice|great|awesome|amazing|sure|ok|okay"
    r"|right|congrat\w*|sounds|that('s| is| sounds)|totally|exactly|absolutely|good (for|to|luck)|glad|aww?"
    r"|hey|hi|hello|bye|take care|of course|certainly|noted|i'm (sorry|happy|glad))\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|ago|last (night|week|weekend|month|year|spring|summer|fall|autumn"
    r"|winter|mon|tues|wednes|thurs|fri|satur|sun)\w*|next (week|month|year)"
    r"|this (morning|week|weekend|month|year)|(on |last |next )(mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|recently|since|for (\w+ )?(years|months|weeks)|january|february|march|april|june|july|august"
    r"|september|october|november|december|(19|20)\d\d)\b"
)
_DIGIT = re.compile(r"\d")
_NUMBER_WORDS = """
two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty
hundred thousand million once twice
"""
_NUMBERS = frozenset(_NUMBER_WORDS.split())
_TIME_WORDS = """
yesterday today tonight tomorrow ago last next past previous this recently since for
january february march april may june july august september october november december
jan feb mar apr aug sep oct nov dec spring summer autumn fall winter
monday tuesday wednesday thursday friday saturday sunday
"""
_TIMELY = frozenset(_TIME_WORDS.split())
_NAME = re.compile(r"(?<=[a-z,;:] )(?!I\b)[A-Z][a-z]+")
_SELF = frozenset(["i", "my", "me", "we", "our", "us"])


@dataclass(frozen=True, slots=True)
class Traits:
    """What a text is like, whatever is asked."""

    stems: frozenset[str]
    order: tuple[str, ...]
    """The stems as they follow each other, stop words left out."""
    words: int
    asks: bool
    """It ends in a question."""
    questions: bool
    """There is one in it."""
    acknowledges: bool
    """It opens with a word of assent or thanks."""
    own: bool
    """It speaks in the first person."""
    number: bool
    """It holds one, in digits or as a word."""
    timely: bool
    """It may speak of a time: there is a digit, or a word with which a time is told."""


def traits(text: str) -> Traits:
    """What a text is like."""
    words = words_of(text)
    found = stems(words)
    digits = bool(_DIGIT.search(text))
    return Traits(
        frozenset(found),
        tuple(found),
        len(words),
        text.rstrip().endswith(("?", "？")),
        ("?" in text or "？" in text) and bool(_CLAUSE.search(text)),
        bool(_ACK.match(text)),
        not _SELF.isdisjoint(words),
        digits or not _NUMBERS.isdisjoint(words),
        digits or not _TIMELY.isdisjoint(words),
    )


def holds(text: str, kind: Literal["time", "name"]) -> bool:
    """Whether a text holds what a question may ask for."""
    return bool(_WHEN.search(text.lower()) if kind == "time" else _NAME.search(text))


def terms(text: str) -> list[str]:
    """The stems of a text, in order, stop words left out."""
    return stems(words_of(text))


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; of a script without spaces, each two characters side by side."""
    text = text.lower()
    return _WORD.findall(text if text.isascii() else _RUN.sub(_spaced, text))


def _spaced(run: re.Match[str]) -> str:
    pairs = (a + b for a, b in pairwise(run[0]))
    return f" {' '.join(pairs) or run[0]} "


def stems(words: list[str]) -> list[str]:
    """The stems of words in lower case, stop words left out."""
    return list(filter(None, map(_stem, words)))


@lru_cache(REMEMBERED)
def _stem(word: str) -> str:
    """Its stem; empty for a stop word."""
    return "" if word in STOPWORDS else stem(word)


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
