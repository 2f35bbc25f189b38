"""The context on a real disk, with fakes for the models: what a user sees, step by step."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import make

from vctx import journal
from vctx.boot import reading
from vctx.context import Context
from vctx.errors import BudgetError, DiskError, InputError, MismatchError, MissingError, ModelError
from vctx.fakes import HashingEmbedder, ScriptedModel, WordTokenizer
from vctx.prices import TABLE
from vctx.storage import SqliteDisk
from vctx.types import Budget, Form, Heading, Message, Reading

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
    reading = Reading("guide.txt", text, (Heading(0, "Opening hours"), Heading(57, "Fees")))
    added = ctx.add(reading, chunk_tokens=40)
    assert (added.chunks, added.new, added.printed) == (2, 2, 2) and ctx.window() == []
    again = ctx.add(reading, chunk_tokens=40)
    assert (again.sha, again.new) == (added.sha, 0) and ctx.stats().pages == 2
    hits = ctx.recall("what does a card cost?", tokens=60)
    [page] = ctx.pages([hits[0].page])
    assert page.source is not None and (page.source.number, page.source.heading) == (2, "Fees")
    assert "guide.txt p. 2 | Fees]" in ctx.window()[0]["content"]


def test_a_document_without_text_is_refused(ctx: Context) -> None:
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


def test_who_looks_at_the_window_waits_for_no_summary(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=600, reserve=60, model=ScriptedModel(["Ana moved."])) as ctx:
        for n in range(12):
            ctx.append("user", f"{n} {LONG}")
        log = ctx.log()
        messages, due = ctx.seen()
        assert due > 0 and ctx.log() == log
        assert ctx.tokens(messages) <= ctx.budget.room
        assert "Ana moved." in ctx.messages()[0].content and ctx.seen()[1] == 0


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
        assert str(answer) == "In Lyon." and answer.hits[0].page == 1 and answer.tokens <= answer.limit
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
    with pytest.raises(InputError, match="at must be a datetime"):
        ctx.append("user", "x", at="2026-01-01")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="query must be str"):
        ctx.recall(None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a message is"):
        ctx.tokens([{"role": "user"}])
    with pytest.raises(InputError, match="at least one token"):
        ctx.add(Reading("a.txt", "text"), chunk_tokens=0)
    with pytest.raises(InputError, match="'model' or 'extract'"):
        make(tmp_path / "t.db", summary="modle")
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


def test_what_the_model_said_supports_it_only_where_nothing_else_does(ctx: Context) -> None:
    said = ctx.append("user", "The treasure lies under the lighthouse.")
    own = ctx.append("assistant", "The treasure is buried under the lighthouse.")
    hits = ctx.search("treasure under the lighthouse")
    quote = ctx.support("The treasure is buried under the lighthouse.", hits)
    assert quote is not None and quote.page == said
    quote = ctx.support("The treasure is buried.", [hit for hit in hits if hit.page == own.id])
    assert quote is not None and quote.page == own


def test_what_the_user_asked_supports_no_answer(ctx: Context) -> None:
    asked = ctx.append("user", "Where does the treasure lie?")
    said = ctx.append("user", "Bob asks where. The treasure lies under the lighthouse.")
    hits = ctx.recall("Where does the treasure lie?")
    assert {hit.page for hit in hits} == {asked.id, said.id}
    quote = ctx.support("Where does the treasure lie? Under the lighthouse.", hits)
    assert quote is not None and quote.page == said
    assert ctx.support("Where?", [hit for hit in hits if hit.page == asked.id]) is None


def test_the_best_hit_of_a_long_message_keeps_its_rank(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=1200, fault=0.3) as ctx:
        tail = " ".join(f"w{n}" for n in range(150))
        gold = ctx.append("user", f"zebra crossing code is 4711. {tail}")
        for n in range(12):
            ctx.append("user", f"zebra crossing note {n} about streets where people wait for a long while")
        for n in range(12):
            ctx.append("user", " ".join(f"q{n}{i}" for i in range(90)))
        hits = ctx.recall("zebra crossing code 4711")
        assert hits[0].page == gold.id
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_page_larger_than_the_share_is_loaded_by_the_part_that_fits(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", embedder=HashingEmbedder(limit=256)) as ctx:
        filler = " ".join(f"w{n}" for n in range(90))
        page = ctx.append(
            "user", f"{filler} the treasure lies under the lighthouse {filler}", author="x" * 400
        )
        for n in range(6):
            ctx.append("user", f"{n} {LONG}")
        query = f"{filler[:200]} treasure under the lighthouse"
        [hit] = [hit for hit in ctx.recall(query, tokens=144) if hit.page == page.id]
        assert hit.span is not None and hit.tokens <= 144
        assert "[page 1 | 2026-01-01 | xxx" in ctx.window()[-1]["content"]


def test_the_parts_of_the_newest_message_may_leave(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with make(path, window=2000, reserve=100) as ctx:
        ctx.append("user", " ".join(f"t{n}" for n in range(5000)))
        for n in range(3):
            ctx.recall(f"t{100 + n * 900} t{130 + n * 900}")
    for window in (1600, 1200, 900, 300):
        with make(path, window=window, reserve=100) as ctx:
            assert ctx.tokens(ctx.window()) <= window - 100


def test_a_fault_never_takes_the_place_of_what_was_said(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with make(path, window=120, reserve=20) as ctx:
        ctx.append("user", f"start {' '.join(f'w{n}' for n in range(120))} end")
        ctx.append("assistant", "I see.")
    with make(path, window=2000, reserve=100) as ctx:
        before = ctx.window()
        ctx.recall("w50 w51 start end", tokens=500)
        assert ctx.window()[:2] == before and len(ctx.window()) == 3


def test_no_text_stands_twice(ctx: Context) -> None:
    page = ctx.append("user", " ".join(f"t{n}" for n in range(300)))
    for _ in range(6):
        ctx.append("user", LONG)
    ctx.recall("t10 t11 t12", tokens=120)
    assert [frame.page for frame in ctx.frames].count(page.id) == 1
    ctx.recall("t10 t11 t12 t13", tokens=340)
    assert " ".join(m["content"] for m in ctx.window()).split().count("t10") == 1


def test_references_are_what_was_packed(ctx: Context) -> None:
    ctx.append("user", " ".join(f"t{n}" for n in range(150)))
    for tokens in (60, 120, 300):
        assert sum(hit.tokens for hit in ctx.recall("t10 t11 t12", tokens=tokens)) <= tokens


def test_the_journal_grows_linearly_without_a_window(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=600) as ctx:
        for n in range(300):
            ctx.append("user", f"{n} {LONG}")
        folds = [entry.plan.fold.pages for entry in ctx.log() if entry.plan.fold]
        assert len(folds) > 30 and len({page for pages in folds for page in pages}) == sum(map(len, folds))


def test_a_small_window_does_not_destroy_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    model = ScriptedModel(lambda messages: "Ana lives in Lyon.")
    for window in (600, 200, 600):
        with make(path, window=window, model=model) as ctx:
            for n in range(12):
                ctx.append("user", f"{n} {LONG}")
            shown = "Ana lives in Lyon." in ctx.window()[0]["content"]
            assert shown == (window == 600)


def test_a_summary_survives_a_model_that_fails_once(tmp_path: Path) -> None:
    replies = iter(["Ana lives in Lyon."])

    def reply(messages: object) -> str:
        if text := next(replies, None):
            return text
        raise MissingError("the model is gone")

    with make(tmp_path / "s.db", window=600, model=ScriptedModel(reply)) as ctx:
        for n in range(24):
            ctx.append("user", f"{n} {LONG}")
            ctx.window()
        assert "Ana lives in Lyon." in ctx.window()[0]["content"]
        assert {entry.outcome["by"] for entry in ctx.log() if entry.cause == "fold"} == {
            "scripted",
            "extract",
        }


def test_what_was_paged_in_for_the_next_prompt_waits_for_it_though_another_hand_gets_a_reply(
    tmp_path: Path,
) -> None:
    options: dict[str, Any] = {"policy": "priced", "prices": TABLE["openai"], "window": 3000}
    with make(tmp_path / "s.db", **options) as ctx, make(tmp_path / "s.db", **options) as other:
        ctx.add(reading(b"The zebra eats grass in the evening sun of the plains.", "zebra.txt"))
        ctx.recall("zebra grass")
        for n in range(30):
            ctx.append("user", f"Note {n}: {'word ' * 20}")
            ctx.append("assistant", "I see.")
        assert not ctx._window.resident(1)  # it is seldom used, and does not stay for long
        ctx.append("user", "Is it late?")
        ctx.window()
        assert [hit.page for hit in other.recall("zebra grass")] == [1]
        ctx.append("assistant", "It is.")
        other.append("user", "What does the zebra eat?")
        assert other._window.resident(1)
        other.window()
        other.append("assistant", "Grass.")
        other.append("user", "Thank you.")
        assert not other._window.resident(1)


def test_pins_of_two_contexts_are_counted_together(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as one, make(tmp_path / "s.db") as two:
        pages = [one.append("user", " ".join(["word"] * 100)).id for _ in range(2)]
        one.pin(pages[0])
        with pytest.raises(BudgetError, match="208 tokens"):
            two.pin(pages[1])
        with pytest.raises(InputError, match="page 999 is not in the window"):
            two.unpin(999)


def test_a_message_that_failed_is_kept_once(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", model=ScriptedModel([])) as ctx:
        for _ in range(3):
            with pytest.raises(ModelError):
                ctx.chat("hello there")
        assert [page.text for page in ctx.history()] == ["hello there"]


def parrot(messages: Sequence[Message]) -> str:
    return "The code is xyzzy." if "xyzzy" in str(messages) else "Nothing was said."


def test_what_is_forgotten_is_in_no_file_and_in_no_window(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=600, model=ScriptedModel(parrot)) as ctx:
        secret = ctx.append("user", "My code is xyzzy42, keep it.")
        ctx.recall("xyzzy42")
        for n in range(12):
            ctx.append("user", f"{n} {LONG}")
        assert "xyzzy" in ctx.window()[0]["content"]
        ctx.recall("what is the code xyzzy42?")
        assert ctx.forget([secret.id])
        assert "Nothing was said." in ctx.window()[0]["content"] and "xyzzy" not in str(ctx.window())
        assert secret.id not in {hit.page for hit in ctx.search("code")}
        assert ctx.frames == journal.replay(ctx.log()).frames
        frames = ctx.frames
        with pytest.raises(DiskError, match=f"no page {secret.id}"):
            ctx.forget([secret.id])
    for file in tmp_path.iterdir():
        assert b"xyzzy" not in file.read_bytes()
    with make(tmp_path / "s.db", window=600) as ctx:
        assert ctx.frames == frames


def test_a_document_is_forgotten_by_its_name(ctx: Context) -> None:
    ctx.add(Reading("guide.txt", "The library opens at nine."))
    ctx.append("user", "Hello.")
    ctx.recall("library", tokens=60)
    assert ctx.forget(document="guide.txt")
    assert [m["content"] for m in ctx.window()] == ["Hello."] and not ctx.stats().documents
    with pytest.raises(InputError, match=r"no document guide\.txt"):
        ctx.forget(document="guide.txt")


def test_an_older_summary_stands_again_when_the_newest_is_forgotten(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=600, model=ScriptedModel(parrot)) as ctx:
        for n in range(12):
            ctx.append("user", f"{n} {LONG}")
        assert "Nothing was said." in ctx.window()[0]["content"]
        secret = ctx.append("user", "My code is xyzzy42, keep it.")
        kept = ctx.append("user", "And the door is blue.")
        for n in range(12):
            ctx.append("user", f"{n} {LONG}")
        assert "The code is xyzzy." in ctx.window()[0]["content"]
        ctx.forget([secret.id])
        assert "Nothing was said." in ctx.window()[0]["content"]
        folds = [entry for entry in ctx.log() if entry.cause == "fold"]
        assert kept.id in folds[-1].request["pages"] and secret.id not in folds[-1].request["pages"]


def test_what_was_paged_in_is_not_kept_twice(ctx: Context) -> None:
    ctx.add(Reading("guide.txt", "The library opens at nine."))
    ctx.recall("When does the library open?")
    [paged] = [m["content"] for m in ctx.window()]
    for echo in (paged, f"{paged}\n\nWhen does it open?"):
        with pytest.raises(InputError, match="paged in"):
            ctx.append("user", echo)
    assert ctx.stats().pages == 1
    assert ctx.append("user", "[memory] is a mark, I think").text.startswith("[memory]")


def test_what_was_paged_in_is_not_summarised(tmp_path: Path) -> None:
    seen = ScriptedModel(lambda messages: "A summary.")
    with make(tmp_path / "s.db", window=600, model=seen) as ctx:
        ctx.add(Reading("guide.txt", "The library opens at nine."))
        ctx.recall("When does the library open?")
        for n in range(12):
            ctx.append("user", f"message {n} " + "word " * 60)
        assert "A summary." in ctx.window()[0]["content"]
        assert seen.prompts and not any("library" in m.content for p in seen.prompts for m in p)
