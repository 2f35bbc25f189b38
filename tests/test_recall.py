"""Ranking by worked example."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vctx.candidates import Candidates
from vctx.question import core, leans, named
from vctx.recall import ROUNDS, Request, rare_words, recall, run
from vctx.types import Beside, Find, Hit, Page, Places, Read, Score, Search, Written
from vctx.weights import PLAIN, Weights

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Shelf:
    """Pages by number; meaning is a number that the test gives, words are whole words."""

    def __init__(self, *texts: str, meaning: Sequence[float] = ()) -> None:
        self.pages = [Page("message", "user", text, AT, "user", id=n) for n, text in enumerate(texts)]
        self.meaning = meaning or [0.0] * len(texts)
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Any:
        self.asked.append(request)
        match request:
            case Search(_, k):
                best = sorted(self.pages, key=lambda page: -self.meaning[page.id])[:k]
                return Candidates.of(Hit(page.id, dense=self.meaning[page.id]) for page in best)
            case Score(texts, pages):
                return np.array([[self.meaning[n] for n in pages] for _ in texts])
            case Read(pages):
                near = {n + step for n in pages for step in (-1, 0, 1)}
                return [page for page in self.pages if page.id in near]
            case Places(pages):
                return list(pages)
            case Beside(pages, reach):
                return [n + step for n in pages for step in range(-reach, reach + 1) if n + step > 0]
            case Written(first, last):
                return [page.id for page in self.pages if first <= page.created_at.date() <= last]
            case Find(phrase, k):
                return [page.id for page in self.pages if phrase in page.text.lower().split()][:k]

    def recall(
        self, text: str, candidates: int = 7, before: Sequence[str] = (), weights: Weights = PLAIN
    ) -> list[Hit]:
        steps = recall(text, weights=weights, now=AT, before=before, candidates=candidates)
        return run(steps, self.answer)


def test_the_best_by_meaning_is_first_and_every_signal_is_shown() -> None:
    hits = Shelf(*"abcdefg", meaning=[0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.2]).recall("who?")
    assert hits[0].page == 3
    assert set(hits[0].signals) == set(PLAIN.message)
    assert hits[0].score == pytest.approx(sum(hits[0].signals.values()))


def test_a_page_gains_by_its_neighbours() -> None:
    """Pages 1 and 4 mean as much; 4 stands between two that mean something, too."""
    ranks = [hit.page for hit in Shelf(*"abcdef", meaning=[0.0, 0.5, 0.0, 0.4, 0.5, 0.4]).recall("x")]
    assert ranks.index(4) < ranks.index(1)


def test_an_answer_gains_by_the_question_before_it() -> None:
    shelf = Shelf("Where do you live?", "In Lyon.", "In Lyon.", "Yes.", meaning=[0.5, 0.5, 0.5, 0.5])
    hits = {hit.page: hit for hit in shelf.recall("x")}
    assert (hits[1].signals["answers"], hits[2].signals["answers"]) == (1.0, 0.0)
    assert hits[0].signals["asks"] == -1.0


def test_the_author_whom_the_question_names() -> None:
    authors = ["Ana Li", "Bo", "", "Bo"]
    assert named("Where did Ana move?", authors) == ["Ana Li"]
    assert named("Do Ana and Bo agree?", authors) == ["Ana Li", "Bo"]
    assert named("An analysis?", authors) == []


def test_the_core_of_a_question() -> None:
    assert core("Where did Ana's sister move to?", ["Ana"]) == "sister move to"
    assert core("How many loaves does Camille bake?", ["Camille"]) == "loaves does bake"
    assert core("Who?", []) == "Who?"


def test_a_question_is_searched_and_compared_with_its_core() -> None:
    shelf = Shelf("one", "two")
    shelf.recall("where did it go?")
    assert [r.text for r in shelf.asked if isinstance(r, Search)] == ["where did it go?"]
    assert [r.texts for r in shelf.asked if isinstance(r, Score)] == [("where did it go?", "it go")]


def test_a_question_that_leans_on_the_one_before_it_is_asked_with_it() -> None:
    assert leans("And when was that?") and leans("What is it called?")
    assert not leans("What is Rex called?") and not leans("Which colour has the roof of the old town hall?")
    shelf = Shelf("one", "two")
    shelf.recall("And when was that?", before=["Who is there?", "Did Ana move?"])
    assert [r.text for r in shelf.asked if isinstance(r, Search)] == ["Did Ana move? And when was that?"]


def test_an_empty_shelf_has_nothing() -> None:
    assert Shelf().recall("who?") == []


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12), st.randoms())
def test_the_ranking_does_not_depend_on_the_order_of_the_hits(meaning: list[float], random: Random) -> None:
    shelf = Shelf(*(f"page {n}" for n in range(len(meaning))), meaning=meaning)

    def shuffled(request: Request) -> Any:
        given = shelf.answer(request)
        if isinstance(request, Search):
            return Candidates.of(random.sample(given, len(given)))
        return given

    def rounded(hits: list[Hit]) -> dict[int, float]:
        return {hit.page: round(hit.score, 6) for hit in hits}

    assert rounded(run(recall("x", weights=PLAIN, now=AT, candidates=20), shuffled)) == rounded(
        shelf.recall("x", 20)
    )


def test_a_chase_follows_names_from_page_to_page() -> None:
    shelf = Shelf("k-11111 is k-22222", "nothing here", "k-22222 is k-33333", "k-33333 is 42 at last")
    hits = shelf.recall("what is k-11111 in the end?")
    assert [(hit.page, hit.via) for hit in hits] == [(0, "k-11111"), (2, "k-22222"), (3, "k-33333"), (1, "")]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_chase_ignores_words_that_stand_everywhere() -> None:
    shelf = Shelf(*(["issue-1000 again"] * 9))
    assert not any(hit.via for hit in shelf.recall("what about issue-1000 ?"))


def test_a_chase_ends_in_a_circle_and_within_its_rounds() -> None:
    circle = Shelf("k-11111 to k-22222", "k-22222 to k-11111")
    assert len(circle.recall("k-11111 ?")) == 2
    chain = Shelf(*(f"k-{n}0000 to k-{n + 1}0000" for n in range(10, 40)))
    assert sum(bool(hit.via) for hit in chain.recall("k-100000 ?")) <= ROUNDS + 1


def test_rare_words() -> None:
    assert rare_words("The 2023 model X-200b, serial 94071d67-86df, costs 10 in May; x-200B!") == [
        "x-200b",
        "94071d67-86df",
    ]


def test_what_was_said_in_the_time_of_the_question_is_a_candidate() -> None:
    """Nothing but its day tells that page 50 answers; of a crowded time the nearest in meaning are taken."""
    shelf = Shelf(*(f"text {n}" for n in range(100)), meaning=[1 - n / 100 for n in range(100)])
    days = [AT - timedelta(days=300 - n) for n in range(100)]
    shelf.pages = [replace(page, created_at=day) for page, day in zip(shelf.pages, days, strict=True)]
    asked = f"What happened on {days[50]:%d %B %Y}?"
    assert {50, 57} <= {hit.page for hit in shelf.recall(asked)}
    assert not {50, 57} & {hit.page for hit in shelf.recall("What happened?")}
    shelf.pages = [replace(page, created_at=days[0]) for page in shelf.pages]
    found = {hit.page for hit in shelf.recall(f"What happened on {days[0]:%d %B %Y}?")}
    assert {8, 67} <= found and not found & set(range(70, 100))
