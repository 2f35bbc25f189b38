"""The policy laboratory: a simulation is the session, the optimum is the least, the bound is below it."""

import itertools
import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from conftest import make
from hypothesis import given, settings
from hypothesis import strategies as st

import vctx
from vctx.cli import main
from vctx.eval import chats as made
from vctx.eval.policies import synthetic
from vctx.eval.policies.beside import beside
from vctx.eval.policies.calls import Call, Join, Problem, known, problem, sittings
from vctx.eval.policies.chats import chat, steps
from vctx.eval.policies.costs import billed, money
from vctx.eval.policies.curves import distances, fault_ratios, miss_ratios, working_set
from vctx.eval.policies.hindsight import hindsight, standing
from vctx.eval.policies.optimum import bound, bounds, exact
from vctx.eval.policies.record import recorded
from vctx.eval.policies.schedules import Schedules
from vctx.eval.policies.simulate import simulate
from vctx.eval.policies.told import NEVER, Told
from vctx.eval.policies.trace import Event, Referred, Said, Sent, Setting, Trace, read, write
from vctx.eval.story import Recipe
from vctx.fakes import HashingEmbedder, WordTokenizer
from vctx.policies import POLICIES, named
from vctx.types import Budget, Entry, Frame, Hit, Prices, ToolCall

WORDS = ["harbour", "bicycle", "orchard", "lantern", "piano", "glacier", "violin", "teapot", "meadow", "moon"]
PRICES = Prices("own", 1e6, read=0.1, write=1.25, lifetime=300)


# -- a simulation is the session


class Turns:
    """A clock that stands still within a turn; every ninth turn comes after the cache has expired."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, n: int) -> None:
        self.now += timedelta(seconds=1000 if n % 9 == 8 else 60)


def talk(ctx: vctx.Context, clock: Turns, turns: int) -> None:
    """A chat with recalls of what was said, a pin, a tool call, a message larger than the room."""
    for n in range(turns):
        clock.turn(n)
        word = WORDS[n % 7]
        ctx.recall(f"where was the {word}, and the {WORDS[n * n % 10]}?", hold=20)
        ctx.append("user", f"The {word} number {n} was beside the {WORDS[n * 3 % 10]} for {n} days.")
        ctx.window()
        ctx.append("assistant", f"Noted: {word}, {n}." + " And so on." * (n % 5))
        if n % 11 == 5:
            ctx.pin(ctx.history(1)[0].id)
        if n % 11 == 8:
            for frame in ctx.frames:
                if frame.pinned:
                    ctx.unpin(frame.page)
        if n == 20:
            ctx.append("user", "A very long story. " * 120)
            ctx.append("assistant", "", calls=[ToolCall("c1", "look", "{}")])
            ctx.append("tool", "It is a harbour.", call="c1")
        if n == 30:
            ctx.forget([2, 3, ctx.history(4)[0].id])


def changes(entries: list[Entry]) -> list[tuple[Any, ...]]:
    plans = [(entry.tick, entry.plan) for entry in entries if entry.cause != "forget"]
    return [(n, p.evict, tuple(f.slot for f in p.load), p.tokens) for n, p in plans if p.evict or p.load]


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_simulation_does_what_the_session_did(policy: str, tmp_path: Path) -> None:
    """Every page that was loaded or left, at the same tick, and the tokens of the window after each."""
    clock = Turns()
    with make(tmp_path / "s.db", window=700, reserve=60, policy=policy, prices=PRICES, clock=clock) as ctx:
        talk(ctx, clock, 36)
        live, trace = changes(ctx.log()), recorded(ctx.log(), "talk")
    run = simulate(trace, named(policy), PRICES)
    forgot = {event.tick for event in trace.events if type(event).__name__ == "Forgot"}
    steps = [(s.tick, s.evict, s.load, s.tokens) for s in run.steps if s.tick not in forgot]
    assert steps == live
    assert sum(len(step[1]) for step in live) > 30


def test_a_trace_is_the_same_whoever_decided(tmp_path: Path) -> None:
    """Recorded under one policy, it is what a session under another would have been asked."""
    live, traces = {}, {}
    for policy in ("fifo", "lru"):
        with make(tmp_path / f"{policy}.db", window=500, reserve=60, policy=policy) as ctx:
            for n in range(90):
                ctx.recall(f"where was the {WORDS[n % 7]}?", hold=20)
                ctx.append("user", f"The {WORDS[n % 7]} number {n} was beside the {WORDS[n * 3 % 10]}.")
            live[policy] = changes(ctx.log())
            traces[policy] = recorded(ctx.log(), "talk")
    run = simulate(traces["fifo"], named("lru"))
    assert [(s.tick, s.evict, s.load, s.tokens) for s in run.steps] == live["lru"] != live["fifo"]


def test_a_trace_survives_its_file(tmp_path: Path) -> None:
    trace = synthetic.made("zipf", synthetic.Shape(turns=30))
    write(trace, tmp_path / "t.jsonl")
    assert read(tmp_path / "t.jsonl") == trace


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "its first line lacks 'vctx-trace'"),
        ('{"vctx-trace": 9}', "version 9, not 1"),
        ("no json", "cannot read"),
        (None, "line 2 of .* is no event"),
        (
            '{"sent": true, "tick": 1, "at": 0}\n{"sent": true, "tick": 0, "at": 0}',
            "out of order: tick 0 after 1",
        ),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(text: str | None, says: str, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    write(Trace("t", synthetic.SETTING, ()), file)
    if text is None:
        text = file.read_text("utf-8") + '{"said": 7}'
    elif text.startswith('{"sent'):
        text = file.read_text("utf-8") + text
    file.write_text(text, "utf-8")
    with pytest.raises(vctx.InputError, match=says):
        read(file)


def test_a_chat_asks_each_question_after_its_evidence(tmp_path: Path) -> None:
    """Every question once, after all turns that answer it; the trace knows the pages of its evidence."""
    conversation = made.conversation(Recipe(seed=3, sessions=3))
    said = list(steps(conversation))
    order = {step.turn: place for place, step in enumerate(said) if step.turn}
    asked_at = {step.question: place for place, step in enumerate(said) if step.question is not None}
    assert sorted(asked_at) == list(range(len(conversation.questions)))
    for number, place in asked_at.items():
        assert all(order[turn] < place for turn in conversation.questions[number].evidence)
    parts = {"tokenizer": WordTokenizer(), "embedder": HashingEmbedder()}
    options: dict[str, Any] = {"window": 1000, "background": False, **parts}
    asked = chat(conversation, tmp_path / "c.db", lambda _: None, **options)
    with vctx.open(tmp_path / "c.db", model=None, **options) as ctx:
        trace = recorded(ctx.log(), conversation.name, asked)
    run = simulate(trace, named("fifo"))
    assert sorted(found.question for found in run.found) == sorted(asked_at)
    assert beside(trace, "full context").found[0].share == 1.0


# -- what it costs


def two_calls(*, idle: float) -> Trace:
    """100 tokens are said and sent, then 20 more: 150 tokens with the 30 that never leave."""
    setting = Setting(Budget(1000, 0), fixed=30, head=30)
    frames = [Frame(page, tokens, tick, tick) for page, tokens, tick in ((1, 100, 1), (2, 20, 3))]
    events: tuple[Event, ...] = (
        Said(1, 0.0, (frames[0],)),
        Sent(2, 0.0),
        Said(3, idle, (frames[1],)),
        Sent(4, idle),
    )
    return Trace("two", setting, events)


@pytest.mark.parametrize(
    ("idle", "paid", "least"),
    [
        (300, 1.25 * 130 + 0.1 * 130 + 1.25 * 20, 1.25 * 130 + 0.1 * 30 + 1.25 * 20),
        (301, 1.25 * 130 + 1.25 * 150, 1.25 * 130 + 1.25 * 50),
    ],
    ids=["warm", "cold"],
)
def test_a_prompt_costs_what_the_cache_does_not_serve(idle: float, paid: float, least: float) -> None:
    """Whoever knows that page 1 is not asked for lets it leave before the second call."""
    trace = two_calls(idle=idle)
    assert billed(simulate(trace, named("lru")), PRICES).money == pytest.approx(paid)
    assert money(bound(problem(trace, PRICES)), PRICES) == pytest.approx(least)


def test_what_leaves_has_all_behind_it_written_anew() -> None:
    """A room of 100, a low mark of 50: 10 fixed tokens and pages 1, 2, 3 of 30 are sent. Page 4 would make
    130: 1 leaves, and 2, for 70 is above the low mark. Of 10 + 30 + 30 tokens the first 10 are the same.
    """
    setting = Setting(Budget(100, 0), fixed=10, head=10)
    said = [Said(n, 0.0, (Frame(n, 30, n, n),)) for n in (1, 2, 3)]
    events: tuple[Event, ...] = (*said, Sent(4, 0.0), Said(5, 1.0, (Frame(4, 30, 5, 5),)), Sent(6, 1.0))
    run = simulate(Trace("t", setting, events), named("fifo"))
    assert [(p.tokens, p.same) for p in run.prompts] == [(100, 0), (70, 10)]


# -- the optimum


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Two to four calls of a chat with up to eight pages."""
    calls: list[Call] = []
    page = 0
    for t in range(draw(st.integers(2, 4))):
        here: list[Join] = []
        if t:
            page += 1
            here.append(Join(page, draw(st.integers(5, 20)), True, draw(st.integers(0, 9)) > 0))
        before = st.lists(st.integers(1, max(page, 1)), max_size=2, unique=True)
        here += [Join(one, draw(st.integers(5, 20)), False) for one in (draw(before) if page else [])]
        page += 1
        here.append(Join(page, draw(st.integers(5, 20)), True))
        calls.append(Call(draw(st.integers(0, 4)) > 0, tuple(here), 10 if t < 2 else 16))
    return Problem(tuple(calls), draw(st.integers(90, 140)), 6, draw(st.booleans()), 0.1, 1.25)


def cheapest(problem: Problem) -> float:
    """The optimum by trying every schedule: what stays of what stood, and what joins, before each call."""
    states: dict[tuple[Any, ...], float] = {(): 0.0}
    for t, call in enumerate(problem.calls):
        reached: dict[tuple[Any, ...], float] = {}
        for stood, paid in states.items():
            for stays in itertools.product((False, True), repeat=len(stood)):
                for joins in itertools.product(*map(partial(_may, call), call.joins)):
                    kept = [f for f, stay in zip(stood, stays, strict=True) if stay]
                    new = [(j, (t, n)) for n, (j, y) in enumerate(zip(call.joins, joins, strict=True)) if y]
                    there = (*kept, *new)
                    whole = {join.page for join, _ in there if join.whole}
                    tokens = call.fixed + sum(join.tokens for join, _ in there)
                    if not whole.issuperset(call.referenced) or tokens > problem.room:
                        continue
                    served = _served(problem, t, stood, stays, joins)
                    cost = paid + problem.read * served + problem.write * (tokens - served)
                    reached[there] = min(cost, reached.get(there, math.inf))
        states = reached
    return min(states.values(), default=math.inf)


def _may(call: Call, join: Join) -> tuple[bool, ...]:
    return (True,) if join is call.newest else (False, True)


def _served(problem: Problem, t: int, stood: Any, stays: Any, joins: Any) -> int:
    call = problem.calls[t]
    left = [join for (join, _), stay in zip(stood, stays, strict=True) if not stay]
    left += [join for join, joined in zip(call.joins, joins, strict=True) if not joined]
    if not t or not call.warm:
        return 0
    if problem.digest and any(join.said for join in left):
        return problem.head
    same = itertools.takewhile(lambda pair: pair[1], zip(stood, stays, strict=True))
    return min(call.fixed, problem.calls[t - 1].fixed) + int(sum(join.tokens for (join, _), _ in same))


@given(problems())
def test_the_exact_optimum_is_the_cheapest_of_all_schedules(problem: Problem) -> None:
    assert exact(problem) == pytest.approx(cheapest(problem))


@given(problems())
def test_the_bound_is_below_the_optimum(problem: Problem) -> None:
    least = exact(problem)
    assert bound(problem) <= least + 1e-6


@given(problems(), st.integers(1, 3))
def test_shorter_arcs_have_the_same_optimum_and_a_lower_bound(problem: Problem, reach: int) -> None:
    least = exact(problem)
    assert Schedules(problem, reach=reach).least(exact=True) == pytest.approx(least)
    assert Schedules(problem, reach=reach).least(exact=False) <= least + 1e-6


@given(problems())
def test_who_may_begin_with_more_pays_no_more(problem: Problem) -> None:
    """The second half alone, beginning with anything said or referenced in the first, costs no more there."""
    first, second = (replace(problem, calls=calls) for calls in (problem.calls[:2], problem.calls[2:]))
    if not second.calls:
        return
    cold = replace(problem, calls=(*first.calls, replace(second.calls[0], warm=False), *second.calls[1:]))
    before = [Join(page, tokens, False) for page, tokens in known(first.calls).items()]
    assert exact(first) + Schedules(second, before).least(exact=True) <= exact(cold) + 1e-6


def test_hindsight_begins_where_the_policy_did() -> None:
    """Of each sitting: no less than the bound, which may begin with anything, and no more than was paid."""
    shape = synthetic.Shape(turns=24, documents=30, each=4, sitting=8)
    trace = synthetic.made("zipf", shape, setting=Setting(Budget(700, 100), fixed=40, head=40))
    policy = named("lru")
    stood = standing(trace, policy, PRICES, {8})[8]
    assert stood[0] and sum(frame.tokens for frame in stood[0]) + stood[1] <= 600
    asked = problem(trace, PRICES)
    run = simulate(trace, policy, PRICES)
    known_ = hindsight(trace, named("lru"), PRICES, None)
    for free, same in zip(bounds(asked), known_, strict=True):
        paid = billed(run, PRICES, same.start, same.stop).money
        assert free.least <= same.least + 1e-6
        assert money(same.least, PRICES) <= paid + 1e-6
    assert [part.start for part in known_] == [0, 8, 16]


@settings(max_examples=10)
@given(st.sampled_from(sorted(synthetic.SHAPES)), st.integers(0, 99), st.sampled_from([(0, 4), (400, 9)]))
def test_no_policy_pays_less_than_the_optimum(name: str, seed: int, size: tuple[int, int]) -> None:
    minimum, turns = size
    prices = Prices("own", 1e6, read=0.1, write=1.25, minimum=minimum, lifetime=300)
    shape = synthetic.Shape(turns=turns, documents=12, each=3, sitting=3)
    setting = Setting(Budget(600, 100), fixed=40, head=40, wrapper=0, cap=50)
    trace = synthetic.made(name, shape, seed=seed, setting=setting)
    asked = problem(trace, prices)
    below = bound(asked)
    if not minimum:
        assert below <= exact(asked) + 1e-6
        below = exact(asked)
    for policy in POLICIES:
        assert billed(simulate(trace, named(policy), prices), prices).money >= below - 1e-6


def test_too_small_a_room_is_said() -> None:
    trace = two_calls(idle=1)
    small = Trace("t", Setting(Budget(60, 0), fixed=30, head=30), trace.events)
    with pytest.raises(vctx.BudgetError, match="the window is too small"):
        exact(problem(small, PRICES))


def test_sittings_begin_where_the_cache_is_cold() -> None:
    trace = synthetic.made("loop", synthetic.Shape(turns=45, sitting=20))
    assert [len(part.calls) for part in sittings(problem(trace, PRICES))] == [20, 20, 5]


# -- what a trace is like, and the command


def test_stack_distances_by_hand() -> None:
    """a b a c b, of 10, 20 and 30 tokens: a comes back after b and itself, 30; b after c, a and itself, 60.

    So lru misses the three first references at any size, a below 30 tokens, and b below 60.
    """
    trace = asked("abacb")
    assert distances(trace) == [math.inf, math.inf, 30, math.inf, 60]
    assert miss_ratios(trace, [20, 30, 60]) == {20: 1.0, 30: 0.8, 60: 0.6}


def test_a_working_set_by_hand() -> None:
    """Within the last two calls: a; a b; b a; a c; c b."""
    assert working_set(asked("abacb"), 2) == [10, 30, 30, 40, 50]


def test_what_is_told_is_when_a_page_is_next_referenced() -> None:
    """a is referenced for calls 0 and 2; after call 0 it is needed two calls on, after call 2 never."""
    policy = Told(asked("abacb"))
    policy.sent(1)
    assert policy.gap(1) == 1  # one call was sent: the next, number 1, asks for b, number 2 for a
    policy.sent(2)
    policy.sent(3)
    assert policy.gap(1) == NEVER


def test_a_larger_window_faults_less() -> None:
    """All that is ever referenced fits in the last one: only first references miss."""
    trace = synthetic.made("phases", synthetic.Shape(turns=30, documents=20, each=3))
    found = list(fault_ratios(trace, "lru", [1024, 2048, 8192]).values())
    assert found == sorted(found, reverse=True) and found[0] > found[-1]
    pages = {hit.page for event in trace.events if isinstance(event, Referred) for hit in event.hits}
    assert found[-1] == len(pages) / trace.references


def asked(pages: str) -> Trace:
    """A call for each letter, which references one page."""
    numbers = [ord(letter) - ord("a") + 1 for letter in pages]
    events: list[Event] = []
    for tick, page in enumerate(numbers):
        events += [Referred(tick, 0.0, (Hit(page, tokens=10 * page),), 100), Sent(tick, 0.0)]
    return Trace(pages, synthetic.SETTING, tuple(events))


def test_the_command_compares_policies_on_traces(tmp_path: Path) -> None:
    """Made traces, kept with their figures and pictures; a second run takes the bounds from there."""
    for name in ("loop", "phases"):
        write(synthetic.made(name, synthetic.Shape(turns=24, sitting=6)), tmp_path / f"{name}.jsonl")
    files = [str(tmp_path / f"{name}.jsonl") for name in ("loop", "phases")]
    command = [
        "eval",
        "policies",
        *files,
        "--prices",
        "openai",
        "--sittings",
        "1",
        "--out",
        str(tmp_path / "out"),
    ]
    told = CliRunner().invoke(main, command, catch_exceptions=False).output
    assert "window 2,048, openai" in told and "references a second of CPU time" in told
    rows = json.loads((tmp_path / "out" / "policies.json").read_text("utf-8"))["rows"]
    assert {row["policy"] for row in rows} == {
        *POLICIES,
        "priced, told",
        "sliding window",
        "ranked anew",
        "full context",
    }
    assert all(row["gap"] >= 0 for row in rows if row["policy"] in POLICIES)
    for picture in ("costs", "miss-ratio", "working-set", "faults"):
        assert ElementTree.parse(tmp_path / "out" / f"{picture}.svg").getroot().tag.endswith("svg")
    assert (
        CliRunner().invoke(main, command, catch_exceptions=False).output.split("\n\n")[0]
        == told.split("\n\n")[0]
    )


def test_the_command_records_a_session(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=500) as ctx:
        ctx.append("user", "The harbour is closed.")
        ctx.recall("which harbour?")
    told = CliRunner().invoke(
        main, ["eval", "policies", "--record", str(tmp_path / "s.db"), str(tmp_path / "t.jsonl")]
    )
    assert "2 events" in told.output
    assert read(tmp_path / "t.jsonl").setting.budget.window == 500
