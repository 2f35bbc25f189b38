"""DESIGN's invariants as properties, on a real disk: for any history, any query, any order of calls."""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from conftest import make
from hypothesis import given
from hypothesis import strategies as st

from vctx import journal, render
from vctx.context import Context
from vctx.errors import BudgetError, ModelError
from vctx.fakes import HashingEmbedder, ScriptedModel, WordTokenizer
from vctx.memory import Forms
from vctx.plan import decide, weight
from vctx.policies import POLICIES, named
from vctx.prices import TABLE
from vctx.types import Budget, Form, Frame, Hit, Message, Plan, Reply, Snapshot

words = st.text(alphabet="abc .\n", max_size=60)
giant = st.builds(
    lambda word, n: " ".join([word] * n),
    st.sampled_from(["page", "[page", "日本", "🙂", "x"]),
    st.integers(1, 900),
)
anything = st.text(max_size=80)
told = st.builds(
    lambda name, n: " ".join(f"{name}{k}" for k in range(n)), st.sampled_from("ABC"), st.integers(20, 60)
)
texts = st.one_of(words, anything, giant, told)

step = st.one_of(
    st.tuples(st.just("user"), texts),
    st.tuples(st.just("assistant"), texts),
    st.tuples(st.just("recall"), texts),
    st.tuples(st.just("greedy"), texts),
    st.tuples(st.just("pin"), texts),
    st.tuples(st.just("unpin"), texts),
    st.tuples(st.just("window"), st.just("")),
    st.tuples(st.just("reopen"), st.sampled_from(["120", "300", "700"])),
)


def take(ctx: Context, kind: str, text: str) -> None:
    """One call of a user's; pins that do not fit are refused, and that is right."""
    match kind:
        case "user" | "assistant":
            ctx.append("user" if kind == "user" else "assistant", text)
        case "recall":
            ctx.recall(text)
        case "greedy":
            ctx.recall(text, tokens=ctx.budget.room)
        case "pin" | "unpin" if ctx.frames:
            with suppress(BudgetError):
                (ctx.pin if kind == "pin" else ctx.unpin)(ctx.frames[len(text) % len(ctx.frames)].page)
        case "window":
            with suppress(BudgetError):
                ctx.window()


FORMS = st.sampled_from((False, "extract", "model"))


def failing(messages: Sequence[Message]) -> str:
    raise ModelError("down")


SUMMARISERS = [
    None,
    ScriptedModel(lambda messages: f"summary of {len(messages[-1].content)}"),
    ScriptedModel(lambda messages: "far too long " * 4000, window=60),
    ScriptedModel(lambda messages: " "),
    ScriptedModel(failing),
]


class Long(ScriptedModel):
    """A model that does not keep to the tokens that it is given."""

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        return super().complete(messages, max_tokens=10**6)


SUMMARISERS.append(Long(lambda messages: "far too long " * 4000))


class Dear(WordTokenizer):
    """Words, but a whole prompt costs a tenth more than its parts: estimates fall short."""

    name = "dear"

    def prompt(self, messages: Sequence[Message]) -> int:
        return super().prompt(messages) * 11 // 10


@given(
    st.lists(step, max_size=40),
    st.sampled_from([120, 300, 700]),
    st.sampled_from(sorted(POLICIES)),
    st.booleans(),
    st.sampled_from(SUMMARISERS),
    st.booleans(),
    FORMS,
)
def test_1_and_4_the_window_keeps_to_its_budget_and_the_journal_replays(
    steps: list[tuple[str, str]],
    window: int,
    policy: str,
    alternates: bool,
    model: ScriptedModel | None,
    still: bool,
    forms: Forms,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        options: Any = {"policy": policy, "alternates": alternates, "model": model, "forms": forms}
        options["prices"] = TABLE["deepseek"]
        options["clock"] = (lambda: datetime(2026, 1, 1, tzinfo=UTC)) if still else None
        ctx = make(path, window=window, **options)
        for kind, text in steps:
            if kind == "reopen":
                ctx.close()
                window = int(text)
                ctx = make(path, window=window, **options)
            take(ctx, kind, text)
            try:
                messages = ctx.window()
            except BudgetError:
                # Right only where pins fill a window that has shrunk.
                assert sum(frame.tokens for frame in ctx.frames if frame.pinned) > window // 4
                continue
            assert ctx.tokens(messages) <= window - 40
            assert journal.replay(ctx.log()).frames == ctx.frames
            prompt = "\n".join(message["content"] for message in messages)
            for frame in ctx.frames:
                [page] = ctx.pages([frame.page])
                if frame.pinned and not frame.fault and frame.form is Form.FULL:
                    assert render.content(page) in prompt
            assert len(ctx.pages([frame.page for frame in ctx.frames])) == len(ctx.frames)
            if alternates:
                roles = [m["role"] for m in messages if m["role"] != "system"]
                assert all(a != b for a, b in pairwise(roles)) and roles[:1] != ["assistant"]
        ctx.close()


@given(st.lists(step, max_size=30))
def test_1_holds_where_the_parts_cost_less_than_the_whole(steps: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, make(Path(folder) / "s.db", window=300) as ctx:
        ctx = Context(ctx._disk, HashingEmbedder(), Dear(), Budget(300, 40))
        for kind, text in steps:
            take(ctx, kind, text)
            assert ctx.tokens(ctx.window()) <= 260


@given(st.lists(st.tuples(st.booleans(), step), max_size=30), st.sampled_from(SUMMARISERS))
def test_1_and_4_hold_where_two_share_a_session(
    steps: list[tuple[bool, tuple[str, str]]], model: ScriptedModel | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        pair = [make(path, window=300, model=model), make(path, window=300)]
        for second, (kind, text) in steps:
            if kind != "reopen":
                pair[second].window()  # what the other did is seen by the next call, not before
                take(pair[second], kind, text)
                assert pair[second].tokens(pair[second].window()) <= 260
        one, other = pair
        assert one.window() == other.window() == one.window()
        assert one.frames == other.frames == journal.replay(one.log()).frames
        for ctx in pair:
            ctx.close()


def prompt_text(messages: list[dict[str, str]]) -> str:
    return "".join(f"<{m['role']}>{m['content']}</>" for m in messages)


# A reply is bounded by the reserve, so it always stands whole.
@given(
    st.lists(st.tuples(st.booleans(), texts, st.one_of(words, anything)), max_size=25),
    st.sampled_from([None, ScriptedModel(lambda messages: f"summary of {len(messages[-1].content)}")]),
    st.sampled_from([WordTokenizer(), Dear()]),
    FORMS,
)
def test_2_between_flushes_what_was_sent_is_a_prefix(
    turns: list[tuple[bool, str, str]], model: ScriptedModel | None, tokenizer: WordTokenizer, forms: Forms
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        make(Path(folder) / "s.db", window=500, model=model, tokenizer=tokenizer, forms=forms) as ctx,
    ):
        sent, seen = "", 0
        for recall, question, reply in turns:
            if recall:
                ctx.recall(question)
            ctx.append("user", question)
            prompt = prompt_text(ctx.window())
            entries = ctx.log()
            flushed = any(entry.plan.evict for entry in entries[seen:])
            assert flushed or prompt.startswith(sent)
            ctx.append("assistant", reply)
            # A flush that the reply causes is one between this prompt and the next.
            sent, seen = f"{prompt}<assistant>{reply}</>", len(entries)


@given(st.lists(step, max_size=20), st.sampled_from(SUMMARISERS))
def test_5_what_was_acknowledged_is_in_the_files_at_once(
    steps: list[tuple[str, str]], model: ScriptedModel | None
) -> None:
    """The files, as a process killed between two calls leaves them, hold the same session."""
    with tempfile.TemporaryDirectory() as folder:
        live, left = Path(folder) / "live", Path(folder) / "left"
        live.mkdir()
        with make(live / "s.db", window=300, model=model, forms=True) as ctx:
            for kind, text in steps:
                if kind != "reopen":
                    take(ctx, kind, text)
            shutil.copytree(live, left)
            with make(left / "s.db", window=300, forms=True) as again:
                assert again.frames == ctx.frames
                assert again.history() == ctx.history()
                assert again.log() == ctx.log()


secret = "xyzzy-4711"


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant", "recall", "window"]), texts), max_size=15),
    st.integers(0, 15),
    st.sampled_from([None, ScriptedModel(lambda messages: f"They said {messages[-1].content}")]),
)
def test_6_what_is_forgotten_is_in_no_file(
    steps: list[tuple[str, str]], at: int, model: ScriptedModel | None
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        make(Path(folder) / "s.db", window=300, model=model, forms=True) as ctx,
    ):
        for kind, text in steps[:at]:
            take(ctx, kind, text)
        page = ctx.append("user", f"My word is {secret}.")
        ctx.recall(f"What is {secret}?")
        for kind, text in steps[at:]:
            take(ctx, kind, text)
        assert ctx.forget([page.id])
        assert ctx.tokens(ctx.window()) <= 260
        for file in Path(folder).iterdir():
            data = file.read_bytes().lower()
            assert secret.encode() not in data and b"xyzzy" not in data


frames = st.builds(
    Frame,
    page=st.integers(1, 40),
    tokens=st.integers(1, 120),
    arrived=st.integers(0, 50),
    referenced=st.integers(0, 50),
    references=st.integers(0, 9),
    fault=st.booleans(),
    pinned=st.booleans(),
    group=st.one_of(st.none(), st.integers(0, 3)),
    form=st.just(Form.FULL),
)
hits = st.builds(Hit, page=st.integers(41, 90), tokens=st.integers(1, 200), score=st.floats(-3, 3))
snapshots = st.builds(
    Snapshot,
    tick=st.just(60),
    budget=st.builds(Budget, window=st.integers(200, 900), reserve=st.just(50)),
    fixed=st.integers(0, 60),
    frames=st.lists(frames, max_size=20, unique_by=lambda f: f.page).map(tuple),
    hits=st.lists(hits, max_size=12, unique_by=lambda h: h.page).map(tuple),
    wrapper=st.integers(0, 9),
    ask=st.integers(0, 500),
    floor=st.sampled_from([0.0, -9.0]),
    hold=st.integers(0, 100),
    cap=st.integers(0, 40),
    first=st.booleans(),
    prices=st.sampled_from([None, TABLE["anthropic"]]),
    warm=st.integers(0, 900),
    cold=st.booleans(),
)


def shorter(snapshot: Snapshot) -> Snapshot:
    """With a gist and a handle for each message that might leave, some of which stand so already."""
    plain = [f for f in snapshot.frames if not f.fault and f.group is None and f.tokens > 9]
    forms = [(f, form, f.tokens // by) for f in plain for form, by in ((Form.GIST, 2), (Form.HANDLE, 8))]
    briefs = [replace(f, form=form, tokens=n, pinned=False) for f, form, n in forms]
    stand = {f.page: f for f in briefs if f.page % 5 == 0 and f.arrived < 25}
    frames = sorted(stand.values(), key=lambda f: f.page)
    frames += [f for f in snapshot.frames if f.page not in stand]
    return replace(snapshot, frames=tuple(frames), briefs=tuple(briefs))


@given(st.one_of(snapshots, snapshots.map(shorter)), st.sampled_from(sorted(POLICIES)))
def test_7_a_decision_is_a_function_and_keeps_its_word(snapshot: Snapshot, name: str) -> None:
    policy = named(name)
    for frame in snapshot.frames:
        policy.loaded(frame.page, frame.tokens, frame.arrived, fault=frame.fault)
    plan: Plan = decide(snapshot, policy)
    assert plan == decide(snapshot, policy)
    stays = [frame for frame in snapshot.frames if frame.slot not in plan.evict]
    assert not any(frame.pinned for frame in snapshot.frames if frame.slot in plan.evict)
    groups = {frame.group for frame in stays} - {None}
    assert not any(frame.group in groups for frame in snapshot.frames if frame.slot in plan.evict)
    assert sum(frame.tokens for frame in plan.load if frame.fault) <= snapshot.ask
    stood = {frame.page for frame in snapshot.frames if frame.slot in plan.evict}
    assert all(frame.page in stood for frame in plan.load if frame.brief)
    assert len({frame.slot for frame in (*stays, *plan.load)}) == len(stays) + len(plan.load)
    fixed = snapshot.fixed + (snapshot.cap if plan.fold and snapshot.first else 0)
    assert plan.tokens == fixed + weight([*stays, *plan.load], snapshot.wrapper)
    evictable = [frame for frame in stays if not frame.pinned and frame.fault]
    if plan.tokens + snapshot.hold > snapshot.budget.room:
        assert not plan.load or not evictable
