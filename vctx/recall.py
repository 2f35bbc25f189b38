"""Which pages answer a question. A pure generator: it yields requests, takes what they give, and returns a
ranking; whoever runs it does the I/O.

    search the question -> read the candidates -> compare its core -> signals -> weigh -> rank
    -> chase: follow the rare words of the question to the pages that hold them, and theirs to further pages

What has a name is found by its name, however many steps away. `vctx.signals` says what ranks a page, and
`vctx.weights` how much each signal counts.
"""

import math
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vctx.question import core, leans, named
from vctx.types import Find, Hit, Page, Read, Score, Search
from vctx.weights import Weights

if TYPE_CHECKING:
    from vctx.signals import Table

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


def recall(
    text: str, *, weights: Weights, now: datetime, before: Sequence[str] = (), candidates: int = CANDIDATES
) -> Steps:
    """Ranks what the disk has for `text`, best first; what a chase finds stands before all else.

    `before` is what was said last, oldest first: a question that leans on it is asked together with it.
    """
    asked = f"{before[-1]} {text}" if before and leans(text) else text
    hits = yield from rank(asked, weights, now, candidates)
    chased = yield from chase(text)
    best = hits[0].score if hits else 0.0
    known = {hit.page: hit for hit in reversed(hits)}
    found = [
        replace(known.get(page, Hit(page)), via=word, score=best + 1 / (n + 1), worth=1.0)
        for n, (page, word) in enumerate(chased.items())
    ]
    return found + [hit for hit in hits if hit.page not in chased]


def rank(text: str, weights: Weights, now: datetime, candidates: int) -> Steps:
    """Candidates for a question, weighed by their signals; ties by page and span."""
    hits: Sequence[Hit] = yield Search(text, candidates)
    if not hits:
        return []
    around: Sequence[Page] = yield Read(tuple(dict.fromkeys(hit.page for hit in hits)))
    pages = [page for page in around if page.kind != "summary"]
    talk = any(page.kind == "message" for page in pages)
    about = core(text, named(text, (page.author for page in pages))) if talk else text
    cosines = yield Score((text, about), tuple(page.id for page in pages))
    # The first question loads numpy, not `import vctx`.
    from vctx.signals import Field, table  # noqa: PLC0415

    there = {page.id: page for page in pages}
    found = {hit.page for hit in hits}
    hits = [hit for hit in hits if hit.page in there]
    # What stands next to a candidate is one, too: an answer need not say what it answers.
    hits += [Hit(page.id) for page in pages if page.id not in found]
    columns = table(text, hits, Field(pages, cosines[0], cosines[1], now))
    scored = weigh(hits, columns, [there[hit.page].source is not None for hit in hits], weights)
    return sorted(scored, key=lambda hit: (-hit.score, hit.page, hit.span or (0, 0)))


def weigh(hits: Sequence[Hit], columns: "Table", chunks: Sequence[bool], weights: Weights) -> list[Hit]:
    """Each hit with its score: the bias and each signal's share of it, by the weights of its kind."""
    parts: list[dict[str, float]] = [{} for _ in hits]
    for kind, wanted in ((weights.message, False), (weights.chunk, True)):
        shares = {name: (weight * columns[name]).tolist() for name, weight in kind.items() if name in columns}
        for n, chunk in enumerate(chunks):
            if chunk is wanted:
                parts[n] = {name: share[n] for name, share in shares.items()}
    made = []
    for hit, part, chunk in zip(hits, parts, chunks, strict=True):
        score = sum(part.values()) + (weights.chunk_bias if chunk else weights.message_bias)
        worth = 1 / (1 + math.exp(-min(max(score, -30.0), 30.0))) if weights.trained else None
        made.append(replace(hit, score=score, signals=part, worth=worth))
    return made


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
