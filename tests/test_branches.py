"""Forks, rewinding, and what the journal tells of the window at any tick."""

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import make
from hypothesis import given
from hypothesis import strategies as st

from vctx import journal
from vctx.context import Context
from vctx.errors import BudgetError, DiskError, InputError
from vctx.types import Form, Reading, ToolCall


def said(ctx: Context) -> list[str]:
    return [m["content"] for m in ctx.window() if m["role"] != "system"]


def talk(ctx: Context, *texts: str) -> list[int]:
    return [ctx.append("user", text).id for text in texts]


def test_a_fork_sees_what_stood_up_to_there(ctx: Context) -> None:
    _, two, _ = talk(ctx, "one", "two", "three")
    branch = ctx.fork(at=two)
    assert said(ctx) == ["one", "two", "three"]
    ctx.switch(branch)
    assert said(ctx) == ["one", "two"]
    talk(ctx, "four")
    assert said(ctx) == [p.text for p in ctx.history()] == ["one", "two", "four"]
    found = [hit.page for hit in ctx.search("three four")]
    assert found[0] == 4 and sorted(found) == [1, 2, 4]
    ctx.switch(0)
    assert said(ctx) == ["one", "two", "three"]
    assert {hit.page for hit in ctx.search("four")} == {1, 2, 3}


def test_a_fork_costs_no_page_and_survives_a_restart(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        [one, _] = talk(ctx, "one", "two")
        assert ctx.rewind(one) == 1
        assert ctx.stats().pages == 2
        talk(ctx, "three")
    with make(tmp_path / "s.db") as ctx:
        assert said(ctx) == ["one", "three"]
        branches = [(b.id, b.parent, b.at, b.current) for b in ctx.branches()]
        assert branches == [(0, None, 0, False), (1, 0, 1, True)]
        ctx.switch(0)
    with make(tmp_path / "s.db") as ctx:
        assert said(ctx) == ["one", "two"]


def test_a_fork_of_a_fork(ctx: Context) -> None:
    talk(ctx, "one", "two")
    ctx.rewind(1)
    talk(ctx, "three")
    ctx.rewind(3)
    talk(ctx, "four")
    ctx.rewind(1)
    assert said(ctx) == ["one"]
    ctx.switch(2)
    assert said(ctx) == ["one", "three", "four"]


def test_documents_belong_to_all_branches(ctx: Context) -> None:
    talk(ctx, "one")
    ctx.fork()
    ctx.add(Reading("guide.txt", "The library opens at nine."))
    ctx.switch(1)
    assert ctx.recall("When does the library open?")[0].page == 2


def test_a_fork_keeps_a_group_whole(ctx: Context) -> None:
    talk(ctx, "Which oven?")
    asked = ctx.append("assistant", "", calls=[ToolCall("a", "search", "{}")])
    ctx.append("tool", "Gustave", call="a")
    talk(ctx, "Thanks.")
    ctx.rewind(asked.id)
    assert [m["role"] for m in ctx.window()] == ["user", "assistant", "tool"]
    ctx.switch(0)
    ctx.rewind(asked.id + 1)
    assert [m["role"] for m in ctx.window()] == ["user", "assistant", "tool"]


def test_what_is_forgotten_is_forgotten_in_all_branches(ctx: Context) -> None:
    talk(ctx, "secret", "two")
    ctx.fork()
    assert ctx.forget([1])
    ctx.switch(1)
    assert said(ctx) == ["two"]
    assert journal.replay(ctx.log(), journal.beginning(ctx.log(), 1)).frames == ctx.frames


def test_a_summary_that_another_branch_forgot_leaves_nothing_in_its_place(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=600) as ctx:
        talk(ctx, *(f"message {n} " + "word " * 60 for n in range(9)))
        assert "summary" in ctx.window()[0]["content"]
        ctx.fork()
        assert ctx.forget([1])
        ctx.switch(1)
        assert ctx.window()[0]["role"] == "user"


@pytest.mark.parametrize("at", [0, 7, 3])
def test_only_a_message_of_the_branch_is_forked_at(ctx: Context, at: int) -> None:
    talk(ctx, "one", "two", "three")
    ctx.rewind(2)
    with pytest.raises(InputError, match=f"page {at} is no message of branch 1"):
        ctx.fork(at=at)
    with pytest.raises(InputError, match="no branch 9"):
        ctx.switch(9)


def test_why_tells_the_life_of_a_page(tmp_path: Path) -> None:
    ctx = make(tmp_path / "s.db", window=600)
    talk(ctx, "The oven is called Gustave.")
    assert [event.what for event in ctx.why(1)] == ["said"]
    talk(ctx, *(f"filler {n} " + "word " * 60 for n in range(10)))
    left = ctx.why(1)[-1]
    assert left.what == "left" and left.policy == "fifo" and left.others
    ctx.window()
    assert ctx.why(1)[-1].what == "summarised"
    ctx.recall("What is the oven called?")
    back = ctx.why(1)[-1]
    assert (back.what, back.query) == ("paged in", "What is the oven called?")
    assert back.score and back.signals and back.frame and back.frame.fault
    ctx.recall("What is the oven called?")
    assert ctx.why(1)[-1].what == "referenced"
    ctx.pin(1)
    ctx.forget([1])
    assert [event.what for event in ctx.why(1)[-2:]] == ["pinned", "forgotten"]
    assert ctx.why(99) == ()


def test_the_window_at_a_tick_and_the_way_between_two(ctx: Context) -> None:
    talk(ctx, "one", "two")
    first = ctx.log()[-1].tick
    talk(ctx, *("long " * 100 for _ in range(4)))
    last = ctx.log()[-1].tick
    assert [event.page for event in ctx.at(first)] == [1, 2]
    assert [event.frame for event in ctx.at(last)] == list(ctx.frames)
    change = ctx.diff(first, last)
    assert {event.page for event in change.left} == {1, 2} and all(e.what == "left" for e in change.left)
    assert [event.page for event in change.joined] == [f.page for f in ctx.frames]
    back = ctx.diff(last, first)
    assert {event.page for event in back.joined} == {1, 2}
    assert ctx.diff(last, last) == ctx.diff(first, first)


def test_a_cut_that_changes_is_told(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=900) as ctx:
        talk(ctx, "word " * 500)
        tick = ctx.log()[-1].tick
    with make(tmp_path / "s.db", window=300) as ctx:
        ctx.window()
        [event] = ctx.diff(tick, ctx.log()[-1].tick).recut
        assert event.what == "recut" and event.frame and event.frame.form is Form.CUT


texts = st.builds(
    lambda word, n: " ".join([word] * n), st.sampled_from(["a", "日本", "[page 1]"]), st.integers(0, 200)
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["user", "recall", "call", "fork", "rewind", "switch", "forget", "window", "reopen"]),
        texts,
        st.integers(0, 9),
    ),
    max_size=25,
)


def take(ctx: Context, kind: str, text: str, n: int) -> None:
    match kind:
        case "user":
            ctx.append("user", text)
        case "call":
            call = str(ctx.stats().pages)
            ctx.append("assistant", "", calls=[ToolCall(call, "t", "{}")])
            ctx.append("tool", text, call=call)
        case "recall":
            ctx.recall(text)
        case "fork":
            ctx.fork()
        case "rewind":
            ctx.rewind(n)
        case "switch":
            ctx.switch(n % len(ctx.branches()))
        case "forget":
            ctx.forget([n])
        case "window":
            ctx.window()


@given(steps)
def test_every_branch_replays_and_every_tick_can_be_told(steps: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        ctx = make(path, window=300)
        for kind, text, n in steps:
            if kind == "reopen":
                ctx.close()
                ctx = make(path, window=300)
            with suppress(InputError, DiskError, BudgetError):
                take(ctx, kind, text, n)
            log, branch = ctx.log(), ctx._window.ledger.branch
            assert journal.replay(log, journal.beginning(log, branch)).frames == ctx.frames
            assert tuple(event.frame for event in ctx.at(len(log))) == ctx.frames
            assert ctx.tokens(ctx.window()) <= 260
            assert {frame.page for frame in ctx.frames} <= {
                page.id for page in ctx._disk.pages(branch=branch)
            }
        for tick in range(len(ctx.log())):
            change = ctx.diff(tick - 1, tick)
            slots = {e.frame.slot for e in ctx.at(tick - 1) if e.frame} | {
                e.frame.slot for e in change.joined if e.frame
            }
            assert len(slots) - len(change.left) == len(ctx.at(tick))
        ctx.close()
