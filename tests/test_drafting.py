"""Digests made ahead: by a thread, of an endpoint, so that the flush that wants one waits for no model."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, current_thread, main_thread

import pytest
from conftest import Networked, make
from hypothesis import given
from hypothesis import strategies as st

from vctx import digest, journal
from vctx.context import Context
from vctx.errors import ModelError
from vctx.fakes import ScriptedModel, WordTokenizer
from vctx.types import Message, Reply

LONG = (
    "and we walked around the old town for hours on end, until our feet hurt and the sun went down behind it."
)


class Remote(Networked):
    """One that is asked over the network; it tells in whose way it was asked for a summary."""

    def __init__(self, said: Callable[[Sequence[Message]], str]) -> None:
        super().__init__(said)
        self.waited: list[bool] = []
        self.go = Event()
        self.go.set()

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        if messages[0].content == digest.INSTRUCTION:
            self.waited.append(current_thread() is main_thread())
            self.go.wait(20)
        return super().complete(messages, max_tokens=max_tokens)


def told(messages: Sequence[Message]) -> str:
    """A summary that quotes the days."""
    days = [word for word in messages[-1].content.split() if word.startswith("day")]
    return "They walked on " + " ".join(days)


def opened(folder: Path, model: ScriptedModel, **options: object) -> Context:
    return make(folder / "s.db", window=500, model=model, **options)  # type: ignore[arg-type]


def talk(ctx: Context, days: range) -> None:
    for day in days:
        ctx.append("user", f"On day{day} it was hot, {LONG}")
        ctx.window()
        ctx.append("assistant", "Well, tell me more about it.")


def folds(ctx: Context) -> list[tuple[set[int], set[int]]]:
    """Of each digest: the pages that were due, and those that it tells of."""
    entries = [entry for entry in ctx.log() if entry.cause == "fold"]
    made = ctx.pages([entry.outcome["page"] for entry in entries])
    return [(set(e.request["pages"]), set(p.parents)) for e, p in zip(entries, made, strict=True)]


def test_no_flush_waits_for_a_digest_that_was_made_ahead(tmp_path: Path) -> None:
    model = Remote(told)
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(40))
        assert len(folds(ctx)) > 3 and not any(model.waited)
        assert all(due <= parents for due, parents in folds(ctx))
        assert len(model.waited) <= len(folds(ctx)) + 1  # the last waits for its flush
        assert {entry.outcome["by"] for entry in ctx.log() if entry.cause == "fold"} == {"scripted"}
        assert [call.why for call in ctx.usage().calls] == ["summary"] * len(folds(ctx))
        assert "They walked on day" in ctx.window()[0]["content"]
        assert journal.replay(ctx.log()).frames == ctx.frames


def test_a_model_on_this_machine_is_asked_when_the_flush_comes(tmp_path: Path) -> None:
    model = ScriptedModel(told)
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(20))
        assert len(model.prompts) == len(folds(ctx)) > 1
        assert ctx._drafting.draft is None and all(parents & due for due, parents in folds(ctx))


def test_what_is_forgotten_stands_in_no_draft(tmp_path: Path) -> None:
    model = Remote(told)
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(9))
        draft = ctx._drafting.draft
        assert draft and "day0" in draft.digest.result().text
        assert ctx.forget(draft.pages[:1])
        talk(ctx, range(9, 16))
        assert folds(ctx)
        assert not any("day0" in page.text.split() for page in ctx._disk.pages())
        assert any(model.waited)  # that one was made anew


def test_a_draft_of_one_branch_serves_no_other(tmp_path: Path) -> None:
    model = Remote(told)
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(3))
        other = ctx.fork()
        talk(ctx, range(3, 9))
        assert ctx._drafting.draft and "day4" in ctx._drafting.draft.digest.result().text
        ctx.switch(other)
        talk(ctx, range(50, 65))
        mine = {page.id for page in ctx.history()}
        assert folds(ctx)
        messages = {page.id for page in ctx._disk.pages(kind="message")}
        assert all(parents & messages <= mine for _, parents in folds(ctx))


@pytest.mark.parametrize("why", ["ModelError", "empty"])
def test_a_draft_that_fails_is_an_extract(tmp_path: Path, why: str) -> None:
    def fails(messages: Sequence[Message]) -> str:
        if why == "empty":
            return " "
        raise ModelError("down")

    with opened(tmp_path, Remote(fails)) as ctx:
        talk(ctx, range(12))
        assert folds(ctx)
        assert {entry.outcome["by"] for entry in ctx.log() if entry.cause == "fold"} == {"extract"}


def test_drafts_that_do_not_serve_become_rare(tmp_path: Path) -> None:
    """Each flush is made to take a message that came after its draft."""
    model = Remote(told)
    with opened(tmp_path, model) as ctx:
        for day in range(60):
            talk(ctx, range(day, day + 1))
            if draft := ctx._drafting.draft:
                ctx._drafting.draft = replace(draft, pages=draft.pages[:1])
        assert 3 <= model.waited.count(False) <= 3 + len(folds(ctx)) // 8 + 1 < len(folds(ctx))
        assert sum(call.prompt or 0 for call in ctx.usage().calls) == sum(map(cost, model.prompts))


def test_what_another_hand_has_forgotten_is_not_told_of(tmp_path: Path) -> None:
    model = Remote(told)
    with opened(tmp_path, model) as ctx, make(tmp_path / "s.db", window=500) as other:
        while ctx._window.room.pressure < 0.85:
            ctx.append("user", f"On day{len(ctx.frames)} it was hot, {LONG}")
        assert other.forget([1])
        ctx._window.ask()
        draft = ctx._drafting.draft
        assert draft and draft.pages[0] == 2


ENDS = """
from pathlib import Path
import sys
import test_drafting, test_gists
from vctx import aside
model = test_drafting.Remote(test_drafting.told) if sys.argv[2] == "digest" else test_gists.Remote()
gists = {"summary": "extract", "forms": "model"} if sys.argv[2] == "gist" else {}
aside.PATIENCE = 0.1
if not gists:
    model.go.clear()
with test_drafting.opened(Path(sys.argv[1]), model, **gists) as ctx:
    while not (ctx._aside._running or ctx._drafting.draft):
        ctx.append("user", f"It was hot, {test_gists.LONG}")
        ctx.append("assistant", "Well, tell me more about it.")
print("closed")
"""


@pytest.mark.parametrize("asked", ["digest", "gist"])
def test_the_interpreter_ends_though_a_call_is_under_way(tmp_path: Path, asked: str) -> None:
    """The call would take 20 s."""
    command = [sys.executable, "-c", ENDS, str(tmp_path), asked]
    ended = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=15, check=True
    )
    assert ended.stdout == "closed\n"


def cost(prompt: Sequence[Message]) -> int:
    return WordTokenizer().prompt(prompt)


kinds = st.sampled_from(["say", "say", "say", "window", "recall", "forget", "switch", "fork"])
steps = st.lists(st.tuples(kinds, st.integers(0, 9)), min_size=15, max_size=30)


@given(steps)
def test_drafts_break_nothing(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), Remote(told)) as ctx:
        for day, (step, n) in enumerate(steps):
            match step:
                case "say":
                    ctx.append("user", f"On day{day} it was hot, {LONG if n else 'and ' * 60}")
                    ctx.append("assistant", "Well, tell me more about it.")
                case "recall":
                    ctx.recall(f"day{n} hot")
                case "forget":
                    for page in ctx.history()[n : n + 1]:
                        day_said = page.text.split()[1]
                        assert ctx.forget([page.id])
                        stand = [word for p in ctx._disk.pages() for word in p.text.split()]
                        assert not day_said.startswith("day") or day_said not in stand
                case "fork":
                    ctx.fork()
                case "switch":
                    ctx.switch(n % len(ctx.branches()))
                case _:
                    ctx.window()
            assert ctx.tokens(ctx.window()) <= ctx.budget.room
        state = journal.replay(ctx.log(), journal.beginning(ctx.log(), ctx.branch))
        assert state.frames == ctx.frames and (not state.unfolded or not ctx._window._folding.due)
