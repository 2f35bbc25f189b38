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
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np

from vctx.candidates import Candidates, Column, Numbers
from vctx.dates import Days, gap, intervals
from vctx.field import DATED, NAMED, TIMES, Field
from vctx.lexicon import stem, terms
from vctx.question import asked, named

Table = dict[str, Column]
"""Signal -> its value for each hit."""

FADES = 10.0
"""Days after which what was written later counts for a third."""
TERMS = 256
"""Words of a question, its first, that are looked for on each page."""
FAR = 4.0
"""Deviations beyond which a length tells no more: a pasted book is no better an answer than a long letter."""
BRIEF = 6
"""Words below which a message seldom tells anything."""
SLACK = tuple(
    (timedelta(days=unit), timedelta(days=days)) for unit, days in ((365, 180), (30, 15), (7, 3), (0, 0))
)
"""How far off a gap of so many days may be: nobody counts years in days."""
CLOSE = 0.05
"""Cosine below the best at which a page counts for a third."""


def table(text: str, hits: Candidates, found: Field) -> Table:
    """The signals of each hit; every hit's page stands in the found."""
    rows = found.rows(hits.page)
    columns = _meaning(hits, rows, found)
    for part in (_words(text, found), _people(text, found), _time(text, found), _form(text, found)):
        columns |= {name: column[rows] for name, column in part.items()}
    columns |= {name: column[rows] for name, column in _links(found).items()}
    columns["near_lexical"] = standard(columns["near_lexical"])
    lexical = np.nan_to_num(hits.lexical)
    columns["lexical"] = standard(lexical)
    columns["top_lexical"] = lexical / (lexical.max() or 1.0)
    columns["length"] = np.clip(standard(columns["length"]), -FAR, FAR)
    columns["replies"] = columns["answers"] * np.maximum(columns["before_dense"], 0.0)
    columns["told"] = columns["author"] * columns["own"]
    return columns


def standard(values: Column) -> Column:
    """z-scores; what is missing (NaN) gets the lowest value seen."""
    missing = np.isnan(values)
    seen = values[~missing] if missing.any() else values
    if not len(seen):
        return np.zeros(len(values))
    # What seen.mean() and seen.std() are, at a third of their time.
    mean = np.add.reduce(seen) / len(seen)
    off = seen - mean
    spread = math.sqrt(np.add.reduce(off * off) / len(seen))
    if spread < 1e-9:
        return np.zeros(len(values))
    scaled: Column = (np.where(missing, seen.min(), values) - mean) / spread
    return scaled


def _meaning(hits: Candidates, rows: Numbers, found: Field) -> Table:
    dense = np.where(np.isnan(hits.dense), found.question[rows], hits.dense)
    question, whole = _filled(found.question), _filled(found.core)
    core, near_core = found.core[rows], found.near(whole)[rows]
    return {
        "dense": standard(dense),
        "near_dense": standard(found.near(question)[rows]),
        "core": standard(core),
        "near_core": standard(near_core),
        "before_dense": standard(found.before(whole)[rows]),
        "next_dense": standard(found.after(whole)[rows]),
        "sitting_dense": standard(found.most(whole)[rows]),
        "top_dense": _top(dense),
        "top_core": _top(core),
        "top_near": _top(near_core),
    }


def _top(cosines: Column) -> Column:
    """1 for the best, less by how far below it."""
    filled = _filled(cosines)
    near: Column = np.exp((filled - filled.max()) / CLOSE)
    return near


def _filled(values: Column) -> Column:
    missing = np.isnan(values)
    if not missing.any():
        return values
    seen = values[~missing]
    return np.where(missing, seen.min() if len(seen) else 0.0, values)


def _words(text: str, found: Field) -> Table:
    wanted = list(dict.fromkeys(terms(text)))[:TERMS]
    held = _held(wanted, [page.stems for page in found.like])
    common = held.sum(axis=0)
    rarity = np.log1p((len(held) - common + 0.5) / (common + 0.5))
    share = rarity / (rarity.sum() or 1.0)
    window, goes_on = held.copy(), found.goes_on[:, None]
    window[1:] = np.maximum(window[1:], held[:-1] * goes_on)
    window[:-1] = np.maximum(window[:-1], held[1:] * goes_on)
    columns = {
        "near_lexical": found.near(held @ rarity),
        "cover": held @ share,
        "near_cover": window @ share,
        "sitting_cover": (found.most(held) if wanted else held) @ share,
        "pairs": _pairs(wanted, held, found),
    }
    if not found.titled:
        return columns | dict.fromkeys(("title", "named"), np.zeros(len(held)))
    whole = [bool(title) and title.issubset(wanted) for title in found.titles]
    return columns | {"title": _held(wanted, found.titles) @ share, "named": np.array(whole, np.float64)}


def _held(wanted: Sequence[str], stems: Sequence[frozenset[str]]) -> Column:
    """Whether each of some stems (columns) stands in each of some sets (rows)."""
    held = np.zeros((len(stems), len(wanted)))
    whole = frozenset(wanted)
    for n, own in enumerate(stems):
        if not whole.isdisjoint(own):
            held[n] = [term in own for term in wanted]
    return held


def _pairs(wanted: Sequence[str], held: Column, found: Field) -> Column:
    """A half where two stems of the question stand side by side, 1 where that happens more than once."""
    pairs = frozenset(pairwise(wanted))
    share = np.zeros(len(held))
    for n in np.flatnonzero(held.sum(axis=1) > 1).tolist():
        share[n] = min(1.0, len(pairs.intersection(pairwise(found.like[n].order))) / 2)
    return share


def _links(found: Field) -> Table:
    """Whether a page, or its title, holds a name that the best candidates name."""
    if not found.names:
        return dict.fromkeys(("hop", "linked"), np.zeros(len(found.pages)))
    names = [(name, frozenset(terms(name)), frozenset(pages)) for name, pages in found.names.items()]
    hop = [any(own and own <= title for _, own, _ in names) for title in found.titles]
    linked = [any(page.id in pages and name in page.text for name, _, pages in names) for page in found.pages]
    return {"hop": np.array(hop, np.float64), "linked": np.array(linked, np.float64)}


def _people(text: str, found: Field) -> Table:
    people = named(text, (page.author for page in found.pages))
    nobody = np.zeros(len(found.pages))
    by = nobody
    if len(people) == 1:
        by = np.array([page.author == people[0] for page in found.pages], np.float64)
    elif asked(text).own and not people:
        by = np.array([page.role == "user" for page in found.pages], np.float64) * found.talk
    first = {stem(person.lower().split()[0]) for person in people}
    mentions = [not first.isdisjoint(own.stems) for own in found.like] if first else nobody
    return {"author": by, "mentions": np.array(mentions, np.float64) * (1 - by)}


def _time(text: str, found: Field) -> Table:
    spans = meant(text, found)
    nothing = np.zeros(len(found.pages))
    late = _lateness(found.written) if asked(text).now else nothing
    if not spans:
        return {"within": nothing, "after": nothing, "happened": nothing, "lately": late}
    days = [page.created_at.date() for page in found.pages]
    first, last = spans[0]
    since = np.array([(day - last).days for day in days], np.float64)
    within = np.array([first <= day <= last for day in days], np.float64)
    told = zip(found.pages, found.like, strict=True)
    happened = [own.timely and any(_same_time(spans[0], one) for one in TIMES(page)) for page, own in told]
    after = np.where(since > 0, np.exp(-np.maximum(since, 0) / FADES), 0.0)
    return {"within": within, "after": after, "happened": np.array(happened, np.float64), "lately": late}


def meant(text: str, found: Field) -> tuple[Days, ...]:
    """The times that a question names; "two weeks before X" is counted from the best page's day."""
    spans = intervals(text, found.now.date())
    if (off := gap(text)) is None:
        return spans
    if spans:
        return tuple((first + off, last + off) for first, last in spans)
    page = found.pages[int(_filled(found.core).argmax())]
    told = TIMES(page)
    first, last = told[0] if told else (page.created_at.date(),) * 2
    slack = next(days for unit, days in SLACK if abs(off) >= unit)
    return ((first + off - slack, last + off + slack),)


def _lateness(written: Column) -> Column:
    """0 for the oldest page here, 1 for the newest."""
    late: Column = (written - written.min()) / (written.max() - written.min() or 1.0)
    return late


def _same_time(asked: Days, told: Days) -> bool:
    """Whether two times overlap, and what was told is not much vaguer than what is asked."""
    vague = (told[1] - told[0]) - (asked[1] - asked[0])
    return told[0] <= asked[1] and asked[0] <= told[1] and vague <= timedelta(days=8)


def _form(text: str, found: Field) -> Table:
    wants, talk = asked(text), found.talk
    questions, words = found.trait("questions") * talk, found.trait("words")
    answers = np.zeros(len(talk))
    answers[1:] = questions[:-1] * found.goes_on * talk[1:]
    return {
        "answers": answers,
        "asks": found.trait("asks") * talk,
        "questions": questions,
        "acknowledges": found.trait("acknowledges") * talk,
        "own": found.trait("own") * talk,
        "length": np.log1p(words),
        "brief": (words < BRIEF) * talk,
        "has_time": _dated(found) if wants.time else np.zeros(len(talk)),
        "has_number": found.trait("number") if wants.number else np.zeros(len(talk)),
        "has_name": np.array(NAMED.all(found.pages), np.float64) if wants.person else np.zeros(len(talk)),
    }


def _dated(found: Field) -> Column:
    """Whether each page tells when."""
    pages = zip(found.pages, found.like, strict=True)
    return np.array([own.timely and DATED(page) for page, own in pages], np.float64)
