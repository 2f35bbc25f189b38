"""What a question says of its answer: whom it names, what is asked about, what kind of thing. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_AUXILIARY = "did|does|do|is|are|was|were|has|have|had|will|would|could|can|should"
_OPENING = re.compile(
    rf"^\s*((and|so|ok|but|then),?\s+)*(what|when|where|which|who|whom|whose|why|how|{_AUXILIARY})\b"
    rf"(\s+({_AUXILIARY}|kinds? of|many|much|long|often)\b)*",
    re.IGNORECASE,
)
_LEANS = re.compile(r"^\s*(and|so|but|then|ok|what about|how about|why)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(he|she|it|they|him|her|them|his|its|their|that|those|there|one)\b", re.IGNORECASE)
_NAME = re.compile(r"(?<!^)(?<![.?!] )\b(?!I\b)[A-Z]\w+")
_TIME = re.compile(r"\b(when|what (day|date|year|month|time)|how long ago)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\bhow (many|much|long|old|often|far|high|large|big)\b", re.IGNORECASE)
_PERSON = re.compile(r"\b(who|whom|whose)\b", re.IGNORECASE)
_NOW = re.compile(
    r"\b(now|currently|at present|these days|present|latest|current|most recent)\b", re.IGNORECASE
)
_SELF = re.compile(r"\b(i|me|my|mine|myself)\b", re.IGNORECASE)

SHORT = 12
"""Words that a question which leans on the one before it may have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What kind of answer a question wants."""

    time: bool
    number: bool
    person: bool
    now: bool
    """What holds at present, not what once did."""
    own: bool
    """It is about whoever asks."""


def asked(question: str) -> Asked:
    """What kind of answer a question wants."""
    patterns = (_TIME, _NUMBER, _PERSON, _NOW, _SELF)
    return Asked(*(bool(pattern.search(question)) for pattern in patterns))


def core(question: str, names: Sequence[str]) -> str:
    """A question without its opening and without names: what is asked about. Itself if nothing is left."""
    text = _OPENING.sub("", question)
    for name in names:
        text = re.sub(rf"\b{re.escape(name)}(['’]s)?(?!\w)", "", text, flags=re.IGNORECASE)
    text = " ".join(text.split()).strip(" ?.!,")
    return text or question


def named(question: str, authors: Iterable[str]) -> list[str]:
    """The authors whom the question names, by their first name or in full."""
    words = set(re.findall(r"\w+", question.lower()))
    return [author for author in dict.fromkeys(authors) if author and author.lower().split()[0] in words]


def leans(question: str) -> bool:
    """Whether a question can only be understood after what was said before it: short, and names nobody."""
    if len(question.split()) > SHORT or _NAME.search(question):
        return False
    return bool(_LEANS.search(question) or _PRONOUN.search(question))
