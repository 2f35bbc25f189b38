"""The context on a real disk, with fakes for the models: what a user sees, step by step."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import make

from vctx import journal
from vctx.context import Context
from vctx.errors import BudgetError, InputError, MismatchError, MissingError, ModelError
from vctx.fakes import HashingEmbedder, ScriptedModel, WordTokenizer
from vctx.storage import SqliteDisk
from vctx.types import Budget, Form, Reading

LONG = " ".join(f"word{n}" for n in range(60))


def test_what_was_said_stands_in_the_window(ctx: Context) -> None:
    ctx.append("user", "I moved to Lyon in March.")
    ctx.append("assistant", "Noted.")
    assert ctx.window() == [
        {"role": "user", "content": "I moved to Lyon in March."},
        {"role": "assistant", "content": "Noted."},
    ]
    assert ctx.tokens(ctx.window()) == (7 + 4) + (2 + 4) + 3


def test_a_page_that_left_is_paged_in_by_a_question(ctx: Context) -> None:
    fact = ctx.append("user", "I moved to Lyon in March.")
    for _ in range(8):
        ctx.append("user", LONG)
    assert fact.id not in {frame.page for frame in ctx.frames}
    [best, *_] = ctx.recall("Lyon March moved?")
    assert (best.page, best.resident) == (fact.id, False)
    assert "I moved to Lyon in March." in ctx.window()[-1]["content"]


def test_what_is_resident_is_a_reference_and_no_fault(ctx: Context) -> None:
    page = ctx.append("user", "I moved to Lyon in March.")
    [hit] = ctx.recall("Lyon")
    assert (hit.page, hit.resident) == (page.id, True)
    assert [frame.references for frame in ctx.frames] == [1]
    assert len(ctx.window()) == 1


def test_a_fault_costs_no_more_than_it_was_allowed(ctx: Context) -> None:
    for n in range(40):
        ctx.append("user", f"note {n} about the harbour, the boats and the weather of day {n}")
    before = {frame.page for frame in ctx.frames}
    ctx.recall("note 3 of day 3", tokens=200)
    loaded = [frame for frame in ctx.frames if frame.page not in before]
    assert 0 < sum(frame.tokens for frame in loaded) <= 200


def test_an_oversized_message_stands_as_head_handle_and_tail(ctx: Context) -> None:
    text = f"alpha {' '.join(f'filler{n}' for n in range(3000))} omega"
    page = ctx.append("user", text)
    [message] = ctx.window()
    assert ctx.tokens([message]) <= ctx.budget.room
    assert message["content"].startswith("alpha ") and message["content"].endswith(" omega")
    assert f"[page {page.id} |" in message["content"]
    assert ctx.frames[0].form is Form.CUT
    assert ctx.pages([page.id])[0].text == text


def test_a_long_message_is_found_by_its_middle_and_only_that_part_is_loaded(ctx: Context) -> None:
    filler = " ".join(f"filler{n}" for n in range(1500))
    page = ctx.append("user", f"{filler} the treasure lies under the old lighthouse {filler}")
    hits = ctx.recall("treasure under the lighthouse")
    assert hits[0].page == page.id and hits[0].span is not None
    assert "old lighthouse" in ctx.window()[-1]["content"]


def test_a_restart_shows_the_same_window(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with make(path) as ctx:
        for n in range(20):
            ctx.append("user", f"{n} {LONG}")
            ctx.recall(f"word{n}")
        window, frames = ctx.window(), ctx.frames
    with make(path) as ctx:
        assert ctx.window() == window
        assert ctx.frames == frames == journal.replay(ctx.log()).frames


def test_a_session_opens_in_a_smaller_window(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with make(path, window=3000, model=ScriptedModel(lambda messages: LONG * 3)) as ctx:
        for n in range(60):
            ctx.append("user", f"{n} {LONG}")
        ctx.append("user", " ".join(f"{n} {LONG}" for n in range(40)))
        assert ctx.tokens(ctx.window()) > 1000
    with make(path, window=300) as ctx:
        assert ctx.tokens(ctx.window()) <= 260
        assert "characters more are in memory]" in ctx.window()[-1]["content"]
        assert ctx.frames == journal.replay(ctx.log()).frames


def test_two_contexts_on_one_session_see_each_other(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as one, make(tmp_path / "s.db") as two:
        one.append("user", "first")
        two.append("user", "second")
        one.append("user", "third")
        assert [m["content"] for m in two.window()] == ["first", "second", "third"]
        assert one.window() == two.window()


def test_a_document_waits_on_disk_until_a_fault(ctx: Context) -> None:
    text = (
        "Opening hours\n=============\n\nThe library opens at nine.\n\f"
        + "Fees\n====\n\nA card costs two euros.\n"
    )
    reading = Reading("guide.txt", text, ((0, "Opening hours"), (57, "Fees")))
    document = ctx.add(reading, chunk_tokens=40)
    assert document.chunks == 2 and ctx.window() == []
    assert ctx.add(reading, chunk_tokens=40) == document and ctx.stats().pages == 2
    hits = ctx.recall("what does a card cost?", tokens=60)
    [page] = ctx.pages([hits[0].page])
    assert page.source is not None and (page.source.number, page.source.heading) == (2, "Fees")
    assert "guide.txt p. 2 | Fees]" in ctx.window()[0]["content"]


def test_another_text_under_a_name_that_is_taken_is_refused(ctx: Context) -> None:
    ctx.add(Reading("a.txt", "one"))
    with pytest.raises(InputError, match="another text"):
        ctx.add(Reading("a.txt", "two"))
    with pytest.raises(InputError, match="no text"):
        ctx.add(Reading("b.txt", " \n"))


def test_a_flush_folds_what_was_said_into_a_digest(tmp_path: Path) -> None:
    model = ScriptedModel(["Ana moved to Lyon."])
    with make(tmp_path / "s.db", window=600, reserve=60, model=model) as ctx:
        for n in range(12):
            ctx.append("user", f"{n} {LONG}")
        first = ctx.window()[0]
        assert first["role"] == "system" and "Ana moved to Lyon." in first["content"]
        [fold] = [entry for entry in ctx.log() if entry.cause == "fold"]
        assert fold.outcome["by"] == "scripted"
        [summary] = ctx.pages([fold.outcome["page"]])
        assert summary.kind == "summary" and set(summary.parents) == set(fold.request["pages"])
        assert summary.id not in {hit.page for hit in ctx.search("Ana moved to Lyon")}


def test_a_failing_summariser_loses_nothing_and_the_journal_names_it(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=600, reserve=60, model=ScriptedModel([])) as ctx:
        for n in range(12):
            ctx.append("user", f"Point {n}. {LONG}")
        assert "Point" in ctx.window()[0]["content"]
        [fold] = [entry for entry in ctx.log() if entry.cause == "fold"]
        assert fold.outcome["by"] == "extract" and "no more replies" in fold.outcome["why"]
        assert len(ctx.history()) == 12


def test_a_chat_pages_in_before_the_question(tmp_path: Path) -> None:
    model = ScriptedModel(lambda messages: "In Lyon." if "Lyon" in str(messages) else "I do not know.")
    with make(tmp_path / "s.db", model=model, summary="extract") as ctx:
        ctx.append("user", "I live in Lyon, near the river.")
        for _ in range(8):
            ctx.append("user", LONG)
        answer = ctx.chat("Where do I live, near which river?")
        assert str(answer) == "In Lyon." and answer.faults == 1 and answer.tokens <= answer.limit
        roles = [message.role for message in model.prompts[-1]]
        assert roles[-1] == "user" and "[memory]" in model.prompts[-1][-2].content
        assert [page.role for page in ctx.history(2)] == ["user", "assistant"]


def test_a_model_that_fails_keeps_the_message(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", model=ScriptedModel([])) as ctx:
        with pytest.raises(ModelError):
            ctx.chat("hello")
        assert [page.text for page in ctx.history()] == ["hello"]
    with make(tmp_path / "t.db") as ctx, pytest.raises(MissingError, match="no model"):
        ctx.chat("hello")


def test_a_pin_stays_through_any_flush(ctx: Context) -> None:
    page = ctx.append("user", "Never forget the blue door.")
    ctx.pin(page.id)
    for n in range(30):
        ctx.append("user", f"{n} {LONG}")
    assert ctx.window()[0]["content"] == "Never forget the blue door."
    ctx.unpin(page.id)
    for n in range(30):
        ctx.append("user", f"{n} {LONG}")
    assert page.id not in {frame.page for frame in ctx.frames}


def test_pins_that_cannot_fit_are_an_error_with_both_figures(ctx: Context) -> None:
    page = ctx.append("user", " ".join(["word"] * 250))
    with pytest.raises(BudgetError, match=r"254 tokens of at most \d+"):
        ctx.pin(page.id)
    with pytest.raises(InputError, match="not in the window"):
        ctx.pin(99)


def test_bad_input_is_refused(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="role must be one of"):
        ctx.append("system", "x")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="text must be str"):
        ctx.append("user", b"x")  # type: ignore[arg-type]
    with pytest.raises(BudgetError, match="half of the room"):
        make(tmp_path / "t.db", system=LONG * 10)
    assert ctx.window() == []


def test_vectors_of_another_embedder_are_never_mixed(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.append("user", "x")
        ctx.search("x")
    with (
        SqliteDisk(tmp_path / "s.db") as disk,
        pytest.raises(MismatchError, match="hashing-256, not by hashing-64"),
    ):
        Context(disk, HashingEmbedder(64), WordTokenizer(), Budget(400, 40))


def test_times_are_utc(ctx: Context) -> None:
    page = ctx.append("user", "x", at=datetime(2023, 5, 8, 13, 56))
    assert page.created_at == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


def test_a_recall_on_an_empty_session_finds_nothing(ctx: Context) -> None:
    assert ctx.recall("anything?") == []
    assert ctx.search("") == []


def test_the_supporting_sentence_is_named(ctx: Context) -> None:
    ctx.append("user", "The weather was fine. The treasure lies under the lighthouse. We had soup.")
    quote = ctx.support("treasure lighthouse", ctx.recall("treasure"))
    assert quote is not None and quote.sentence == "The treasure lies under the lighthouse."
    assert ctx.support("treasure", []) is None
