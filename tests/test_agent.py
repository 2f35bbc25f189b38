"""MemGPT's mechanics, with models that answer only from the prompt: what is not there cannot be used."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import make
from test_loop import add, results
from test_tools import valid

from vctx import agent, journal
from vctx.context import Context
from vctx.errors import BudgetError, InputError
from vctx.fakes import ScriptedModel, calling
from vctx.tools import tool
from vctx.types import Block, Budget, Limits, Message, Reading, Reply

Brain = Callable[[Sequence[Message]], "str | Reply"]
LONG = "and so the day went by with nothing that anybody would care to remember later " * 12


def memgpt(path: Path, brain: Brain | Sequence[str | Reply], *, window: int = 3200, **more: Any) -> Context:
    more = {"summary": "extract", "blocks": agent.BLOCKS, "system": agent.SYSTEM, **more}
    automatic, limits = more.pop("automatic", False), more.pop("limits", None)
    loop = agent.memgpt(limits, automatic=automatic)
    return make(path, window=window, model=ScriptedModel(brain), loop=loop, kit=agent.kit, **more)


def said(text: str) -> Reply:
    return calling("send_message", message=text)


def text(messages: Sequence[Message]) -> str:
    return "\n".join(message.content for message in messages)


# -- what speaks, and what goes on


def test_only_send_message_reaches_the_user(tmp_path: Path) -> None:
    with memgpt(tmp_path / "s.db", [Reply("They greet me.", calls=said("Hello!").calls)]) as ctx:
        stream = ctx.stream("Hi")
        assert list(stream) == ["Hello!"]
        assert (stream.answer.text, stream.answer.steps) == ("Hello!", 1)
        valid(ctx.window())


def test_a_model_that_calls_nothing_is_heard_all_the_same(tmp_path: Path) -> None:
    with memgpt(tmp_path / "s.db", ["Hello there."]) as ctx:
        assert list(ctx.stream("Hi")) == ["Hello there."]


def test_a_chain_of_heartbeats(tmp_path: Path) -> None:
    chain = [
        calling("core_memory_append", name="human", content=f"fact {n}", request_heartbeat=n < 4)
        for n in range(5)
    ]
    with memgpt(tmp_path / "s.db", [*chain, said("never said")]) as ctx:
        answer = ctx.chat("Remember five facts.")
        assert (answer.steps, answer.stopped, answer.text) == (5, "", "")
        assert ctx.block("human").text.splitlines() == [f"fact {n}" for n in range(5)]


def test_a_failure_gives_a_heartbeat_and_a_limit_ends_the_chain(tmp_path: Path) -> None:
    broken = calling("core_memory_replace", name="human", old_content="not there", new_content="x")
    with memgpt(tmp_path / "s.db", [broken, said("Sorry.")]) as ctx:
        assert ctx.chat("Go.").text == "Sorry."
        assert "human does not hold 'not there'" in results(ctx)[0]
    with memgpt(tmp_path / "t.db", lambda messages: broken, limits=Limits(steps=7)) as ctx:
        answer = ctx.chat("Go.")
        assert (answer.steps, answer.stopped) == (7, "steps")
        valid(ctx.window())


def test_a_users_tool_may_be_called_without_a_heartbeat(tmp_path: Path) -> None:
    one = calling("add", a=1, request_heartbeat=False)
    with memgpt(tmp_path / "s.db", [calling("add", a=1), one], window=3400, tools=[tool(add)]) as ctx:
        assert ctx.chat("Go.").steps == 2 and results(ctx) == ["2", "2"]


# -- memory blocks


def test_a_block_is_written_at_the_end_and_moves_into_the_fixed_part_at_a_flush(tmp_path: Path) -> None:
    brain = [
        calling("core_memory_append", name="human", content="Name: Ana"),
        *(said("ok") for _ in range(99)),
    ]
    with memgpt(tmp_path / "s.db", brain) as ctx:
        before = ctx.window()
        ctx.chat("I am Ana.")
        after = ctx.window()
        assert after[0] == before[0] and after[-1]["content"] == "block human, written: Name: Ana"
        assert ctx.block("human").text == "Name: Ana"
        while not any(journal.flushes(entry) for entry in ctx.log()):
            ctx.chat(LONG)
        assert "Name: Ana" in ctx.window()[0]["content"]
        assert ctx.tokens(ctx.window()) <= ctx.budget.room


def test_a_contradiction_leads_to_core_memory_replace(tmp_path: Path) -> None:
    """The model knows where the user lives only from the block; what is new does not fit what it reads."""

    def brain(messages: Sequence[Message]) -> str | Reply:
        if messages[-1].role == "tool":
            return said("Noted.")
        [town] = re.findall(r"I live in (\w+)", text(messages[-2:]))[-1:]  # a warning may come after it
        known = re.findall(r"lives in (\w+)", text(messages))
        if not known:
            return calling(
                "core_memory_append", name="human", content=f"lives in {town}", request_heartbeat=True
            )
        old, new = f"lives in {known[-1]}", f"lives in {town}"
        change = {"name": "human", "old_content": old, "new_content": new, "request_heartbeat": True}
        return calling("core_memory_replace", **change)

    with memgpt(tmp_path / "s.db", brain) as ctx:
        assert ctx.chat("I live in Lyon.").text == "Noted."
        for n in range(14):
            ctx.append("user", f"{n} {LONG}")
            ctx.append("assistant", "I see.")
        assert "Lyon" in ctx.window()[0]["content"]
        assert ctx.chat("I live in Porto.").text == "Noted."
        assert ctx.block("human").text == "lives in Porto"
        assert "block human, now 'Porto' for 'Lyon'" in results(ctx)


def test_blocks_are_bounded_by_characters_and_by_the_window(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", blocks=[Block("notes", limit=20), Block("large")]) as ctx:
        with pytest.raises(InputError, match="notes would have 21 characters of at most 20"):
            ctx.edit("notes", "x" * 21)
        with pytest.raises(BudgetError, match=r"takes \d+ tokens of at most 180"):
            ctx.edit("large", "word " * 300)
        with pytest.raises(InputError, match="no block is called 'other'; there are: notes, large"):
            ctx.edit("other", "x")
        assert [block.text for block in ctx.blocks] == ["", ""] and ctx.history() == []


def test_blocks_are_the_users_too_and_stand_after_a_restart(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", blocks=[Block("rules", "Be brief.")]) as ctx:
        assert ctx.window()[0]["content"] == "[memory block rules | 9 of 2000 characters]\nBe brief."
        ctx.edit("rules", "Be brief. Be [memory] kind.")
        assert ctx.window()[-1]["content"] == "[memory: block rules, added: Be \\[memory] kind.]"
    with make(tmp_path / "s.db") as ctx:
        assert [block.text for block in ctx.blocks] == ["Be brief. Be [memory] kind."]
        assert journal.replay(ctx.log()).frames == ctx.frames


def test_a_branch_has_its_own_versions(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", blocks=[Block("human")]) as ctx:
        first = ctx.append("user", "Hi")
        ctx.edit("human", "Ana")
        ctx.rewind(first.id)
        assert ctx.block("human").text == ""
        ctx.edit("human", "Bob")
        ctx.switch(0)
        assert ctx.block("human").text == "Ana"


def test_a_forgotten_block_is_in_no_file(tmp_path: Path) -> None:
    brain = [
        calling("core_memory_append", name="human", content="code xyzzy4711"),
        *(said("ok") for _ in range(99)),
    ]
    with memgpt(tmp_path / "s.db", brain) as ctx:
        ctx.chat("Remember it.")
        ctx.edit("human", "code xyzzy4711, again")
        for _ in range(14):
            ctx.chat(LONG)
        assert "xyzzy4711" in ctx.window()[0]["content"]
        assert ctx.forget(block="human")
        assert ctx.block("human").text == "" and "xyzzy" not in str(ctx.window())
        with pytest.raises(InputError, match="no block 'human' was ever written"):
            ctx.forget(block="human")
        for file in tmp_path.iterdir():
            assert b"xyzzy" not in file.read_bytes()


def test_versions_of_a_block_are_no_answers(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", blocks=[Block("human")]) as ctx:
        ctx.append("user", "The zebra is striped.")
        ctx.edit("human", "likes the zebra")
        hits = {page.kind for page in ctx.pages([hit.page for hit in ctx.search("zebra")])}
        assert hits == {"message"}


# -- pressure


def test_a_warning_leads_to_a_memory_write_before_the_flush(tmp_path: Path) -> None:
    """The model saves what the user said first when it is warned; after the flush only the block has it."""

    def brain(messages: Sequence[Message]) -> str | Reply:
        if "of this window is used" in messages[-1].content:
            [name] = re.findall(r"My name is (\w+)", text(messages)) or ["unknown"]
            return calling("core_memory_append", name="human", content=f"Name: {name}")
        if "What is my name" in messages[-1].content:
            found = re.findall(r"Name: (\w+)", messages[1].content)
            return said(found[0] if found else "I do not know.")
        return said("I see.")

    with memgpt(tmp_path / "s.db", brain) as ctx:
        ctx.chat("My name is Ana.")
        while not any(journal.flushes(entry) for entry in ctx.log()):
            ctx.chat(LONG)
        causes = [
            (e.tick, "warned" in e.request, "blocks" in e.request, journal.flushes(e)) for e in ctx.log()
        ]
        warned = next(tick for tick, told, _, _ in causes if told)
        written = next(tick for tick, _, wrote, _ in causes if wrote)
        flushed = next(tick for tick, _, _, flush in causes if flush)
        assert warned < written < flushed
        share = re.search(r"(\d+)%", next(p.text for p in ctx.history() if p.origin == "vctx"))
        assert share and 70 <= int(share[1]) < 100
        assert ctx.chat("What is my name?").text == "Ana"


def test_it_warns_once_between_two_flushes(tmp_path: Path) -> None:
    with memgpt(tmp_path / "s.db", lambda messages: said("I see.")) as ctx:
        for n in range(40):
            ctx.chat(f"{n} {LONG}")
        marks = [
            ("w" if "warned" in e.request else "f") for e in ctx.log() if "warned" in e.request or e.plan.fold
        ]
        assert "ww" not in "".join(marks) and marks.count("w") >= 3
        assert journal.replay(ctx.log()).warned == ctx._window.warned


def test_the_marks_are_configuration(tmp_path: Path) -> None:
    with memgpt(tmp_path / "s.db", lambda messages: said("I see.")) as ctx:
        ctx.budget = Budget(3200, 40, warn=0.99)
        ctx.chat(LONG)
        assert not ctx._window.warned
        ctx.budget = Budget(3200, 40, warn=0.1)
        ctx.chat("And?")
        assert ctx._window.warned


# -- storage


def test_a_search_is_paged_to_its_third_page(tmp_path: Path) -> None:
    """The model turns pages until it reads what it looks for; the fact is ranked low on purpose."""

    def brain(messages: Sequence[Message]) -> str | Reply:
        found = dict(re.findall(r"plum tart (\d+) was (\w+)", text(messages)))
        if wanted in found:
            return said(found[wanted])
        turned = re.findall(r"page (\d) of \d", text(messages))
        number = int(turned[-1]) + 1 if turned else 0
        return calling("conversation_search", query="plum tart", page=number)

    with memgpt(tmp_path / "s.db", brain) as ctx:
        for n, taste in enumerate(["sour", "sweet", "burnt", "bitter"] * 4):
            ctx.append("user", f"I baked. The plum tart {n} was {taste}.")
        for n in range(12):
            ctx.append("user", f"{n} {LONG}")
        order = [ctx.pages([hit.page])[0].text for hit in ctx.search("plum tart", before=())]
        ranked = [re.findall(r"tart (\d+)", line)[0] for line in order if "tart" in line]
        wanted = ranked[2 * agent.RESULTS]
        answer = ctx.chat("How was it?")
        asked = [page.text for page in ctx._disk.pages(kind="tool")]
        assert answer.steps == 4 and [f'"page": {n}' in asked[n] for n in range(3)] == [True] * 3
        assert answer.text == ["sour", "sweet", "burnt", "bitter"][int(wanted) % 4]


def test_what_was_said_on_a_day(tmp_path: Path) -> None:
    """The clock of these tests advances a minute at each look, from the first of January 2026."""
    look = calling("conversation_search_date", start_date="2026-01-01", end_date="2026-01-01")
    none = calling("conversation_search_date", start_date="2025-01-01", end_date="2025-12-31")
    odd = calling("conversation_search_date", start_date="yesterday", end_date="today")
    with memgpt(tmp_path / "s.db", [look, none, odd, said("Done.")]) as ctx:
        ctx.append("user", "I baked bread.")
        ctx.chat("What did I do?")
        first, second, third, _ = results(ctx)
        assert "results 1 to 2 of 2, page 0 of 1" in first and "(2026-01-01, user): I baked bread." in first
        assert second == "no results on page 0; there are 0 in all"
        assert "start_date: Input should be a valid date" in third


def test_archival_memory_holds_documents_and_notes(tmp_path: Path) -> None:
    brain = [
        calling("archival_memory_insert", content="Ana's oven is called Gustave."),
        said("Kept."),
        calling("archival_memory_search", query="oven Gustave"),
        said("Found."),
    ]
    with memgpt(tmp_path / "s.db", brain) as ctx:
        ctx.add(Reading("guide.txt", "The oven takes an hour to warm."))
        ctx.append("user", "My oven is new.")
        ctx.chat("Note it.")
        ctx.chat("Look it up.")
        ctx.chat("Well?")
        [found] = [text for text in results(ctx) if text.startswith("results")]
        assert "Gustave" in found and "guide.txt" in found and "My oven" not in found
        note = next(page for page in ctx._disk.pages(kind="note"))
        assert (note.author, note.origin) == ("note", "assistant")


def test_a_page_is_brought_in_by_its_number(tmp_path: Path) -> None:
    def brain(messages: Sequence[Message]) -> str | Reply:
        if "Gustave" in text(messages):
            return said("Gustave")
        return calling("page_in", page=1)

    with memgpt(tmp_path / "s.db", brain) as ctx:
        ctx.append("user", "The oven is called Gustave. " + LONG)
        for n in range(12):
            ctx.append("user", f"{n} {LONG}")
        assert ctx.chat("What is it called?").text == "Gustave"
        assert "page 1 stands in this window now" in results(ctx)
        valid(ctx.window())


@pytest.mark.parametrize(
    ("number", "says"), [(999, "there is no page 999 here"), (-1, "there is no page -1")]
)
def test_a_page_that_is_not_there(tmp_path: Path, number: int, says: str) -> None:
    with memgpt(tmp_path / "s.db", [calling("page_in", page=number), said("No.")]) as ctx:
        assert ctx.chat("Go.").text == "No." and says in results(ctx)[0]


def test_a_summary_is_expanded_to_what_it_was_made_of(tmp_path: Path) -> None:
    def brain(messages: Sequence[Message]) -> str | Reply:
        if "Gustave" in text(messages):
            return said("Gustave")
        seen = re.findall(r"results \d+ to \d+ of \d+, page (\d+)", text(messages))
        return calling("expand", page=int(seen[-1]) + 1 if seen else 0)

    with memgpt(tmp_path / "s.db", brain) as ctx:
        ctx.append("user", "So much to tell. And the oven is called Gustave.")
        for n in range(14):
            ctx.append("user", f"{n} {LONG}")
        assert "Gustave" not in text(ctx.messages())
        assert ctx.chat("What is it called?").text == "Gustave"


def test_what_an_event_needs_is_paged_in_under_memgpt_too(tmp_path: Path) -> None:
    with memgpt(tmp_path / "s.db", lambda messages: said("ok"), automatic=True) as ctx:
        ctx.append("user", "The oven is called Gustave.")
        for n in range(12):
            ctx.append("user", f"{n} {LONG}")
        ctx.chat("What is the oven called?")
        assert "Gustave" in str(ctx.window())
