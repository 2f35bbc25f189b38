"""What recall asks of the disk, what it finds, and what supports an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from vctx.types.pages import Page, SessionInfo, Span
from vctx.types.quick import quick


@quick
@dataclass(frozen=True, slots=True)
class Hit:
    """A page, or a span of one, that answers a query, with every signal that ranked it.

    `dense` is a cosine, `lexical` a BM25 score (higher is better), None where the page has no
    such signal; `score` is the weights' bias and the sum of `signals`. `tokens` is the price of loading it.
    """

    page: int
    span: Span | None = None
    dense: float | None = None
    lexical: float | None = None
    score: float = 0.0
    signals: Mapping[str, float] = field(default_factory=dict)
    """What each signal adds to the score."""
    worth: float | None = None
    """How probably the page is needed, from 0 to 1; None where the weights only rank."""
    via: str = ""
    """The rare word by which the chase came to this page."""
    tokens: int = 0
    group: int | None = None
    resident: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What recall asks of the disk: the best `k` spans by meaning, and the best `k` pages by words."""

    text: str
    k: int


@dataclass(frozen=True, slots=True)
class Score:
    """What recall asks of the disk: the cosine of each page to each text, (texts, pages); NaN where there is
    no vector."""

    texts: tuple[str, ...]
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Find:
    """What recall asks of the disk: the first `k` pages that hold a phrase, word by word."""

    phrase: str
    k: int


@dataclass(frozen=True, slots=True)
class Written:
    """What recall asks of the disk: what was said from one day to the other, by id."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Read:
    """What recall asks of the disk: these pages and their neighbours, in order of id."""

    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """What recall asks of the disk: where pages stand; places that follow each other are side by side."""

    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What recall asks of the disk: the numbers of pages and of so many before and after each."""

    pages: tuple[int, ...]
    reach: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The sentence of a page that supports an answer best. `score` is a cosine."""

    page: Page
    sentence: str
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """A page of some session that answers a query."""

    session: str
    page: Page
    hit: Hit
    """With the page's own number, and every signal that ranked it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search across the sessions of one user found, best first."""

    matches: tuple[Match, ...]
    unread: tuple[SessionInfo, ...] = ()
    """Sessions that could not be searched, and why."""
