"""Ranking by worked example."""

from hypothesis import given
from hypothesis import strategies as st

from vctx.recall import rank, recall, run
from vctx.types import Hit, Search


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


def test_recall_asks_and_ranks() -> None:
    asked: list[Search] = []

    def search(request: Search) -> list[Hit]:
        asked.append(request)
        return [Hit(1, dense=0.1), Hit(2, dense=0.9)]

    assert [hit.page for hit in run(recall("who?", candidates=7), search)] == [2, 1]
    assert asked == [Search("who?", 7)]
