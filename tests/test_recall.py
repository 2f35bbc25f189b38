"""Ranking by worked example."""

from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from vctx.recall import ROUNDS, rank, rare_words, recall, run
from vctx.types import Hit, Page, Search


def test_the_score_is_a_sum_of_z_scores() -> None:
    """dense .9 .5 .1: mean .5, deviation .3266, z = 1.2247 0 -1.2247; lexical 2 and 4: the lack counts as 2,
    z = -1 1 -1 about mean 3; half of it is added."""
    hits = [Hit(1, dense=0.9, lexical=2.0), Hit(2, dense=0.5, lexical=4.0), Hit(3, dense=0.1)]
    assert [(h.page, round(h.score, 4)) for h in rank(hits)] == [(1, 0.7247), (2, 0.5), (3, -1.7247)]


def test_one_signal_alone_ranks() -> None:
    assert [h.page for h in rank([Hit(1, lexical=1.0), Hit(2, lexical=3.0)])] == [2, 1]
    assert [h.page for h in rank([Hit(1), Hit(2)])] == [1, 2]
    assert rank([]) == []


@given(
    st.lists(
        st.builds(
            Hit,
            page=st.integers(1, 99),
            dense=st.none() | st.floats(-1, 1),
            lexical=st.none() | st.floats(0, 50),
        ),
        unique_by=lambda h: h.page,
    )
)
def test_the_order_does_not_depend_on_the_order_of_the_hits(hits: list[Hit]) -> None:
    assert rank(hits) == rank(hits[::-1])


AT = datetime(2026, 1, 1, tzinfo=UTC)


class Shelf:
    """Pages by number, searched by whole words."""

    def __init__(self, *texts: str) -> None:
        self.pages = [Page("message", "user", text, AT, "user", id=n) for n, text in enumerate(texts)]
        self.asked: list[Search] = []

    def search(self, request: Search) -> list[Hit]:
        self.asked.append(request)
        return [Hit(page.id, dense=page.id / 10) for page in self.pages]

    def find(self, phrase: str, k: int) -> list[int]:
        return [page.id for page in self.pages if phrase in page.text.lower().split()][:k]

    def read(self, ids: Sequence[int]) -> list[Page]:
        return [self.pages[n] for n in ids]

    def recall(self, text: str) -> list[Hit]:
        return run(recall(text, candidates=7), self.search, self.find, self.read)


def test_recall_asks_and_ranks() -> None:
    shelf = Shelf("one", "two")
    assert [hit.page for hit in shelf.recall("who?")] == [1, 0]
    assert shelf.asked == [Search("who?", 7)]


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
