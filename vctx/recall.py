"""Which pages answer a question. A pure generator: it yields requests, takes what they give, and returns a
ranking; whoever runs it does the I/O.

    search the question -> read the candidates -> search its core -> score candidates and neighbours -> rank
    -> chase: follow the rare words of the question to the pages that hold them, and theirs to further pages

What has a name is found by its name, however many steps away. `vctx.signals` says what ranks a page.
"""

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

from vctx.signals import Evidence, core, named, signals
from vctx.types import Find, Hit, Page, Read, Score, Search

CANDIDATES = 200
"""Spans asked of each signal."""

ROUNDS = 8
"""Steps that a chase may take."""
RARE = 8
"""Pages that a word may stand on to be worth following."""
WORDS = 16
"""Words that are followed in one step."""

Request = Search | Score | Read | Find
Steps = Generator[Request, Any, list[Hit]]
"""A recall under way: each request is answered as its docstring says; a Find with page ids."""

_TOKEN = re.compile(r"[^\W_]+(?:[-_./:][^\W_]+)*")


def recall(text: str, *, candidates: int = CANDIDATES) -> Steps:
    """Ranks what the disk has for `text`, best first; what a chase finds stands before all else."""
    hits = yield from rank(text, candidates)
    chased = yield from chase(text)
    best = hits[0].score if hits else 0.0
    known = {hit.page: hit for hit in reversed(hits)}
    found = [
        replace(known.get(page, Hit(page)), via=word, score=best + 1 / (n + 1))
        for n, (page, word) in enumerate(chased.items())
    ]
    return found + [hit for hit in hits if hit.page not in chased]


def rank(text: str, candidates: int) -> Steps:
    """Candidates for a question, scored by the sum of their signals; ties by page and span."""
    hits: list[Hit] = list((yield Search(text, candidates)))
    if not hits:
        return []
    pages: Sequence[Page] = yield Read(_pages(hits))
    talk = any(page.kind == "message" for page in pages)
    about = core(text, named(text, pages)) if talk else text
    if about != text:
        more: Sequence[Hit] = yield Search(about, candidates)
        known = {(hit.page, hit.span) for hit in hits}
        # Its cosine and BM25 are those of the core; the question's own are asked for below.
        hits += [replace(h, dense=None, lexical=None) for h in more if (h.page, h.span) not in known]
        pages = yield Read(_pages(hits))
    everything = tuple(page.id for page in pages)
    question = yield Score(text, everything)
    evidence = Evidence(
        {page.id: page for page in pages},
        question,
        (yield Score(about, everything)) if about != text else question,
    )
    hits = [_completed(hit, question) for hit in hits if hit.page in evidence.pages]
    scored = [
        replace(hit, score=sum(parts.values()), signals=parts)
        for hit, parts in zip(hits, signals(text, hits, evidence), strict=True)
    ]
    return sorted(scored, key=lambda hit: (-hit.score, hit.page, hit.span or (0, 0)))


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


def _pages(hits: Sequence[Hit]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(hit.page for hit in hits))


def _completed(hit: Hit, scores: Any) -> Hit:
    dense, lexical = scores[hit.page]
    return replace(hit, dense=dense if hit.dense is None else hit.dense, lexical=lexical)
