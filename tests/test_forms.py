"""Forms and gists: the knapsack beside the exact one, what a gist keeps, how shorter forms stand."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from random import Random

import pytest
from conftest import counted, make
from hypothesis import given
from hypothesis import strategies as st
from sandbox import small_parts
from shell import vctx

from vctx.cli import sums
from vctx.eval.policies.record import recorded
from vctx.eval.policies.trace import Said
from vctx.forms import Option, choose
from vctx.gist import gist
from vctx.types import Form

items = st.lists(st.lists(st.tuples(st.integers(1, 30), st.floats(0.01, 1.0)), max_size=3), max_size=6)


def value(items: Sequence[Sequence[Option]], chosen: Sequence[int | None]) -> float:
    return sum(options[n][1] for options, n in zip(items, chosen, strict=True) if n is not None)


def exact(items: Sequence[Sequence[Option]], budget: int) -> float:
    """The best of all choices."""
    best = 0.0
    for chosen in product(*([None, *range(len(options))] for options in items)):
        pairs = [options[n] for options, n in zip(items, chosen, strict=True) if n is not None]
        if sum(tokens for tokens, _ in pairs) <= budget:
            best = max(best, sum(worth for _, worth in pairs))
    return best


@given(items, st.integers(0, 90))
def test_the_choice_keeps_to_its_budget_and_misses_at_most_one_step(
    items: list[list[Option]], budget: int
) -> None:
    chosen = choose(items, budget)
    taken = sum(options[n][0] for options, n in zip(items, chosen, strict=True) if n is not None)
    assert taken <= budget
    step = max((worth for options in items for _, worth in options), default=0.0)
    assert value(items, chosen) >= exact(items, budget) - step - 1e-9


def test_of_pages_as_they_are_the_choice_is_within_a_few_per_cent_of_the_best() -> None:
    """Gists of 8 to 20 tokens and handles of 6 to 9, in room for about half of six pages: 200 draws."""
    random, ours, best = Random(0), 0.0, 0.0
    for _ in range(200):
        use = [random.random() for _ in range(6)]
        drawn = [[(random.randint(8, 20), 0.6 * worth), (random.randint(6, 9), 0.1 * worth)] for worth in use]
        ours += value(drawn, choose(drawn, 45))
        best += exact(drawn, 45)
    assert 0.96 * best < ours <= best


def test_a_gist_keeps_names_and_numbers_first_in_their_order() -> None:
    """Lyon, March and 42 count twice and take 16 of 20 characters; of the others only `new` fits."""
    text = "I moved to Lyon in March. My new flat is number 42, near the river! Do you like it?"
    assert gist(text, 20) == "Lyon March. new 42,"
    assert gist(text, 22) == "moved Lyon March. 42,"
    assert gist(text, 0) == "" and gist("Oh, wow. Thanks!", 50) == ""


@given(st.text(max_size=200), st.integers(0, 200))
def test_a_gist_says_nothing_that_the_text_does_not(text: str, limit: int) -> None:
    short = gist(text, limit)
    assert len(short) <= limit and set(short.split()) <= set(text.split())


def test_what_leaves_stands_on_as_a_gist_and_a_question_brings_it_back_in_full(tmp_path: Path) -> None:
    told = "Our hotel in Lisbon was called Miradouro, it stood by the river, and we paid 90 a night there. "
    with make(tmp_path / "s.db", window=1000, forms=True) as ctx:
        first = ctx.append(
            "user", told + "It was so good that we would go there again and again and again. " * 2
        )
        for n in range(40):
            ctx.append(
                "user", f"And then on day {n} we " + "walked around the town for hours on end and " * 4
            )
        opening = next(m for m in ctx.window() if m["role"] != "system")["content"]
        assert opening.startswith("[memory]") and "(gist)" in opening and "Miradouro" in opening
        assert (ctx.frames[0].page, ctx.frames[0].form) == (first.id, Form.GIST)
        assert ctx.why(first.id)[-1].what == "recut"
        ctx.recall("the hotel Miradouro in Lisbon", tokens=200)
        stands = [frame.form for frame in ctx.frames if frame.page == first.id]
        assert stands == [Form.GIST, Form.FULL]
        with make(tmp_path / "s.db", window=1000, forms=True) as again:
            assert again.frames == ctx.frames and again.window() == ctx.window()


def test_forms_on_the_command_line(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch, counted)
    monkeypatch.setenv("VCTX_FORMS", "extract")
    long = "and it rained all the afternoon, so that we were in no hurry to go on again. "
    said = "".join(f"On day {n} we met Ana in Lyon for lunch, {long * 2}\n" for n in range(20))
    vctx("chat", "--db", db, "--window", "700", input=said)
    seen = vctx("window", "--db", db, "--window", "700").stdout
    assert "] (gist) day " in seen and "met Ana Lyon lunch" in seen
    assert "gist" in vctx("window", "--db", db, "--window", "700", "--map").stdout
    assert "'some' is not one of" in vctx("chat", "--db", db, "--forms", "some", code=2).stderr


LONG = (
    "and we walked around the old town for hours on end, until our feet hurt and the sun went down behind it"
)


def test_shorter_forms_are_neither_faults_nor_evicted_where_they_are_counted(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=1000, forms=True) as ctx:
        for n in range(40):
            ctx.recall(f"day{n // 3} hot", hold=60)
            ctx.append("user", f"On day{n} it was hot, {LONG}; then we sat by the river, and ate.")
        told = sums.counts(ctx.stats(), {}, ctx.log())
        plans = [entry.plan for entry in ctx.log()]
        brief = sum(frame.brief for plan in plans for frame in plan.load)
        assert brief and told["faults"] == sum(frame.fault for plan in plans for frame in plan.load)
        stay = [{frame.slot for frame in plan.load} & set(plan.evict) for plan in plans]
        assert told["evictions"] == sum(len(plan.evict) for plan in plans) - sum(map(len, stay))


def test_shorter_forms_stand_in_no_trace(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=1000, forms=True) as ctx:
        for n in range(40):
            ctx.append("user", f"On day{n} it was hot, {LONG}; then we sat by the river, and ate.")
        assert any(frame.brief for frame in ctx.frames)
        said = [event for event in recorded(ctx.log(), "talk").events if isinstance(event, Said)]
        assert [frame.page for event in said for frame in event.frames] == [p.id for p in ctx.history()]
