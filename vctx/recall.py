"""Which pages answer a question. A pure generator: it yields requests, takes what they give, and returns a
ranking; whoever runs it does the I/O.

    chase: follow the rare words of the question to the pages that hold them, and theirs to further pages
    -> search the question -> read the candidates -> follow the names that the best of them name, one step
    -> what was said in the time that the question names
    -> compare the question and its core with all of these -> signals -> weigh -> rank

What has a name is found by its name: a rare word, such as a number or an identifier, however many steps
away, and for certain; a name in the text by one step, and as one signal of many. `vctx.signals` says what
ranks a page, and `vctx.weights` how much each signal counts.
"""

import re
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from vctx.question import core, leans, named
from vctx.stopwords import STOPWORDS
from vctx.types import Beside, Find, Hit, Page, Places, Read, Score, Search, Written
from vctx.weights import Weights

if TYPE_CHECKING:
    from vctx.candidates import Candidates

CANDIDATES = 200
"""Spans asked of each signal."""
READ = 240
"""Of these, the spans whose pages are read, with their neighbours."""

ROUNDS = 8
"""Steps that a chase may take."""
RARE = 8
"""Pages that a word may stand on to be worth following."""
WORDS = 16
"""Words that are followed in one step."""

SEEDS = 3
"""Pages whose names are followed: the best by meaning and words."""
NAMES = 6
"""Names that are followed at most."""
REACH = 4
"""Chunks before and after one that opens the document of a name, which are candidates with it."""

HIDDEN = ("summary", "block")
"""Kinds of pages that are no answers: what they tell of stands elsewhere, too."""

Request = Search | Score | Read | Places | Beside | Find | Written
Steps = Generator[Request, Any, list[Hit]]
"""A recall under way: each request is answered as its docstring says; a Find with page ids."""

DATED = 60
"""Pages of the time that a question names that are candidates."""
MANY = 1000
"""Pages of one time above which it tells too little."""
LATER = timedelta(days=7)
"""Until when what happened is told."""

BLEND = 0.03
"""What a point of BM25 counts beside a cosine, where only the seeds are chosen."""

_NAME = re.compile(
    r"\b[A-Z][\w'’]+(?:(?: (?:of|the|and|&|de|von))* [A-Z][\w'’]+)+|(?<=[a-z,;] )[A-Z][a-z]{2,}\b"
)
_TOKEN = re.compile(r"[^\W_]+(?:[-_./:][^\W_]+)*")


def recall(
    text: str,
    *,
    weights: Weights,
    now: datetime,
    before: Sequence[str] = (),
    candidates: int = CANDIDATES,
    most: int | None = None,
) -> Steps:
    """Ranks what the disk has for `text`, best first; what a chase finds stands before all else.

    `before` is what was said last, oldest first: a question that leans on it is asked together with it. Of
    the ranking, the `most` best (None: all that is worth ranking).
    """
    asked = f"{before[-1]} {text}" if before and leans(text) else text
    chased = yield from chase(text)
    hits = yield from rank(asked, weights, now, candidates, most, chased)
    if not chased:
        return hits
    top = hits[0].score if hits else 0.0
    known = {hit.page: hit for hit in reversed(hits)}
    found = [
        replace(known.get(page, Hit(page)), via=word, score=top + 1 / (n + 1), worth=1.0)
        for n, (page, word) in enumerate(chased.items())
    ]
    return [*found, *(hit for hit in hits if hit.page not in chased)][:most]


def rank(
    text: str,
    weights: Weights,
    now: datetime,
    candidates: int,
    most: int | None = None,
    also: Collection[int] = (),
) -> Steps:
    """Candidates for a question, weighed by their signals: the `most` best, and those of the pages `also`."""
    found: Candidates = yield Search(text, candidates)
    if not len(found):
        return []
    # The first question loads numpy, not `import vctx`.
    from vctx.field import Field  # noqa: PLC0415
    from vctx.ranking import best, weigh  # noqa: PLC0415
    from vctx.signals import meant, table  # noqa: PLC0415

    hits = best(found, READ)
    pages = yield from read({}, hits.page.tolist())
    names = yield from follow(text, hits, list(pages.values()))
    pages = yield from read(pages, {page for found in names.values() for page in found} - pages.keys())
    talk = any(page.talk for page in pages.values())
    about = core(text, named(text, (page.author for page in pages.values()))) if talk else text
    stand, places = yield from placed(pages)
    cosines = yield Score((text, about), tuple(page.id for page in stand))
    field = Field(stand, cosines[0], cosines[1], now, names, places)
    if days := meant(text, field):
        told = yield from written(days[0], about, pages)
        pages = yield from read(pages, told)
        stand, places = yield from placed(pages)
        cosines = yield Score((text, about), tuple(page.id for page in stand))
        field = Field(stand, cosines[0], cosines[1], now, names, places)
    # What stands next to a candidate is one, too: an answer need not say what it answers.
    hits = hits.among(list(pages))
    ranked = [pages[page] for page in hits.page.tolist()]
    return weigh(hits, table(text, hits, field), ranked, weights, most=most, also=also)


def read(known: Mapping[int, Page], more: Collection[int]) -> Generator[Read, Any, dict[int, Page]]:
    """The pages that are known, more of them, and what stands next to these, in order of id."""
    if not more:
        return dict(known)
    around: Sequence[Page] = yield Read(tuple(more))
    pages = {page.id: page for page in around if page.kind not in HIDDEN} | dict(known)
    return dict(sorted(pages.items()))


def placed(pages: Mapping[int, Page]) -> Generator[Places, Any, tuple[list[Page], Sequence[int]]]:
    """Pages in the order in which they stand, and the place of each."""
    places: Sequence[int] = yield Places(tuple(pages))
    if places == sorted(places):
        return list(pages.values()), places
    order = sorted(zip(places, pages, strict=True))
    return [pages[page] for _, page in order], [place for place, _ in order]


def written(
    days: tuple[date, date], about: str, known: Collection[int]
) -> Generator[Written | Score, Any, list[int]]:
    """What was said in the time that a question names, or told soon after: the nearest in meaning to it.

    A time in which much was said tells little: then nothing.
    """
    found: Sequence[int] = yield Written(days[0], days[1] + LATER)
    new = [page for page in found if page not in known]
    if len(found) > MANY or len(new) <= DATED:
        return new if len(found) <= MANY else []
    [cosines] = yield Score((about,), tuple(new))
    order = sorted(range(len(new)), key=lambda n: (-cosines[n] if cosines[n] == cosines[n] else 1.0, n))
    return sorted(new[n] for n in order[:DATED])


def follow(
    text: str, hits: "Candidates", pages: Sequence[Page]
) -> Generator[Find | Beside, Any, dict[str, tuple[int, ...]]]:
    """The rare names that the best candidates name and the question does not, and the pages for each."""
    there = {page.id: page for page in pages}
    ahead = (page for page in hits.page[hits.blend(BLEND)].tolist() if page in there)
    authors = {page.author.lower() for page in pages}
    found: dict[str, tuple[int, ...]] = {}
    seen: set[str] = set()
    for seed in islice(ahead, SEEDS):
        for name in names_in(there[seed].text):
            if len(seen) >= NAMES or name.lower() in text.lower() or name.lower() in authors or name in seen:
                continue
            seen.add(name)
            held: Sequence[int] = yield Find(name, RARE + 1)
            others = [page for page in held if page != seed]
            if others and len(held) <= RARE:
                said = [page for page in others if page in there and there[page].talk]
                # In a document of that name, more of it.
                more = tuple(page for page in others if page not in said)
                told: Sequence[int] = (yield Beside(more, REACH)) if more else ()
                found[name] = (*said, *told)
    return found


def names_in(text: str) -> list[str]:
    """Names of several words, or of one within a sentence, in order, each once."""
    found = (match[0] for match in _NAME.finditer(text))
    return list(dict.fromkeys(name for name in found if " " in name or name.lower() not in STOPWORDS))


def chase(text: str) -> Generator[Find | Read, Any, dict[int, str]]:
    """Follows rare words from page to page, within `ROUNDS`: pages as discovered, and by which word."""
    found: dict[int, str] = {}
    asked: set[str] = set()
    words = rare_words(text)
    for _ in range(ROUNDS):
        new: dict[int, str] = {}
        for word in [word for word in words if word not in asked][:WORDS]:
            asked.add(word)
            pages: Sequence[int] = yield Find(word, RARE + 1)
            if len(pages) <= RARE:
                new |= {page: word for page in pages if page not in found}
        if not new:
            break
        found |= new
        texts: Sequence[Page] = yield Read(tuple(new))
        words = [word for page in texts if page.id in new for word in rare_words(page.text)]
    return found


def rare_words(text: str) -> list[str]:
    """Words that may name one thing: with a digit, at least five characters; in order, each once."""
    words = (match[0].lower() for match in _TOKEN.finditer(text))
    return list(dict.fromkeys(w for w in words if len(w) >= 5 and any(c.isdigit() for c in w)))


def run(steps: Steps, answer: Callable[[Request], Any]) -> list[Hit]:
    """Drives a recall with a function that answers its requests."""
    given: Any = None
    try:
        while True:
            given = answer(steps.send(given))
    except StopIteration as done:
        ranking: list[Hit] = done.value
        return ranking
