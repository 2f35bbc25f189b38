"""The signals of every candidate for a question, as a table. Pure; numpy.

    meaning    dense, core: cosine of the question, and of its core, to the page; near_*: of the page and its
               neighbours, since talk goes on; top_*: how close to the best candidate
    words      lexical: BM25; cover, near_cover, sitting_cover: the share of the question's words, weighed by
               their rarity, on the page, on it and its neighbours, in its sitting; pairs: words side by side
    people     author: whom the question names wrote it; mentions: another writes of them
    time       within, after: written in the time that the question names, or soon after; happened: it speaks
               of that time; lately: how recent, where the question asks what holds now
    form       answers: it follows a question; asks, questions, acknowledges, own, length; has_*: it holds a
               time, a number, a name where the question asks for one
    document   title: the share of the question's words in title and heading; named: the question names it

Cosines, BM25 and length are standardised over the candidates (z-scores); the others lie between 0 and 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vctx.dates import Days, intervals
from vctx.lexicon import Traits, terms, traits
from vctx.question import asked, named
from vctx.types import Hit, Page

Column = NDArray[np.float64]
Table = dict[str, Column]
"""Signal -> its value for each hit."""

SITTING = timedelta(hours=6)
"""A longer silence ends what is one conversation."""
FADES = 10.0
"""Days after which what was written later counts for a third."""
BRIEF = 6
"""Words below which a message seldom tells anything."""
CLOSE = 0.05
"""Cosine below the best at which a page counts for a third."""


@dataclass(frozen=True, slots=True)
class Field:
    """What was learnt about a question's candidates: pages and neighbours by id, cosines of two texts."""

    pages: Sequence[Page]
    question: Column
    """Cosine of each page to the question; NaN where it has no vector."""
    core: Column
    now: datetime


def table(text: str, hits: Sequence[Hit], field: Field) -> Table:
    """The signals of each hit; every hit's page stands in the field."""
    place = {page.id: n for n, page in enumerate(field.pages)}
    rows = np.array([place[hit.page] for hit in hits])
    like = [traits(page.text) for page in field.pages]
    columns = _meaning(hits, rows, field)
    columns |= {name: column[rows] for name, column in _words(text, field, like).items()}
    columns["near_lexical"] = standard(columns["near_lexical"])
    columns["lexical"] = standard(lexical := _lexical(hits))
    columns["top_lexical"] = lexical / (lexical.max() or 1.0)
    columns |= {name: column[rows] for name, column in _people(text, field).items()}
    columns |= {name: column[rows] for name, column in _time(text, field).items()}
    columns |= {name: column[rows] for name, column in _form(text, field, like).items()}
    columns["length"] = standard(columns["length"])
    columns["replies"] = columns["answers"] * np.maximum(columns["before_dense"], 0.0)
    columns["told"] = columns["author"] * columns["own"]
    return columns


def standard(values: Column) -> Column:
    """z-scores; what is missing (NaN) gets the lowest value seen."""
    seen = values[~np.isnan(values)]
    if not len(seen) or (spread := float(seen.std())) < 1e-9:
        return np.zeros(len(values))
    scaled: Column = (np.where(np.isnan(values), seen.min(), values) - seen.mean()) / spread
    return scaled


def together(pages: Sequence[Page]) -> NDArray[np.bool_]:
    """Whether each page but the last goes on in the next: the same sitting, or the same document."""
    return np.array([_goes_on(a, b) for a, b in pairwise(pages)], bool)


def _goes_on(a: Page, b: Page) -> bool:
    if b.id != a.id + 1 or a.kind != b.kind:
        return False
    if a.source and b.source:
        return a.source.document == b.source.document
    return b.created_at - a.created_at < SITTING


def _meaning(hits: Sequence[Hit], rows: NDArray[np.int64], field: Field) -> Table:
    goes_on = together(field.pages)
    own = np.array([math.nan if hit.dense is None else hit.dense for hit in hits])
    dense = np.where(np.isnan(own), field.question[rows], own)
    core = field.core[rows]
    return {
        "dense": standard(dense),
        "near_dense": standard(_near(_filled(field.question), goes_on)[rows]),
        "core": standard(core),
        "near_core": standard(_near(_filled(field.core), goes_on)[rows]),
        "before_dense": standard(_shifted(_filled(field.core), goes_on, 1)[rows]),
        "next_dense": standard(_shifted(_filled(field.core), goes_on, -1)[rows]),
        "sitting_dense": standard(_best_of_sitting(_filled(field.core), field.pages)[rows]),
        "top_dense": _top(dense),
        "top_core": _top(core),
        "top_near": _top(_near(_filled(field.core), goes_on)[rows]),
    }


def _shifted(values: Column, goes_on: NDArray[np.bool_], step: int) -> Column:
    """The value of the page before (1) or after (-1) each; the mean of all where there is none."""
    out = np.full(len(values), values.mean())
    if step == 1:
        out[1:] = np.where(goes_on, values[:-1], out[1:])
    else:
        out[:-1] = np.where(goes_on, values[1:], out[:-1])
    return out


def _best_of_sitting(values: Column, pages: Sequence[Page]) -> Column:
    sitting = _sittings(pages)
    starts = np.flatnonzero(np.diff(sitting, prepend=-1))
    best: Column = np.maximum.reduceat(values, starts)[sitting]
    return best


def _sittings(pages: Sequence[Page]) -> NDArray[np.int64]:
    """The number of the sitting, or document, of each page."""
    return np.concatenate([[0], np.cumsum(~_one_sitting(pages))]).astype(np.int64)


def _top(cosines: Column) -> Column:
    """1 for the best, less by how far below it."""
    filled = _filled(cosines)
    near: Column = np.exp((filled - filled.max()) / CLOSE)
    return near


def _filled(values: Column) -> Column:
    seen = values[~np.isnan(values)]
    return np.where(np.isnan(values), seen.min() if len(seen) else 0.0, values)


def _near(values: Column, goes_on: NDArray[np.bool_]) -> Column:
    """The mean of each value and its neighbours'."""
    total, count = values.copy(), np.ones(len(values))
    total[1:] += values[:-1] * goes_on
    total[:-1] += values[1:] * goes_on
    count[1:] += goes_on
    count[:-1] += goes_on
    mean: Column = total / count
    return mean


def _lexical(hits: Sequence[Hit]) -> Column:
    return np.array([hit.lexical or 0.0 for hit in hits])


def _words(text: str, field: Field, like: Sequence[Traits]) -> Table:
    wanted = list(dict.fromkeys(terms(text)))
    goes_on = together(field.pages)
    held = np.array([[term in page.stems for term in wanted] for page in like], float)
    held = held.reshape(len(like), len(wanted))
    common = held.sum(axis=0)
    rarity = np.log1p((len(like) - common + 0.5) / (common + 0.5))
    share = rarity / (rarity.sum() or 1.0)
    window = held.copy()
    window[1:] = np.maximum(window[1:], held[:-1] * goes_on[:, None])
    window[:-1] = np.maximum(window[:-1], held[1:] * goes_on[:, None])
    cover = held @ share
    sitting = _sittings(field.pages)
    starts = np.flatnonzero(np.diff(sitting, prepend=-1))
    whole = np.maximum.reduceat(held, starts, axis=0)[sitting] if len(wanted) else held
    asked_pairs = frozenset(pairwise(wanted))
    title = [_title(page) for page in field.pages]
    titled = np.array([[term in stems for term in wanted] for stems in title], float)
    return {
        "near_lexical": _near(held @ rarity, goes_on),
        "cover": cover,
        "near_cover": window @ share,
        "sitting_cover": whole @ share,
        "pairs": np.array([min(1.0, len(asked_pairs & page.pairs) / 2) for page in like]),
        "title": titled.reshape(held.shape) @ share,
        "named": np.array([bool(stems) and stems <= set(wanted) for stems in title], float),
    }


def _one_sitting(pages: Sequence[Page]) -> NDArray[np.bool_]:
    """Whether each page but the last stands in the same sitting, or document, as the next of those here."""
    return np.array(
        [
            a.source.document == b.source.document
            if a.source and b.source
            else not (a.source or b.source) and b.created_at - a.created_at < SITTING
            for a, b in pairwise(pages)
        ],
        bool,
    )


def _title(page: Page) -> frozenset[str]:
    if page.source is None:
        return frozenset()
    return traits(f"{page.source.document} {page.source.heading}").stems


def _people(text: str, field: Field) -> Table:
    people = named(text, (page.author for page in field.pages))
    if len(people) == 1:
        by = [page.author == people[0] for page in field.pages]
    else:
        own = asked(text).own and not people
        by = [own and page.kind == "message" and page.role == "user" for page in field.pages]
    first = [person.lower().split()[0] for person in people]
    mentions = [
        not wrote and any(name in page.text.lower() for name in first)
        for page, wrote in zip(field.pages, by, strict=True)
    ]
    return {"author": np.array(by, float), "mentions": np.array(mentions, float)}


def _time(text: str, field: Field) -> Table:
    spans = intervals(text, field.now.date())
    written = np.array([page.created_at.timestamp() for page in field.pages]) / 86400
    span = written.max() - written.min() or 1.0
    late = (written - written.min()) / span if asked(text).now else np.zeros(len(written))
    nothing = np.zeros(len(field.pages))
    if not spans:
        return {"within": nothing, "after": nothing, "happened": nothing, "lately": late}
    days = [page.created_at.date() for page in field.pages]
    first, last = spans[0]
    since = np.array([(day - last).days for day in days], float)
    within = np.array([first <= day <= last for day in days], float)
    happened = [
        any(_same_time(spans[0], own) for own in intervals(page.text, day))
        for page, day in zip(field.pages, days, strict=True)
    ]
    after = np.where(since > 0, np.exp(-np.maximum(since, 0) / FADES), 0.0)
    return {"within": within, "after": after, "happened": np.array(happened, float), "lately": late}


def _same_time(asked: Days, told: Days) -> bool:
    """Whether two times overlap, and what was told is not much vaguer than what is asked."""
    vague = (told[1] - told[0]) - (asked[1] - asked[0])
    return told[0] <= asked[1] and asked[0] <= told[1] and vague <= timedelta(days=8)


def _form(text: str, field: Field, like: Sequence[Traits]) -> Table:
    wants = asked(text)
    talk = np.array([page.kind == "message" for page in field.pages], float)
    asks = np.array([page.asks for page in like], float) * talk
    questions = np.array([page.questions for page in like], float) * talk
    answers = np.zeros(len(like))
    answers[1:] = questions[:-1] * together(field.pages) * talk[1:]
    return {
        "answers": answers,
        "asks": asks,
        "questions": questions,
        "acknowledges": np.array([page.acknowledges for page in like], float) * talk,
        "own": np.array([page.own for page in like], float) * talk,
        "length": np.log1p(np.array([page.words for page in like], float)),
        "brief": np.array([page.words < BRIEF for page in like], float) * talk,
        "has_time": np.array([wants.time and page.time for page in like], float),
        "has_number": np.array([wants.number and page.number for page in like], float),
        "has_name": np.array([wants.person and page.name for page in like], float),
    }
