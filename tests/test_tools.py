"""Tool calls and their results: they enter, stand and leave together, in an order that providers take."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import MessageParam
from conftest import make
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from vctx import formats, journal
from vctx.context import Context
from vctx.errors import BudgetError, InputError
from vctx.fakes import ScriptedModel
from vctx.types import Form, Message, ToolCall

OPENAI = TypeAdapter(list[ChatCompletionMessageParam])
ANTHROPIC = TypeAdapter(list[MessageParam])
CALL = ToolCall("call_1", "search", '{"query": "oven"}')


def ask(ctx: Context, *ids: str, arguments: str = "{}") -> None:
    ctx.append("assistant", "I look.", calls=[ToolCall(id, "search", arguments) for id in ids])


def valid(messages: Sequence[dict[str, Any]]) -> None:
    """What OpenAI's endpoint demands: its types, and each call answered before anything else is said."""
    OPENAI.validate_python(messages)
    awaited: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            awaited.remove(message["tool_call_id"])
        else:
            assert not awaited
            awaited = [call["id"] for call in message.get("tool_calls", ())]
    assert not awaited


def valid_anthropic(messages: Sequence[dict[str, Any]]) -> None:
    """What Anthropic's demands: its types, text that is not blank, and the results in the next message."""
    ANTHROPIC.validate_python(messages)
    uses: set[str] = set()
    for message in messages:
        results = {b["tool_use_id"] for b in message["content"] if b["type"] == "tool_result"}
        assert results == uses
        if uses:
            assert message["role"] == "user"
            assert [b["type"] for b in message["content"][: len(uses)]] == ["tool_result"] * len(uses)
        uses = {block["id"] for block in message["content"] if block["type"] == "tool_use"}
    assert not uses


def test_a_group_stands_whole_and_in_order(ctx: Context) -> None:
    ctx.append("user", "Which oven?")
    ask(ctx, "a", "b")
    ctx.append("tool", "second", call="b")
    ctx.append("tool", "first", call="a")
    ctx.append("assistant", "Gustave.")
    _, asked, *answers, last = ctx.window()
    assert [call["id"] for call in asked["tool_calls"]] == ["a", "b"]
    assert [(m["tool_call_id"], m["content"]) for m in answers] == [("a", "first"), ("b", "second")]
    assert last == {"role": "assistant", "content": "Gustave."}
    assert ctx.tokens(ctx.window()) == ctx.tokens(ctx.messages())
    valid(ctx.window())


def test_calls_are_taken_in_openais_form(ctx: Context) -> None:
    data = {"id": "a", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    ctx.append("assistant", "", calls=[data])
    ctx.append("tool", "noon", call="a")
    assert ctx.window()[0]["tool_calls"] == [data]


def test_what_is_paged_in_meanwhile_stands_behind_the_group(ctx: Context) -> None:
    ctx.append("user", "The oven is called Gustave.")
    for n in range(12):
        ctx.append("user", f"Filler number {n}: " + "word " * 40)
    ask(ctx, "a")
    assert ctx.recall("What is the oven called?")
    ctx.append("tool", "nothing", call="a")
    messages = ctx.window()
    valid(messages)
    assert "Gustave" in messages[-1]["content"]


def test_a_call_awaits_its_result(ctx: Context) -> None:
    ask(ctx, "a", "b")
    for refused in (
        lambda: ctx.append("user", "Well?"),
        lambda: ctx.append("tool", "x", call="c"),
        lambda: ctx.window(),
    ):
        with pytest.raises(InputError, match=r"a, b"):
            refused()
    ctx.append("tool", "x", call="a")
    with pytest.raises(InputError, match=r"awaited are of b"):
        ctx.append("tool", "x again", call="a")
    ctx.append("tool", "y", call="b")
    with pytest.raises(InputError, match="no result is awaited"):
        ctx.append("tool", "y", call="b")
    assert [m["role"] for m in ctx.window()] == ["assistant", "tool", "tool"]


@pytest.mark.parametrize(
    ("role", "more"),
    [
        ("user", {"calls": [CALL]}),
        ("tool", {}),
        ("user", {"call": "a"}),
        ("assistant", {"calls": [CALL, CALL]}),
        ("assistant", {"calls": [ToolCall("", "x", "{}")]}),
        ("assistant", {"calls": [{"id": "a", "function": {"name": "x", "arguments": {}}}]}),
    ],
)
def test_what_is_no_call_is_refused(ctx: Context, role: Any, more: Any) -> None:
    with pytest.raises(InputError):
        ctx.append(role, "text", **more)
    assert ctx.stats().pages == 0


def test_long_results_stand_cut_and_are_paged_by_parts(ctx: Context) -> None:
    ask(ctx, "a", "b", "c")
    ctx.append("tool", "short", call="a")
    ctx.append("tool", "bread " * 3000, call="b")
    before, after = (" ".join(f"line{n} of the log" for n in range(start, start + 900)) for start in (0, 900))
    ctx.append("tool", f"{before} Gustave the baker sleeps here {after}", call="c")
    forms = [frame.form for frame in ctx.frames]
    assert forms == [Form.FULL] * 5 + [Form.CUT] * 2
    assert ctx.tokens(ctx.window()) <= ctx.budget.room
    assert ctx.recall("Where does Gustave the baker sleep?")
    assert "Gustave" in ctx.window()[-1]["content"]


def test_calls_too_large_for_the_window_are_refused_with_both_figures(ctx: Context) -> None:
    with pytest.raises(BudgetError, match=r"take \d+ tokens of at most \d+"):
        ask(ctx, "a", arguments="word " * 1000)
    assert ctx.stats().pages == 0


def test_forgetting_a_part_takes_the_group_from_the_window(ctx: Context) -> None:
    ctx.append("user", "hello")
    ask(ctx, "a")
    result = ctx.append("tool", "secret", call="a")
    assert ctx.forget([result.id])
    assert [m["role"] for m in ctx.window() if m["role"] != "system"] == ["user"]
    assert journal.replay(ctx.log()).frames == ctx.frames


def test_a_group_survives_a_restart_half_way(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ask(ctx, "a", "b")
        ctx.append("tool", "x", call="a")
    with make(tmp_path / "s.db") as ctx:
        ctx.append("tool", "y", call="b")
        assert [m.get("tool_call_id") for m in ctx.window()] == [None, "a", "b"]


def test_anthropics_form() -> None:
    messages = [
        Message("system", "Be kind."),
        Message("user", "Which oven?"),
        Message("assistant", " ", (CALL, ToolCall("call_2", "now", "not json"))),
        Message("tool", "Gustave", call="call_1", name="search"),
        Message("tool", "noon", call="call_2", name="now"),
        Message("user", "Well?"),
    ]
    data = formats.anthropic(messages)
    assert data["system"] == "Be kind."
    assert data["messages"][1]["content"] == [
        {"type": "tool_use", "id": "call_1", "name": "search", "input": {"query": "oven"}},
        {"type": "tool_use", "id": "call_2", "name": "now", "input": {"arguments": "not json"}},
    ]
    assert data["messages"][2]["content"][-1] == {"type": "text", "text": "Well?"}
    valid_anthropic(data["messages"])


SCHEMA = {
    "type": "function",
    "function": {"name": "search", "description": "Finds pages.", "parameters": {"type": "object"}},
}


def test_tools_count_in_every_prompt(tmp_path: Path) -> None:
    with make(tmp_path / "a.db") as plain, make(tmp_path / "b.db", tools=[SCHEMA]) as tooled:
        plain.append("user", "hello")
        tooled.append("user", "hello")
        assert plain.window() == tooled.window()
        cost = tooled.tokens(tooled.window()) - plain.tokens(plain.window())
        assert cost == tooled.tokens(tooled.messages()) - plain.tokens(plain.messages()) > 10
        assert tooled._window.room.largest() == plain._window.room.largest() - cost
    with pytest.raises(BudgetError, match="the tools"):
        make(tmp_path / "c.db", tools=[SCHEMA] * 20)
    with pytest.raises(InputError, match="a tool is"):
        make(tmp_path / "d.db", tools=[{"name": "search"}])


def test_tools_in_anthropics_form() -> None:
    data = formats.anthropic([formats.tools([SCHEMA]), Message("user", "hi")])
    assert data["tools"] == [
        {"name": "search", "description": "Finds pages.", "input_schema": {"type": "object"}}
    ]
    assert len(data["messages"]) == 1


def test_a_model_calls_a_tool_and_goes_on(tmp_path: Path) -> None:
    model = ScriptedModel(["I look.", "Gustave."], calls=[(CALL,), ()])
    with make(tmp_path / "s.db", model=model, tools=[SCHEMA]) as ctx:
        answer = ctx.chat("What is the oven called?")
        assert answer.reply.calls == (CALL,)
        with pytest.raises(InputError, match="call_1 await"):
            ctx.reply()
        ctx.append("tool", "Its name is Gustave.", call="call_1")
        assert ctx.reply().text == "Gustave."
        assert [m["role"] for m in ctx.window()] == ["user", "assistant", "tool", "assistant"]
        assert model.prompts[-1][0] == formats.tools([SCHEMA])


@pytest.mark.parametrize(
    ("said", "text", "arguments"),
    [
        ('<tool_call>\n{"name": "search", "arguments": {"q": 1}}\n</tool_call>', "", ['{"q": 1}']),
        (
            'I look. <tool_call>{"name": "a"}</tool_call><tool_call>{"name": "b"}</tool_call>',
            "I look.",
            ["{}", "{}"],
        ),
        ("<tool_call>{broken}</tool_call>", "<tool_call>{broken}</tool_call>", []),
        ("<tool_call>[]</tool_call> ", "<tool_call>[]</tool_call> ", []),
    ],
)
def test_calls_in_a_text_are_read(said: str, text: str, arguments: list[str]) -> None:
    left, calls = formats.called(said, first=3)
    assert (left, [call.arguments for call in calls]) == (text, arguments)
    assert [call.id for call in calls] == [f"call_{n}" for n in range(3, 3 + len(calls))]


def test_openais_form_is_read_back() -> None:
    messages = [Message("assistant", "", (CALL,)), Message("tool", "Gustave", call="call_1", name="search")]
    assert formats.parse(formats.openai(messages)) == messages
    for bad in ({"role": "user"}, {"role": "nobody", "content": "x"}):
        with pytest.raises(InputError):
            formats.parse([bad])


texts = st.one_of(
    st.text(max_size=40),
    st.builds(
        lambda word, n: " ".join([word] * n),
        st.sampled_from(["a", "日本", "🙂", "[page 1]"]),
        st.integers(1, 700),
    ),
)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["user", "assistant", "recall", "greedy", "pin", "forget", "reopen"]), texts
        ),
        st.tuples(st.just("call"), st.lists(texts, min_size=1, max_size=4)),
        st.tuples(st.just("result"), texts),
    ),
    max_size=30,
)


def take(ctx: Context, kind: str, given: Any, count: int) -> None:
    awaited = ctx._window.awaited()
    match kind:
        case "user" | "assistant" if not awaited:
            ctx.append(kind, given)
        case "call" if not awaited:
            ctx.append(
                "assistant",
                given[0],
                calls=[ToolCall(f"{count}.{n}", "t", text) for n, text in enumerate(given)],
            )
        case "result" if awaited:
            ctx.append("tool", given, call=list(awaited)[-1])
        case "recall":
            ctx.recall(given)
        case "greedy":
            ctx.recall(given, tokens=ctx.budget.room)
        case "pin" if ctx.frames:
            ctx.pin(ctx.frames[len(given) % len(ctx.frames)].page)
        case "forget" if ctx.frames:
            ctx.forget([ctx.frames[len(given) % len(ctx.frames)].page])


@given(steps, st.sampled_from([250, 400, 900]), st.booleans())
def test_3_calls_and_results_stand_together_in_a_valid_order(
    steps: list[tuple[str, Any]], window: int, alternates: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        ctx = make(path, window=window, alternates=alternates)
        for count, (kind, given_) in enumerate(steps):
            if kind == "reopen":
                ctx.close()
                ctx = make(path, window=window, alternates=alternates)
            with suppress(BudgetError):
                take(ctx, kind, given_, count)
            if not ctx._window.awaited():
                check(ctx, window)
        assert journal.replay(ctx.log()).frames == ctx.frames
        ctx.close()


def check(ctx: Context, window: int) -> None:
    try:
        messages = ctx.messages()
    except BudgetError:
        assert any(frame.pinned for frame in ctx.frames)
        return
    assert ctx.tokens(messages) <= window - 40
    valid(formats.openai(messages))
    valid_anthropic(formats.anthropic(messages)["messages"])
    groups: dict[int, int] = {}
    for frame in ctx.frames:
        if frame.group is not None:
            groups[frame.group] = groups.get(frame.group, 0) + 1
    for group, standing in groups.items():
        pages = [page for page in ctx._disk.pages() if page.group == group]
        assert standing == len(pages)
