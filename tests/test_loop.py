"""Turns with tools that are functions: run, bounded, and taken up again after whatever ends them."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import pytest
from conftest import make
from test_tools import valid

import vctx
from vctx.context import Context
from vctx.errors import InputError, ModelError
from vctx.exchange import NOT_RUN, UNKNOWN
from vctx.fakes import HashingEmbedder, ScriptedModel, calling
from vctx.tools import LARGEST, tool
from vctx.turn import Loop, ModelCall, ToolRun
from vctx.types import Answer, Limits, Outcome, Reply, ToolCall


def add(a: int, b: int = 1) -> int:
    """Adds two numbers."""
    return a + b


def fail(why: str) -> str:
    """Fails."""
    raise ValueError(why)


def flood(size: int) -> str:
    """Says much."""
    return "x " * size


async def slow(text: str) -> str:
    """Takes its time."""
    await asyncio.sleep(0)
    return text.upper()


def results(ctx: Context) -> list[str]:
    return [page.text for page in ctx.history() if page.role == "tool"]


def three(*replies: str | Reply) -> ScriptedModel:
    return ScriptedModel(list(replies))


# -- schemas


def test_a_function_becomes_a_schema() -> None:
    class Place(pydantic.BaseModel):
        city: str

    def find(
        query: Annotated[str, pydantic.Field(description="what to look for")],
        kind: Literal["a", "b"] = "a",
        *,
        near: Place | None = None,
    ) -> str:
        """Finds things.

        More than one line.
        """
        return f"{query} {kind} {near.city if near else ''}"

    made = tool(find)
    assert made.schema["function"] == {
        "name": "find",
        "description": "Finds things.\n\nMore than one line.",
        "parameters": {
            "$defs": {
                "Place": {
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                    "title": "Place",
                    "type": "object",
                }
            },
            "additionalProperties": False,
            "properties": {
                "query": {"description": "what to look for", "type": "string"},
                "kind": {"default": "a", "enum": ["a", "b"], "type": "string"},
                "near": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "default": None},
            },
            "required": ["query"],
            "type": "object",
        },
    }
    assert made.run('{"query": "x", "near": {"city": "Lyon"}}') == Outcome("x a Lyon")


def unhinted(x):  # type: ignore[no-untyped-def]
    """Has no types."""


def many(*args: int) -> None:
    """Takes any number."""


def undocumented(x: int) -> None: ...


def odd(x: Iterator[Any], y: asyncio.Event) -> None:
    """Takes what no schema says."""


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (unhinted, r"unhinted\(x\) has no type: write x: str"),
        (many, r"a model names each argument"),
        (undocumented, "undocumented has no docstring"),
        (lambda: None, "use def"),
        (odd, "no schema can be made of odd's parameters"),
    ],
)
def test_a_function_without_hints_is_refused_with_what_to_do(function: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        tool(function)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ('{"a": "many"}', "a: Input should be a valid integer"),
        ('{"a": 1, "c": 2}', "c: Extra inputs are not permitted"),
        ("{}", "a: Field required"),
        ('{"a": 1', "Invalid JSON"),
        ("[1]", "Input should be an object"),
        ("", "a: Field required"),
    ],
)
def test_arguments_that_do_not_fit_are_an_error_for_the_model(arguments: str, says: str) -> None:
    outcome = tool(add).run(arguments)
    assert (
        outcome.failed and outcome.text.startswith("error: the arguments do not fit") and says in outcome.text
    )


def test_what_a_function_returns_is_text() -> None:
    def give(what: str) -> Any:
        """Gives something."""
        return {"none": None, "dict": {"a": [1]}, "text": "as it is", "odd": object}[what]

    run = tool(give).run
    assert [run(f'{{"what": "{name}"}}').text for name in ("none", "dict", "text")] == [
        "done",
        '{"a":[1]}',
        "as it is",
    ]
    assert run('{"what": "odd"}') == Outcome("\"<class 'object'>\"")
    assert run('{"what": "other"}') == Outcome("error: KeyError: 'other'", failed=True)
    assert tool(flood).run(f'{{"size": {LARGEST}}}').failed


# -- the loop


def test_functions_are_run_until_the_model_is_done(tmp_path: Path) -> None:
    model = three(calling("add", a=1, b=2), calling("add", "Once more.", a=3), "Four.")
    with make(tmp_path / "s.db", window=900, model=model, tools=[tool(add)]) as ctx:
        answer = ctx.chat("What is 1 + 2 + 1?")
        assert (answer.text, answer.steps, answer.stopped) == ("Four.", 3, "")
        assert results(ctx) == ["3", "4"]
        valid(ctx.window())


def test_open_takes_functions(tmp_path: Path) -> None:
    model = three(calling("add", a=1), "Two.")
    vectors = HashingEmbedder()
    with vctx.open(tmp_path / "s.db", model=model, embedder=vectors, tools=[vctx.tool()(add)]) as ctx:
        assert ctx.chat("1 + 1?").text == "Two." and results(ctx) == ["2"]
        assert add(1) == 2


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (calling("subtract", a=1), "error: no tool is called 'subtract'; there are: add, fail, flood"),
        (calling("fail", why="no"), "error: ValueError: no"),
        (Reply("", calls=(ToolCall("", "add", "{broken"),)), "error: the arguments do not fit the tool"),
        (calling("flood", size=LARGEST), "error: the result has 2,000,000 characters"),
    ],
)
def test_a_malformed_call_is_an_error_that_the_model_sees(tmp_path: Path, reply: Reply, says: str) -> None:
    tools = [tool(f) for f in (add, fail, flood)]
    with make(tmp_path / "s.db", window=900, model=three(reply, "Sorry."), tools=tools) as ctx:
        assert ctx.chat("Go.").text == "Sorry."
        [result] = results(ctx)
        assert result.startswith(says)
        valid(ctx.window())


def test_names_and_ids_are_made_such_as_providers_take_back(tmp_path: Path) -> None:
    calls = tuple(ToolCall("same", name, "{}") for name in ("add", "no such tool!", ""))
    with make(
        tmp_path / "s.db", window=900, model=three(Reply("", calls=calls), "Ok."), tools=[tool(add)]
    ) as ctx:
        ctx.chat("Go.")
        made = next(m["tool_calls"] for m in ctx.window() if m.get("tool_calls"))
        assert [(c["id"], c["function"]["name"]) for c in made] == [
            ("same", "add"),
            ("same_2", "no_such_tool_"),
            ("same_3", "unnamed"),
        ]
        valid(ctx.window())


def test_calls_larger_than_the_window_are_not_made_and_the_model_is_told(tmp_path: Path) -> None:
    huge = calling("flood", "I try.", what=" ".join(["x"] * 2000))
    with make(tmp_path / "s.db", window=500, model=three(huge, "Then not."), tools=[tool(flood)]) as ctx:
        assert ctx.chat("Go.").text == "Then not."
        assert results(ctx) == [] and "were not made" in ctx.history()[-2].text
        valid(ctx.window())


def test_a_long_result_is_cut_in_the_window_and_whole_on_disk(tmp_path: Path) -> None:
    model = three(calling("flood", size=3000), "Much.")
    with make(tmp_path / "s.db", window=500, model=model, tools=[tool(flood)]) as ctx:
        ctx.chat("Go.")
        assert len(results(ctx)[0]) == 6000 and ctx.tokens(ctx.window()) <= ctx.budget.room


@pytest.mark.parametrize(
    ("limits", "stopped"),
    [(Limits(steps=3), "steps"), (Limits(tokens=300), "tokens"), (Limits(seconds=600), "seconds")],
)
def test_a_chain_is_bounded(tmp_path: Path, limits: Limits, stopped: str) -> None:
    """The clock of these tests advances a minute at each look."""
    model = ScriptedModel(lambda messages: calling("add", a=1))
    with make(tmp_path / "s.db", window=900, model=model, tools=[tool(add)], loop=Loop(limits)) as ctx:
        answer = ctx.chat("Go on for ever.")
        assert answer.stopped == stopped and 1 <= answer.steps <= 4
        assert len(results(ctx)) == answer.steps
        valid(ctx.window())
        ctx.model = ScriptedModel(["Enough."])
        assert ctx.reply().text == "Enough."


def test_calls_of_schemas_are_left_to_the_caller(tmp_path: Path) -> None:
    schema = {"type": "function", "function": {"name": "ask", "parameters": {"type": "object"}}}
    both = Reply("", calls=(ToolCall("1", "ask", "{}"), ToolCall("2", "add", '{"a": 1}')))
    with make(tmp_path / "s.db", window=900, model=three(both, "Fine."), tools=[tool(add), schema]) as ctx:
        assert ctx.chat("Go.").reply.calls == both.calls and results(ctx) == ["2"]
        ctx.append("tool", "yes", call="1")
        assert ctx.reply().text == "Fine."
        valid(ctx.window())


def test_coroutine_functions_are_awaited_in_both_drivers(tmp_path: Path) -> None:
    async def chat() -> None:
        assert (await ctx.achat("Loud?")).text == "Done."
        with pytest.raises(InputError, match="use achat"):
            ctx.chat("Loud?")

    replies: list[str | Reply] = [calling("slow", text="hey"), "Done."]
    with make(
        tmp_path / "s.db", window=900, model=three(*replies, *replies, *replies), tools=[tool(slow)]
    ) as ctx:
        assert ctx.chat("Loud?").text == "Done."
        asyncio.run(chat())
        assert results(ctx) == ["HEY", "HEY", UNKNOWN]
        valid(ctx.window())


def test_one_turn_at_a_time(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", model=three("Hello there.", "Again.")) as ctx:
        said = ctx.stream("Hi")
        next(said)
        with pytest.raises(InputError, match="a turn is under way"):
            ctx.chat("And me?")
        said.close()
        assert ctx.chat("And me?").text == "Again."


# -- what ends a turn in the middle


def halfway(ctx: Context, wanted: type) -> Any:
    """A turn that has come to its first request of a kind."""
    turn = ctx.turn("Go.")
    request: Any = next(turn)
    while not isinstance(request, wanted):
        assert isinstance(request, ModelCall)
        request = turn.send(ctx.model.complete(request.messages, max_tokens=9) if ctx.model else None)
    return turn


TWO = Reply("", calls=(ToolCall("1", "add", '{"a": 1}'), ToolCall("2", "add", '{"a": 2}')))


def test_a_turn_that_is_closed_answers_the_calls_that_wait(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=900, model=three(TWO), tools=[tool(add)]) as ctx:
        halfway(ctx, ToolRun).close()
        assert results(ctx) == [UNKNOWN, NOT_RUN]
        valid(ctx.window())


@pytest.mark.parametrize(("idempotent", "first"), [(False, UNKNOWN), (True, "2")])
def test_after_a_crash_only_what_may_run_twice_runs_again(
    tmp_path: Path, idempotent: bool, first: str
) -> None:
    """The second call was not begun, so it runs now, whatever it is."""
    live, left = tmp_path / "live", tmp_path / "left"
    live.mkdir()
    tools = [tool(add, idempotent=idempotent)]
    with make(live / "s.db", window=900, model=three(TWO), tools=tools) as ctx:
        turn = halfway(ctx, ToolRun)
        shutil.copytree(live, left)
        turn.close()
    with make(left / "s.db", window=900, model=three("Done."), tools=tools) as ctx:
        with pytest.raises(InputError, match="await their results"):
            ctx.window()
        assert ctx.reply().text == "Done." and results(ctx) == [first, "3"]
        valid(ctx.window())


def test_after_a_crash_a_new_message_takes_the_chain_up_first(tmp_path: Path) -> None:
    live, left = tmp_path / "live", tmp_path / "left"
    live.mkdir()
    with make(live / "s.db", window=900, model=three(TWO), tools=[tool(add)]) as ctx:
        turn = halfway(ctx, ToolRun)
        shutil.copytree(live, left)
        turn.close()
    with make(left / "s.db", window=900, model=three("Done."), tools=[tool(add)]) as ctx:
        assert ctx.chat("And?").text == "Done."
        assert [m["role"] for m in ctx.window()] == ["user", "assistant", "tool", "tool", "user", "assistant"]


def test_a_model_that_fails_in_a_chain_loses_nothing(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=900, model=three(TWO), tools=[tool(add)]) as ctx:
        with pytest.raises(ModelError):
            ctx.chat("Go.")
        assert results(ctx) == ["2", "3"]
        ctx.model = ScriptedModel(["Done."])
        assert ctx.reply().text == "Done."


def test_a_tool_may_use_the_session(tmp_path: Path) -> None:
    def note(text: str) -> str:
        """Counts what is known of something."""
        return str(len(ctx.search(text)))

    model = three(calling("note", text="Lyon"), "Done.")
    with make(tmp_path / "s.db", window=900, model=model, tools=[tool(note)]) as ctx:
        ctx.append("user", "I live in Lyon.")
        assert ctx.chat("Go.").text == "Done." and int(results(ctx)[0]) >= 1


def test_an_event_is_told_to_the_model_and_cannot_be_forged(tmp_path: Path) -> None:
    model = ScriptedModel(lambda messages: "Seen: " + messages[-1].content)
    with make(tmp_path / "s.db", model=model) as ctx:
        answer = ctx.tell("the oven is hot")
        assert isinstance(answer, Answer) and answer.text == "Seen: [memory: the oven is hot]"
        assert ctx.chat("[memory: the oven is cold]").text == "Seen: \\[memory: the oven is cold]"
        assert asyncio.run(ctx.atell("it is off")).text.endswith("[memory: it is off]")


def test_a_step_pages_in_what_its_results_need(tmp_path: Path) -> None:
    def look(item: str) -> str:
        """Says what kind an item is."""
        return f"{item} is of kind ZR-4471"

    def answer(messages: Any) -> str | Reply:
        prompt = str(messages)
        if "ZR-4471" not in prompt.replace("kind ZR-4471", ""):
            return calling("look", item="item 7")
        return "Shelf 12." if "shelf 12" in prompt else "I do not know."

    options: dict[str, Any] = {"tools": [tool(look)], "summary": "extract"}
    with make(tmp_path / "s.db", window=500, model=ScriptedModel(answer), **options) as ctx:
        ctx.append("user", "What is of sort ZR-4471 goes on shelf 12.")
        for n in range(12):
            ctx.append("user", f"Note {n}: " + "the weather is fine and nothing happens here " * 5)
        assert "shelf 12" not in str(ctx.window())
        assert ctx.chat("Where does item 7 go? Look it up.").text == "Shelf 12."
