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
    step       linked, hop: the page, or its title, holds a rare name that the best candidates name

Cosines, BM25 and length are standardised over the candidates (z-scores); the others lie between 0 and 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vctx.dates import Days, intervals
from vctx.lexicon import Traits, holds, stem, terms, traits
from vctx.question import asked, named
from vctx.types import Hit, Page
from vctx.weights import Weights

Column = NDArray[np.float64]
Table = dict[str, Column]
"""Signal -> its value for each hit."""

UNTITLED: frozenset[str] = frozenset()
MOST = 240
"""Hits that a ranking has at most, where its weights were trained."""
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
    names: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Names that the best candidates name, and the pages that were found for each."""


def table(text: str, hits: Sequence[Hit], found: Field) -> Table:
    """The signals of each hit; every hit's page stands in the found."""
    place = {page.id: n for n, page in enumerate(found.pages)}
    rows = np.array([place[hit.page] for hit in hits])
    like = [traits(page.text) for page in found.pages]
    shape = _shape(found.pages)
    columns = _meaning(hits, rows, found, shape)
    columns |= {name: column[rows] for name, column in _words(text, found, like, shape).items()}
    columns["near_lexical"] = standard(columns["near_lexical"])
    columns["lexical"] = standard(lexical := _lexical(hits))
    columns["top_lexical"] = lexical / (lexical.max() or 1.0)
    columns |= {name: column[rows] for name, column in _people(text, found, like).items()}
    columns |= {name: column[rows] for name, column in _time(text, found).items()}
    columns |= {name: column[rows] for name, column in _form(text, found, like, shape).items()}
    columns |= {name: column[rows] for name, column in _links(found).items()}
    columns["length"] = standard(columns["length"])
    columns["replies"] = columns["answers"] * np.maximum(columns["before_dense"], 0.0)
    columns["told"] = columns["author"] * columns["own"]
    return columns


def weigh(hits: Sequence[Hit], columns: Table, chunks: Sequence[bool], weights: Weights) -> list[Hit]:
    """The hits, best first, each with its score: the bias, and each signal's share by its kind's weights.

    Trained weights leave out what is farthest from being needed. Ties go by page and span.
    """
    chunk = np.array(chunks, bool)
    score = np.where(chunk, weights.chunk_bias, weights.message_bias)
    parts = {False: _shares(columns, weights.message), True: _shares(columns, weights.chunk)}
    score += np.where(chunk, parts[True].sum(axis=0), parts[False].sum(axis=0))
    spans = np.array([hit.span or (0, 0) for hit in hits])
    pages = np.array([hit.page for hit in hits])
    order = np.lexsort((spans[:, 1], spans[:, 0], pages, -score))
    kept = (order[:MOST] if weights.trained else order).tolist()
    rows = {kind: part[:, kept].T.tolist() for kind, part in parts.items()}
    names = {False: list(weights.message), True: list(weights.chunk)}
    worth = _logistic(score).tolist()
    return [
        Hit(
            hits[n].page,
            hits[n].span,
            hits[n].dense,
            hits[n].lexical,
            score=float(score[n]),
            signals=dict(zip(names[chunks[n]], rows[chunks[n]][place], strict=True)),
            worth=worth[n] if weights.trained else None,
            group=hits[n].group,
        )
        for place, n in enumerate(kept)
    ]


def _shares(columns: Table, kind: Mapping[str, float]) -> Column:
    """(signals, hits): what each signal adds to each score."""
    if not kind:
        return np.zeros((0, len(columns["dense"])))
    return np.array([weight * columns[name] for name, weight in kind.items()])


def _logistic(score: Column) -> Column:
    """The probability of which a score is the logit."""
    worth: Column = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
    return worth


def standard(values: Column) -> Column:
    """z-scores; what is missing (NaN) gets the lowest value seen."""
    seen = values[~np.isnan(values)]
    if not len(seen) or (spread := float(seen.std())) < 1e-9:
        return np.zeros(len(values))
    scaled: Column = (np.where(np.isnan(values), seen.min(), values) - seen.mean()) / spread
    return scaled


@dataclass(frozen=True, slots=True)
class Shape:
    """How pages hang together."""

    goes_on: NDArray[np.bool_]
    """Whether each page but the last goes on in the next: the same sitting, or the same document."""
    sitting: NDArray[np.int64]
    """The number of the sitting, or of the document, of each page."""


def _shape(pages: Sequence[Page]) -> Shape:
    names = [page.source.document if page.source and not page.talk else "" for page in pages]
    close = np.diff([page.created_at.timestamp() for page in pages]) < SITTING.total_seconds()
    talk = np.array([not name for name in names[1:]], bool)
    same = np.array([a == b for a, b in pairwise(names)], bool) & (close | ~talk)
    next_to = np.diff([page.id for page in pages]) == 1
    return Shape(next_to & same, np.concatenate([[0], np.cumsum(~same)]).astype(np.int64))


def _meaning(hits: Sequence[Hit], rows: NDArray[np.int64], found: Field, shape: Shape) -> Table:
    goes_on = shape.goes_on
    own = np.array([math.nan if hit.dense is None else hit.dense for hit in hits])
    dense = np.where(np.isnan(own), found.question[rows], own)
    core = found.core[rows]
    return {
        "dense": standard(dense),
        "near_dense": standard(_near(_filled(found.question), goes_on)[rows]),
        "core": standard(core),
        "near_core": standard(_near(_filled(found.core), goes_on)[rows]),
        "before_dense": standard(_shifted(_filled(found.core), goes_on, 1)[rows]),
        "next_dense": standard(_shifted(_filled(found.core), goes_on, -1)[rows]),
        "sitting_dense": standard(_best_of_sitting(_filled(found.core), shape.sitting)[rows]),
        "top_dense": _top(dense),
        "top_core": _top(core),
        "top_near": _top(_near(_filled(found.core), goes_on)[rows]),
    }


def _shifted(values: Column, goes_on: NDArray[np.bool_], step: int) -> Column:
    """The value of the page before (1) or after (-1) each; the mean of all where there is none."""
    out = np.full(len(values), values.mean())
    if step == 1:
        out[1:] = np.where(goes_on, values[:-1], out[1:])
    else:
        out[:-1] = np.where(goes_on, values[1:], out[:-1])
    return out


def _best_of_sitting(values: Column, sitting: NDArray[np.int64]) -> Column:
    starts = np.flatnonzero(np.diff(sitting, prepend=-1))
    best: Column = np.maximum.reduceat(values, starts)[sitting]
    return best


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


def _words(text: str, found: Field, like: Sequence[Traits], shape: Shape) -> Table:
    wanted = list(dict.fromkeys(terms(text)))
    goes_on, sitting = shape.goes_on, shape.sitting
    held = _held(wanted, [page.stems for page in like])
    common = held.sum(axis=0)
    rarity = np.log1p((len(like) - common + 0.5) / (common + 0.5))
    share = rarity / (rarity.sum() or 1.0)
    window = held.copy()
    window[1:] = np.maximum(window[1:], held[:-1] * goes_on[:, None])
    window[:-1] = np.maximum(window[:-1], held[1:] * goes_on[:, None])
    cover = held @ share
    starts = np.flatnonzero(np.diff(sitting, prepend=-1))
    whole = np.maximum.reduceat(held, starts, axis=0)[sitting] if len(wanted) else held
    asked_pairs = frozenset(pairwise(wanted))
    title = [_title(page) for page in found.pages]
    return {
        "near_lexical": _near(held @ rarity, goes_on),
        "cover": cover,
        "near_cover": window @ share,
        "sitting_cover": whole @ share,
        "pairs": np.array([min(1.0, len(asked_pairs & page.pairs) / 2) for page in like]),
        "title": _held(wanted, title) @ share,
        "named": np.array([bool(stems) and stems <= set(wanted) for stems in title], float),
    }


def _held(wanted: Sequence[str], stems: Sequence[frozenset[str]]) -> Column:
    """Whether each of some stems (columns) stands in each of some sets (rows)."""
    held = np.zeros((len(stems), len(wanted)))
    whole = frozenset(wanted)
    for n, own in enumerate(stems):
        if not whole.isdisjoint(own):
            held[n] = [term in own for term in wanted]
    return held


def _title(page: Page) -> frozenset[str]:
    if page.source is None:
        return UNTITLED
    return traits(f"{page.source.document} {page.source.heading}").stems


def _links(found: Field) -> Table:
    """Whether a page, or its title, holds a name that the best candidates name."""
    if not found.names:
        return dict.fromkeys(("hop", "linked"), np.zeros(len(found.pages)))
    titles = [_title(page) for page in found.pages]
    names = [(name, frozenset(terms(name)), frozenset(pages)) for name, pages in found.names.items()]
    hop = [any(own and own <= title for _, own, _ in names) for title in titles]
    linked = [any(page.id in pages and name in page.text for name, _, pages in names) for page in found.pages]
    return {"hop": np.array(hop, float), "linked": np.array(linked, float)}


def _people(text: str, found: Field, like: Sequence[Traits]) -> Table:
    people = named(text, (page.author for page in found.pages))
    if len(people) == 1:
        by = [page.author == people[0] for page in found.pages]
    else:
        own = asked(text).own and not people
        by = [own and page.talk and page.role == "user" for page in found.pages]
    first = {stem(person.lower().split()[0]) for person in people}
    mentions = [not wrote and not first.isdisjoint(own.stems) for own, wrote in zip(like, by, strict=True)]
    return {"author": np.array(by, float), "mentions": np.array(mentions, float)}


def _time(text: str, found: Field) -> Table:
    spans = intervals(text, found.now.date())
    nothing = np.zeros(len(found.pages))
    late = _lateness(found.pages) if asked(text).now else nothing
    if not spans:
        return {"within": nothing, "after": nothing, "happened": nothing, "lately": late}
    days = [page.created_at.date() for page in found.pages]
    first, last = spans[0]
    since = np.array([(day - last).days for day in days], float)
    within = np.array([first <= day <= last for day in days], float)
    happened = [
        any(_same_time(spans[0], own) for own in intervals(page.text, day))
        for page, day in zip(found.pages, days, strict=True)
    ]
    after = np.where(since > 0, np.exp(-np.maximum(since, 0) / FADES), 0.0)
    return {"within": within, "after": after, "happened": np.array(happened, float), "lately": late}


def _lateness(pages: Sequence[Page]) -> Column:
    """0 for the oldest page here, 1 for the newest."""
    written = np.array([page.created_at.timestamp() for page in pages])
    late: Column = (written - written.min()) / (written.max() - written.min() or 1.0)
    return late


def _same_time(asked: Days, told: Days) -> bool:
    """Whether two times overlap, and what was told is not much vaguer than what is asked."""
    vague = (told[1] - told[0]) - (asked[1] - asked[0])
    return told[0] <= asked[1] and asked[0] <= told[1] and vague <= timedelta(days=8)


def _form(text: str, found: Field, like: Sequence[Traits], shape: Shape) -> Table:
    wants = asked(text)
    talk = np.array([page.talk for page in found.pages], float)
    asks = np.array([page.asks for page in like], float) * talk
    questions = np.array([page.questions for page in like], float) * talk
    answers = np.zeros(len(like))
    answers[1:] = questions[:-1] * shape.goes_on * talk[1:]
    return {
        "answers": answers,
        "asks": asks,
        "questions": questions,
        "acknowledges": np.array([page.acknowledges for page in like], float) * talk,
        "own": np.array([page.own for page in like], float) * talk,
        "length": np.log1p(np.array([page.words for page in like], float)),
        "brief": np.array([page.words < BRIEF for page in like], float) * talk,
        "has_time": np.array([wants.time and holds(page.text, "time") for page in found.pages], float),
        "has_number": np.array([wants.number and holds(page.text, "number") for page in found.pages], float),
        "has_name": np.array([wants.person and holds(page.text, "name") for page in found.pages], float),
    }
