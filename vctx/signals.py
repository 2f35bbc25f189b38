"""The signals that rank a page for a question, and their weights. Pure.

    dense, lexical     the question against the page: cosine, BM25
    near_dense, ...    the same, mean of the page and its neighbours: talk goes on, a passage continues
    core               the question without its question word and the names in it, against the page
    author             the page is by the one person whom the question names
    answers, asks      the page follows a question; the page is one

Numbers are standardised over the candidates (z-scores), marks are 0 or 1. The weights are plain: 1 for what
is measured by meaning and for marks, a half for words; none was fitted to any data. A document's chunk is
ranked by itself: its neighbours tell where it stands, not what it says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from vctx.types import Hit, Page

WEIGHTS: Mapping[str, float] = {
    "dense": 1.0,
    "lexical": 0.5,
    "near_dense": 1.0,
    "near_lexical": 0.5,
    "core": 1.0,
    "near_core": 1.0,
    "author": 1.0,
    "answers": 1.0,
    "asks": -1.0,
}

DOCUMENT_WEIGHTS: Mapping[str, float] = {"dense": 3.0, "lexical": 1.5}
"""For chunks; as large as those of a message together, so that both may answer one question."""

Scores = Mapping[int, tuple[float | None, float]]
"""Page -> (cosine or None, BM25)."""

_AUXILIARY = "did|does|do|is|are|was|were|has|have|had|will|would|could|can|should"
_OPENING = re.compile(
    rf"^\s*(what|when|where|which|who|whom|whose|why|how|{_AUXILIARY})\b"
    rf"(\s+({_AUXILIARY}|kinds? of|many|much|long|often)\b)*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was learnt about the candidates: their pages and neighbours, and scores for two texts."""

    pages: Mapping[int, Page]
    question: Scores
    core: Scores


def core(question: str, names: Sequence[str]) -> str:
    """A question without its opening and without names: what is asked about. Itself if nothing is left."""
    text = _OPENING.sub("", question)
    for name in names:
        text = re.sub(rf"\b{re.escape(name)}(['’]s)?\b", "", text, flags=re.IGNORECASE)
    text = " ".join(text.split()).strip(" ?.!,")
    return text or question


def named(question: str, pages: Sequence[Page]) -> list[str]:
    """The authors of the pages whom the question names, by their first name or in full."""
    words = set(re.findall(r"\w+", question.lower()))
    authors = dict.fromkeys(page.author for page in pages if page.author)
    return [author for author in authors if _first(author) in words]


def signals(question: str, hits: Sequence[Hit], evidence: Evidence) -> list[dict[str, float]]:
    """What each signal adds to the score of each hit."""
    columns = {
        "dense": _standard([hit.dense for hit in hits]),
        "lexical": _standard([hit.lexical or 0.0 for hit in hits]),
        "near_dense": _standard([_near(hit, evidence, evidence.question, 0) for hit in hits]),
        "near_lexical": _standard([_near(hit, evidence, evidence.question, 1) for hit in hits]),
        "core": _standard([evidence.core[hit.page][0] for hit in hits]),
        "near_core": _standard([_near(hit, evidence, evidence.core, 0) for hit in hits]),
    }
    people = named(question, list(evidence.pages.values()))
    rows = []
    for i, hit in enumerate(hits):
        values = {name: column[i] for name, column in columns.items()}
        values |= _marks(hit.page, evidence.pages, people)
        weights = DOCUMENT_WEIGHTS if evidence.pages[hit.page].source else WEIGHTS
        rows.append({name: weight * values[name] for name, weight in weights.items()})
    return rows


def _marks(number: int, pages: Mapping[int, Page], people: Sequence[str]) -> dict[str, float]:
    page = pages[number]
    before = pages.get(number - 1)
    follows = before is not None and _together(page, before) and _asks(before)
    return {
        "author": float(len(people) == 1 and page.author == people[0]),
        "answers": float(follows),
        "asks": float(_asks(page)),
    }


def _near(hit: Hit, evidence: Evidence, scores: Scores, which: int) -> float:
    """The mean of a score over the page and its neighbours; what lacks it counts as nought."""
    page = evidence.pages[hit.page]
    others = (evidence.pages.get(number) for number in (hit.page - 1, hit.page + 1))
    around = [page, *(other for other in others if other and _together(page, other))]
    return fmean(scores[other.id][which] or 0.0 for other in around)


def _together(page: Page, other: Page) -> bool:
    """Whether two pages follow each other in the conversation."""
    return page.kind == other.kind == "message"


def _asks(page: Page) -> bool:
    return page.text.rstrip().endswith(("?", "？"))


def _first(author: str) -> str:
    return author.lower().split()[0]


def _standard(values: Sequence[float | None]) -> list[float]:
    """z-scores; what lacks the signal gets the lowest one seen."""
    seen = [value for value in values if value is not None]
    spread = pstdev(seen) if seen else 0.0
    if spread == 0.0:
        return [0.0] * len(values)
    mean, floor = fmean(seen), min(seen)
    return [((floor if value is None else value) - mean) / spread for value in values]
