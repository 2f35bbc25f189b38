"""Gists by a model: made beside the conversation, used at the next flush, never missed where none is."""

import io
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from conftest import Networked, make
from hypothesis import given
from hypothesis import strategies as st

import vctx
from vctx import gist, journal
from vctx.cli import sums, told
from vctx.context import Context
from vctx.errors import InputError, ModelError
from vctx.fakes import HashingEmbedder, ScriptedModel
from vctx.models import find
from vctx.models.local import LocalModel
from vctx.storage import SqliteDisk
from vctx.types import Form, Message, Reply

LONG = (
    "and we walked around the old town for hours on end, until our feet hurt and the sun went down behind "
    "it; then we sat by the river with bread and cheese, and told each other what we had seen that morning."
)


def short(messages: Sequence[Message]) -> str:
    """A gist of three words where it is asked for one; else an answer."""
    if messages[0].content != gist.INSTRUCTION:
        return "Well, tell me more about it."
    return f"Noted: {messages[-1].content.split()[2]}"


def talk(
    ctx: Context, days: range, reply: str = "Well, tell me more about it.", *, settled: bool = True
) -> None:
    """A turn a day; the model has time after each, unless nothing is `settled`."""
    for day in days:
        ctx.append("user", f"On day{day} it was hot, {LONG}")
        ctx.append("assistant", reply)
        if settled:
            ctx._aside.settle()


def opened(path: Path, reply: Any = short, **options: Any) -> Context:
    model = reply if isinstance(reply, ScriptedModel) else ScriptedModel(reply)
    return make(path / "s.db", window=1000, model=model, summary="extract", forms="model", **options)


def gists(ctx: Context) -> dict[int, int]:
    """The pages that stand as a gist, with the page of a model's."""
    return {frame.page: frame.gist for frame in ctx.frames if frame.form is Form.GIST}


def test_a_models_gist_stands_in_place_of_its_message_and_links_to_it(tmp_path: Path) -> None:
    with opened(tmp_path) as ctx:
        talk(ctx, range(20))
        by = gists(ctx)
        assert by and all(by.values())
        page, made = next(iter(by.items()))
        [summary] = ctx.pages([made])
        assert (summary.kind, summary.parents, summary.text[:9]) == ("summary", (page,), "Noted: da")
        assert f"(gist) {summary.text}" in ctx.window()[1]["content"]
        assert journal.replay(ctx.log()).frames == ctx.frames
        with opened(tmp_path) as again:
            assert (again.frames, again.window()) == (ctx.frames, ctx.window())


def test_no_page_is_asked_about_twice_and_what_it_took_is_told(tmp_path: Path) -> None:
    model = ScriptedModel(short)
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(40))
        asked = [prompt[-1].content for prompt in model.prompts]
        assert len(asked) == len(set(asked)) and all(
            prompt[0].content == gist.INSTRUCTION for prompt in model.prompts
        )
        calls = ctx.usage().calls
        assert {call.why for call in calls} == {"gist"} and all(call.prompt and call.reply for call in calls)
        filed = [entry for entry in ctx.log() if entry.cause == "gist"]
        n = len(filed[0].request["pages"])
        assert told.reason(filed[0]) == f"{n} gists of {n} messages by scripted"
        made = [page for entry in filed for page in entry.request["pages"]]
        assert 0 < len(made) <= len(asked) < 40
        ctx._window.briefs.file()
        times = ctx.usage().times
        assert times == len(asked) > len(ctx.usage().calls)  # several are filed together
        [line] = [line for line in sums.table({}, ctx.usage()).split("\n") if "scripted, gists" in line]
        assert line.split()[2] == str(times)


@pytest.mark.parametrize("say", ["", "far too long " * 99, None], ids=["empty", "long", "failed"])
def test_where_the_model_fails_the_telling_words_stand_in(tmp_path: Path, say: str | None) -> None:
    def fails(messages: Sequence[Message]) -> str:
        if say is None:
            raise ModelError("down")
        return say

    model = ScriptedModel(fails)
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(20))
        assert gists(ctx) and not any(gists(ctx).values())
        tried = [entry for entry in ctx.log() if entry.cause == "gist"]
        assert tried and all(entry.outcome["why"] and not any(entry.outcome["gists"]) for entry in tried)
        assert len(model.prompts) == len({prompt[-1].content for prompt in model.prompts})


class Remote(Networked):
    """One that is asked over the network."""

    def __init__(self) -> None:
        super().__init__(short)
        self.held = Event()

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        if messages[0].content == gist.INSTRUCTION:
            self.held.wait(20)
        return super().complete(messages, max_tokens=max_tokens)


def test_a_gist_that_comes_late_is_taken_at_the_flush_after(tmp_path: Path) -> None:
    model = Remote()
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(20), settled=False)
        assert gists(ctx) and not any(gists(ctx).values())
        before = ctx.window()[1]
        model.held.set()
        ctx._aside.settle()
        assert ctx.window()[1] == before  # nothing changes until then
        talk(ctx, range(20, 32))
        assert any(gists(ctx).values())
        assert journal.replay(ctx.log()).frames == ctx.frames


def test_a_gist_is_forgotten_with_its_message_and_may_be_forgotten_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as ctx:
        talk(ctx, range(20))
        (page, made), (other, alone), *_ = gists(ctx).items()
        text = ctx.pages([made])[0].text
        assert ctx.forget([page])
        assert made not in [each.id for each in ctx._disk.pages()] and page not in gists(ctx)
        assert all(text.encode() not in file.read_bytes() for file in tmp_path.iterdir())
        assert ctx.forget([alone])
        assert other not in gists(ctx) and ctx.pages([other])[0].text.startswith("On day")
        assert journal.replay(ctx.log()).frames == ctx.frames
        ctx.window()


def test_what_was_made_of_a_page_that_is_gone_is_not_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as ctx:
        talk(ctx, range(13))
        made = [done.job.page for done in ctx._aside._done]
        assert made
        assert ctx.forget(made)
        ctx._window.briefs.file()
        assert ctx.log()[-1].request == {"pages": []}
        assert not [page for page in ctx._disk.pages(kind="summary") if page.text.startswith("Noted")]
        assert ctx.usage().calls[-1].why == "gist"  # it was paid for


def test_a_backup_and_an_export_carry_the_gists(tmp_path: Path) -> None:
    with opened(tmp_path) as ctx:
        talk(ctx, range(20))
        frames, window = ctx.frames, ctx.window()
        lines = io.StringIO()
        ctx._disk.export(lines)
        for folder in ("copy", "new"):
            (tmp_path / folder).mkdir()
        ctx._disk.backup(tmp_path / "copy" / "s.db")
    with closing(SqliteDisk(tmp_path / "new" / "s.db")) as disk:
        lines.seek(0)
        disk.import_(lines)
    for folder in ("copy", "new"):
        with opened(tmp_path / folder) as ctx:
            assert (ctx.frames, ctx.window()) == (frames, window)


class Slow(ScriptedModel):
    """Says a word whenever it may."""

    def __init__(self) -> None:
        super().__init__(short)
        self.begun, self.ended, self.go = Event(), Event(), Event()

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str | Reply]:
        if messages[0].content != gist.INSTRUCTION:
            yield from super().stream(messages, max_tokens=max_tokens)
            return
        self.begun.set()
        try:
            while True:
                self.go.wait(0.01)
                yield "word "
        finally:
            self.ended.set()


def test_a_question_waits_for_one_token_of_a_gist_and_no_more(tmp_path: Path) -> None:
    model = Slow()
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(13), "Well.", settled=False)
        assert model.begun.wait(5)
        assert not model.ended.is_set()
        ctx._aside.ask([])  # what is put off is not begun again here
        model.begun.clear()
        assert ctx.chat("And then?").text == "Well, tell me more about it."
        assert model.ended.is_set()
    assert ctx._aside._running is None and not any(call.why == "gist" for call in made_calls(tmp_path))


def made_calls(path: Path) -> list[Any]:
    with make(path / "s.db") as ctx:
        return list(ctx.usage().calls)


def test_an_endpoint_is_asked_beside_the_conversation(tmp_path: Path) -> None:
    model = Remote()
    with opened(tmp_path, model) as ctx:
        talk(ctx, range(13), "Well.", settled=False)
        assert ctx._aside._running is not None
        assert ctx.chat("And then?").text == "Well, tell me more about it."
        assert ctx._aside._running is not None
        model.held.set()
    assert [call.why for call in made_calls(tmp_path)][-1] == "gist"


def test_other_forms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="forms is 'extract', 'model', or False for none, not 'gist'"):
        make(tmp_path / "s.db", forms="gist")


def test_without_a_model_the_telling_words_are_the_gists(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=1000, forms="model") as ctx:
        talk(ctx, range(20))
        assert gists(ctx) and not any(gists(ctx).values())
        assert not any(entry.cause == "gist" for entry in ctx.log())


class Moody(ScriptedModel):
    """Makes a gist of one message, fails at the next, says nothing, says too much; late, if it is told so."""

    def __init__(self) -> None:
        super().__init__(self.said)
        self.go = Event()
        self.go.set()

    def said(self, messages: Sequence[Message]) -> str:
        if messages[0].content != gist.INSTRUCTION:
            return "Well."
        words = messages[-1].content.split()[2:]
        match len(self.prompts) % 6:
            case 0:
                return ""
            case 1:
                raise ModelError("down")
            case 2:
                return " ".join(words * 2)
            case n:
                return " ".join(words[: 2 * n])

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        self.go.wait(20)
        return super().complete(messages, max_tokens=max_tokens)

    async def acomplete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        raise NotImplementedError

    async def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncIterator[str | Reply]:
        raise NotImplementedError
        yield Reply("")


steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(15, 60)),
        st.tuples(st.just("say"), st.integers(15, 60)),
        st.tuples(st.just("say"), st.integers(15, 60)),
        st.tuples(
            st.sampled_from(["settle", "hold", "forget", "forget a gist", "recall", "reopen"]),
            st.integers(0, 9),
        ),
    ),
    min_size=20,
    max_size=32,
)


def take(ctx: Context, model: Moody, step: str, n: int) -> None:
    match step:
        case "say":
            ctx.append("user", f"Of{n} " + " ".join(f"word{n}x{k}" for k in range(n)))
            ctx.append("assistant", "Well.")
        case "hold":
            model.go.clear()
        case "settle":
            model.go.set()
            ctx._aside.settle()
        case "recall":
            ctx.recall(f"word{n + 15}x1")
        case "forget" | "forget a gist":
            frames = [frame for frame in ctx.frames if frame.gist or step == "forget"]
            for frame in frames[n : n + 1]:
                gone = ctx.pages([frame.gist if step == "forget a gist" else frame.page])
                assert ctx.forget([page.id for page in gone])
                there = {page.id for page in ctx._disk.pages()}
                assert all(page.id not in there for page in gone)
                assert all(f.gist in there for f in ctx.frames if f.gist)


@given(steps, st.sampled_from(["fifo", "lru", "priced"]))
def test_gists_that_fail_come_late_or_are_forgotten_break_nothing(
    steps: list[tuple[str, int]], policy: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Moody()
        ctx = opened(Path(folder), model, policy=policy)
        for step, n in steps:
            if step == "reopen":
                model.go.set()
                ctx.close()
                ctx = opened(Path(folder), model, policy=policy)
            take(ctx, model, step, n)
            assert ctx.tokens(ctx.window()) <= ctx.budget.room
            assert all(
                made.parents == (frame.page,)
                for frame in ctx.frames
                if frame.gist
                for made in ctx.pages([frame.gist])
            )
        assert journal.replay(ctx.log()).frames == ctx.frames
        model.go.set()
        ctx.close()


@pytest.mark.real
def test_the_real_model_makes_gists_beside_a_session(tmp_path: Path) -> None:
    model = LocalModel(find.resolve("smollm2"), name="smollm2")
    options: Any = {"window": 700, "embedder": HashingEmbedder(), "summary": "extract", "forms": "model"}
    with vctx.open(tmp_path / "s.db", model=model, **options) as ctx:
        talk(ctx, range(10))
        calls = ctx.usage().calls
        assert calls and all(call.why == "gist" and (call.reply or 0) <= gist.MOST + 1 for call in calls)
        assert gists(ctx)
        assert ctx.tokens(ctx.window()) <= ctx.budget.room
