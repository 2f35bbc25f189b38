"""Every policy keeps the contract; each one's own order is a worked example, derived in its docstring."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vctx.errors import InputError
from vctx.plan import decide, weight
from vctx.policies import POLICIES, named
from vctx.policies.queues import WorkingSet
from vctx.ports import Policy
from vctx.types import Budget, Flush, Frame, Prices, Snapshot, Unit

AIM = 10**6


class Window:
    """Units of one page each, and a policy that is told all that happens to them."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.units: dict[int, Unit] = {}
        self.tick = 0

    def say(self, page: int, tokens: int = 10, *, fault: bool = False) -> None:
        self.tick += 1
        self.units[page] = Unit((page,), tokens, 0, self.tick, self.tick)
        self.policy.loaded(page, tokens, self.tick, fault=fault)

    def touch(self, *pages: int) -> None:
        for page in pages:
            self.tick += 1
            self.units[page] = self.units[page]._replace(referenced=self.tick)
            self.policy.touched(page, self.tick)

    def leave(self, *pages: int) -> None:
        self.tick += 1
        for page in pages:
            del self.units[page]
        self.policy.left(pages, self.tick)

    def order(self) -> list[int]:
        """The pages in the order in which they would leave."""
        units = tuple(self.units.values())
        order, _ = self.policy.choose(Flush(self.tick + 1, units, 1, AIM))
        return [units[n].pages[0] for n in order]


def window(name: str, *tokens: int) -> Window:
    """Pages 1, 2, ... of so many tokens were said, in this order."""
    made = Window(named(name))
    for page, size in enumerate(tokens, 1):
        made.say(page, size)
    return made


def test_fifo_keeps_the_order_of_arrival() -> None:
    made = window("fifo", 10, 10, 10)
    made.touch(1)
    assert made.order() == [1, 2, 3]


def test_lru_goes_by_the_last_reference() -> None:
    made = window("lru", 10, 10, 10)
    made.touch(1)
    assert made.order() == [2, 3, 1]


def test_clock_gives_a_second_chance_once() -> None:
    made = window("clock", 10, 10, 10)
    made.touch(1)
    assert made.order() == [2, 3, 1]
    made.leave(2)
    assert made.order() == [3, 1]
    made.touch(3)
    assert made.order() == [1, 3]


def test_clock_that_has_gone_round_has_cleared_all_marks() -> None:
    """All are marked; 1 leaves on the second round, and the hand stands behind it: 2 and 3 have no mark."""
    made = window("clock", 10, 10, 10)
    made.touch(3, 2, 1)
    made.leave(1)
    made.say(4)
    made.touch(2)
    assert made.order() == [3, 4, 2]


def test_lfu_counts_what_was_before_a_page_left() -> None:
    made = window("lfu", 10, 10, 10)
    made.touch(1, 1, 3)
    assert made.order() == [2, 3, 1]
    made.leave(1)
    made.say(1, fault=True)
    assert made.order() == [2, 3, 1]


def test_lru_k_goes_by_the_second_last_use() -> None:
    made = window("lru-k", 10, 10, 10)
    made.touch(2, 1, 1)
    assert made.order() == [3, 2, 1]


def test_2q_lets_into_its_main_queue_what_came_back() -> None:
    made = window("2q", 10)
    made.say(9)
    made.leave(1)
    made.say(1, fault=True)
    made.leave(9)
    for page in (2, 3, 4):
        made.say(page)
    assert made.order() == [2, 3, 4, 1]
    made.leave(2, 3)
    made.say(5)
    made.say(6)
    made.say(7)
    made.touch(1)
    assert made.order() == [4, 5, 6, 7, 1]


def test_2q_forgets_the_oldest_ghosts_beyond_half_of_the_window() -> None:
    """Of 20 tokens that stood, ghosts of 10 are remembered: 1 is forgotten, and waits again like 4."""
    made = window("2q", 10, 10)
    made.leave(1, 2)
    made.say(2, fault=True)
    made.say(1, fault=True)
    made.say(4)
    assert made.order() == [1, 4, 2]


def test_arc_leans_to_the_queue_whose_ghost_was_asked_for() -> None:
    made = window("arc", 10, 10, 10)
    made.touch(1)
    assert made.order() == [2, 3, 1]
    made.leave(2)
    made.say(2, fault=True)
    assert made.order() == [1, 3, 2]


def test_gdsf_lets_large_pages_go_and_ages() -> None:
    made = window("gdsf", 10, 40, 20)
    made.touch(2)
    assert made.order() == [2, 3, 1]
    made.leave(2)
    made.say(4, 40)
    assert made.order() == [3, 4, 1]


def test_working_set_lets_go_what_fell_out_of_its_window() -> None:
    units = tuple(Unit((page,), 20, 0, page, used) for page, used in ((1, 5), (2, 80), (3, 92)))
    assert WorkingSet(tau=10).choose(Flush(99, units, 1, 20)) == ([0, 1, 2], 40)


PRICES = Prices("tenth", 1.0, read=0.1)


def priced(used: int, *, room: int = 2000, aim: int = 100, **more: Any) -> list[int]:
    """Who leaves of four pages of 100 tokens behind 100 that never leave, of which one was used once.

    After 4 calls, 400 tokens and the 100 that are taken to come: a call adds 500 / 5 = 100. What was never
    used is expected every (4 + 4) / .5 = 16 calls, what was used once every 8 / 1.5 = 5.3.
    """
    policy = named("priced")
    for page in (1, 2, 3, 4):
        policy.loaded(page, 100, page, fault=False)
    policy.touched(used, 5)
    for tick in (6, 7, 8, 9):
        policy.sent(tick)
    units = tuple(Unit((page,), 100, 100 * page, page, page) for page in (1, 2, 3, 4))
    flush = Flush(9, units, 100, aim, room=room, tokens=500, head=100, prices=PRICES, warm=500)
    order, depth = policy.choose(replace(flush, **more))
    return [order[n] + 1 for n in range(len(order)) if 100 * n < depth]


def test_priced_drops_what_stands_last_while_the_cache_is_warm() -> None:
    """Of one call's time, 1.5 of 100 tokens come back, of page 4 itself 7.5 if it was used.

    Page 1: .9 * 400 - 100 + 1.5 - 5 = 256.5; page 3 likewise 76.5; page 4: .9 * 100 - 100 + 7.5 - 5 = -7.5.
    """
    assert priced(used=1) == [4] and priced(used=4) == [4]


def test_priced_drops_what_is_expected_last_where_the_place_does_not_matter() -> None:
    assert priced(used=1, warm=0) == [2]
    assert priced(used=1, digest=True) == [2]


def test_priced_knows_that_a_short_prefix_is_not_cached() -> None:
    """Before page 4 stand 400 tokens: below a least prefix of 450, all is written anew whoever leaves."""
    assert priced(used=1, prices=replace(PRICES, minimum=450)) == [2]


def test_priced_drops_more_than_it_must_if_the_window_lasts_the_longer_for_it() -> None:
    """Up to 400 may leave; within 4 calls 11 of 100 tokens come back, of page 1 39.

    Pages 3 and 4 last (200 - 22) / 100 = 1.8 calls: (.9 * 200 - 178) / 1.8 - 10 = -8.8 a call. Pages 2 to 4
    last 2.7: (.9 * 300 - 267) / 2.7 - 15 = -13.8. All four: (.9 * 400 - 327) / 3.3 - 20 = -10.
    """
    assert priced(used=1, aim=400) == [2, 3, 4]


def test_priced_uses_a_cold_cache_to_go_down_to_the_low_mark() -> None:
    assert priced(used=1, need=-50, aim=300, warm=0) == [2, 3, 4]
    assert not priced(used=1, need=-50, aim=-50, warm=0)


@pytest.mark.parametrize(("again", "leave"), [(0, [3, 4]), (2, [])])
def test_priced_trims_what_faults_brought_to_the_end(again: int, leave: list[int]) -> None:
    """Pages 3 and 4 of 100 tokens each were paged in four calls ago, and 4 stands last.

    What was used once is expected every 5.3 calls, within 3 of them with a probability of .3: that it leaves
    saves .3 * (1 - .15) + .6 * .7 - .3 = .38 a token. After two more uses page 4 is expected every 2.3 calls,
    so with .6: -.15. It stays, and to write it anew costs .9 * 100, more than the 38 that page 3 saves.
    """
    policy = named("priced")
    for page in (1, 2, 3, 4):
        policy.loaded(page, 100, page, fault=page > 2)
    for _ in range(again):
        policy.touched(4, 5)
    for tick in (6, 7, 8, 9):
        policy.sent(tick)
    units = tuple(Unit((page,), 100, 100 * page, page, page, page <= 2) for page in (1, 2, 3, 4))
    flush = Flush(9, units, -50, -50, room=2000, tokens=500, head=100, prices=PRICES, warm=500, digest=True)
    order, depth = policy.choose(flush)
    assert sorted(order[n] + 1 for n in range(len(order)) if 100 * n < depth) == leave


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(InputError, match="no policy is called 'best'; there are: 2q, arc, clock, fifo, gdsf"):
        named("best")


# -- the contract

happening = st.lists(
    st.tuples(st.sampled_from(["say", "fault", "touch", "leave", "forget"]), st.integers(1, 12))
)


def lived(name: str, steps: Sequence[tuple[str, int]]) -> Window:
    """A window in which all that happened that can have happened."""
    made = Window(named(name))
    for what, page in steps:
        there = page in made.units
        if what in ("say", "fault") and not there:
            made.say(page, 1 + page * 7 % 30, fault=what == "fault")
        elif what == "touch" and there:
            made.touch(page)
        elif what == "leave" and there:
            made.leave(*made.order()[: 1 + page % 3])
        elif what == "forget" and there:
            made.leave(page)
            made.policy.forgot((page,))
    return made


@pytest.mark.parametrize("name", POLICIES)
@given(happening)
def test_every_policy_orders_all_units_and_changes_nothing_by_it(
    name: str, steps: list[tuple[str, int]]
) -> None:
    made = lived(name, steps)
    assert made.policy.name == name
    order = made.order()
    assert sorted(order) == sorted(made.units)
    assert made.order() == order
    assert lived(name, steps).order() == order


@pytest.mark.parametrize("name", POLICIES)
@given(happening, st.integers(100, 400))
def test_every_policy_makes_room_and_spares_what_was_just_used(
    name: str, steps: list[tuple[str, int]], room: int
) -> None:
    made = lived(name, steps)
    frames = tuple(
        Frame(page, unit.tokens, unit.arrived, unit.referenced, fault=page % 3 == 0)
        for page, unit in made.units.items()
    )
    arriving = (Frame(99, 60, made.tick + 1, made.tick + 1),)
    snapshot = Snapshot(made.tick + 1, Budget(room + 10, 10), 5, frames, arriving, wrapper=3)
    before = 5 + weight((*frames, *arriving), 3)
    plan = decide(snapshot, made.policy)
    if before <= room:
        assert not plan.evict
    else:
        assert plan.tokens <= room and plan.load == arriving
        assert len(plan.evict) <= len(frames)
    assert plan == decide(snapshot, made.policy)
