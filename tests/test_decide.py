"""Decisions by worked example; that they are functions and keep their word is in test_invariants."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from vctx.plan import decide, pack
from vctx.policies import POLICIES, named
from vctx.types import Budget, Fold, Form, Frame, Hit, Plan, Prices, Snapshot

ROOM_100 = Budget(window=120, reserve=20, high=1.0, low=0.5)


def frame(page: int, tokens: int = 20, **more: object) -> Frame:
    return Frame(page, tokens, arrived=page, referenced=page, **more)  # type: ignore[arg-type]


def snapshot(frames: Sequence[Frame] = (), **more: object) -> Snapshot:
    return Snapshot(tick=99, budget=ROOM_100, fixed=10, frames=tuple(frames), **more)  # type: ignore[arg-type]


fifo, lru = named("fifo"), named("lru")


@pytest.mark.parametrize("policy", POLICIES)
def test_any_policy_evicts_nothing_below_the_high_mark(policy: str) -> None:
    plan = decide(snapshot([frame(1), frame(2)], arriving=(frame(3),)), named(policy))
    assert (plan.evicted, plan.load, plan.tokens) == ((), (frame(3),), 70)


def test_fifo_evicts_the_oldest_down_to_the_low_mark() -> None:
    """10 fixed + 80 in frames + 20 arriving > 100. The low mark leaves 50 - 10 = 40 for frames: two go."""
    plan = decide(snapshot([frame(1), frame(2), frame(3), frame(4)], arriving=(frame(5),)), fifo)
    assert (plan.evicted, plan.tokens) == ((1, 2), 70)


def test_lru_spares_what_was_referenced() -> None:
    recent = Frame(1, 20, arrived=1, referenced=50)
    plan = decide(snapshot([recent, frame(2), frame(3), frame(4)], arriving=(frame(5),)), lru)
    assert plan.evicted == (2, 3)


def test_pins_and_the_newest_message_stay() -> None:
    frames = [frame(1, pinned=True), frame(2), frame(3), frame(4)]
    plan = decide(snapshot(frames, hits=(Hit(9, tokens=40),), ask=40), fifo)
    assert plan.evicted == (2, 3) and [f.page for f in plan.load] == [9]


def test_a_group_leaves_as_a_whole() -> None:
    frames = [frame(1, group=7), frame(2), frame(3, group=7), frame(4)]
    plan = decide(snapshot(frames, arriving=(frame(5),)), fifo)
    assert plan.evicted == (2, 1, 3)


def test_the_best_page_stands_last_and_the_message_around_them_is_counted_once() -> None:
    hits = (Hit(8, tokens=10, score=2.0), Hit(9, tokens=10, score=1.0))
    plan = decide(snapshot(hits=hits, ask=30, wrapper=5), fifo)
    assert [(f.page, f.tokens) for f in plan.load] == [(9, 10), (8, 10)]
    assert plan.tokens == 10 + 5 + 20


def test_a_resident_page_is_charged_and_not_loaded() -> None:
    """The resident page takes 20 of 30 tokens, so of the others only the small one is a reference."""
    hits = (Hit(1, tokens=20, resident=True), Hit(8, tokens=15), Hit(9, tokens=10))
    plan = decide(snapshot([frame(1)], hits=hits, ask=30), fifo)
    assert plan.touch == (1,) and [f.page for f in plan.load] == [9]


def test_what_scores_below_the_floor_is_not_loaded() -> None:
    hits = (Hit(8, tokens=10, score=1.0), Hit(9, tokens=10, score=-0.1))
    assert [hit.page for hit in pack(snapshot(hits=hits, ask=100, floor=0.0))] == [8]


def test_tokens_held_for_the_question_are_left_free() -> None:
    hits = tuple(Hit(n, tokens=10) for n in range(20))
    plan = decide(snapshot(hits=hits, ask=90, hold=50), fifo)
    assert len(plan.load) == 4 and plan.tokens + 50 <= 100


def test_messages_that_leave_are_due_for_the_digest_and_faults_are_not() -> None:
    frames = [frame(1), frame(2, fault=True), frame(3), frame(4)]
    plan = decide(snapshot(frames, arriving=(frame(5),), cap=10), fifo)
    assert plan.evicted == (1, 2, 3) and plan.fold == Fold((1, 3), 10)
    assert plan.tokens == 10 + 10 + 20 + 20


def test_parts_of_the_newest_message_may_leave_though_it_stays() -> None:
    part = Frame(4, 30, 5, 5, fault=True, span=(10, 20))
    plan = decide(snapshot([frame(4), part], hits=(Hit(9, tokens=45),), ask=60), fifo)
    assert plan.evict == ((4, (10, 20)),)


def test_a_faults_message_is_paid_until_its_last_page_has_left() -> None:
    """10 + 3 * 25 + 5 for the fault's message + 20 arriving = 110. Two of 25 leave: 10 + 25 + 5 + 20."""
    frames = [Frame(n, 25, arrived=1, referenced=1, fault=True) for n in (1, 2, 3)]
    plan = decide(snapshot(frames, arriving=(frame(9),), wrapper=5), fifo)
    assert (plan.evicted, plan.tokens) == ((1, 2), 60)


def test_what_arrives_takes_the_place_of_its_own_slot() -> None:
    plan = decide(snapshot([frame(1, 90)], arriving=(frame(1, 30),)), fifo)
    assert (plan.evict, plan.load, plan.fold, plan.tokens) == (((1, None),), (frame(1, 30),), None, 40)


def test_a_reference_that_leaves_with_its_group_is_loaded_again() -> None:
    """The group of 1 and 2 takes 60; page 1 is referenced, and page 9 needs 40 of 100: 10 + 60 + 20 + 40.

    The group leaves as a whole, and page 1, whose price is 10, comes back at the end with page 9.
    """
    frames = [frame(1, 30, group=7), frame(2, 30, group=7), frame(3)]
    hits = (Hit(1, tokens=10, score=2.0, resident=True), Hit(9, tokens=40, score=1.0))
    plan = decide(snapshot(frames, hits=hits, ask=90), fifo)
    assert plan.evicted == (1, 2)
    assert [f.page for f in plan.load] == [9, 1] and plan.tokens == 10 + 20 + 50


def test_a_cold_cache_is_the_moment_to_flush_unless_something_came_for_the_next_reply() -> None:
    """90 of 100 tokens stand, and all is written anew anyway; but a page that came since was not read yet."""
    frames = [frame(page) for page in (1, 2, 3, 4)]
    cold = snapshot(frames, prices=Prices("p", 1.0, 0.1), cold=True, read=4, arriving=(frame(6, 1),))
    assert decide(cold, named("priced")).evict and not decide(cold, fifo).evict
    assert not decide(replace(cold, frames=(*frames[:3], frame(5))), named("priced")).evict


def test_what_was_paged_in_may_leave_once_it_was_read_where_that_is_cheap() -> None:
    """Pages 2 and 3, paged in at tick 2, end the prompt; the model has read it at tick 4, and all is warm."""
    frames = [frame(1), *(replace(frame(page), arrived=2, fault=True) for page in (2, 3))]
    warm = snapshot(frames, prices=Prices("p", 1.0, 0.1), warm=70, read=4, arriving=(frame(6, 1),))
    assert decide(warm, named("priced")).evicted == (3, 2)
    assert not decide(replace(warm, read=1), named("priced")).evict
    assert not decide(replace(warm, warm=0), named("priced")).evict


def test_no_message_leaves_for_a_digest_that_is_not_needed() -> None:
    """90 of 100 tokens stand, all of them said and read, and all is warm: with a digest it would be 110."""
    frames = [frame(page) for page in (1, 2, 3, 4)]
    prices = Prices("p", 1.0, 0.1)
    full = snapshot(frames, prices=prices, warm=90, read=4, cap=20)
    assert decide(full, named("priced")) == Plan(tokens=90)
    brief = replace(frame(1, 1), form=Form.HANDLE)
    assert not decide(replace(full, cap=0, briefs=(brief,)), named("priced")).evict
