"""Imported chats: JSON Lines, and the exports of ChatGPT and Claude; dated messages that wait on disk."""

import json
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from conftest import make

import vctx
from vctx import ingest
from vctx.ingest import chats
from vctx.render import handle


def said(reading: vctx.Reading) -> list[tuple[str, str, str]]:
    return [(turn.role, turn.author, reading.text[turn.start : turn.stop]) for turn in reading.turns]


def node(
    id: str, parent: str | None, role: str, text: str, at: float | None = 1.7e9, **more: Any
) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    message = {"author": {"role": role}, "content": content, "create_time": at, "metadata": {}, **more}
    return {"id": id, "parent": parent, "children": [], "message": message}


TREE = {
    "title": "Trip to Lisbon",
    "current_node": "e",
    "mapping": {
        "root": {"id": "root", "parent": None, "children": ["s"], "message": None},
        "s": node("s", "root", "system", ""),
        "a": node("a", "s", "user", "Which hotel is by the river?"),
        "b": node("b", "a", "assistant", "The first answer."),
        "c": node("c", "a", "assistant", "The Tejo, by the river."),
        "d": node("d", "c", "tool", "searched"),
        "e": node("e", "d", "user", "Book it.", 1.7e9 + 86400),
    },
}
CLAUDE = {
    "uuid": "1",
    "name": "Recipes",
    "chat_messages": [
        {
            "sender": "human",
            "text": "A soup?",
            "created_at": "2025-03-02T10:00:00.123456Z",
            "attachments": [],
        },
        {
            "sender": "assistant",
            "text": "",
            "content": [{"type": "text", "text": "Leek and potato."}, {"type": "tool_use", "input": {}}],
            "created_at": "2025-03-02T10:01:00Z",
        },
        {
            "sender": "human",
            "text": "And this?",
            "attachments": [{"file_name": "list.txt", "extracted_content": "two carrots"}],
            "created_at": "2025-03-02T10:02:00Z",
        },
    ],
}


def zipped(records: Any) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("chat.html", "<html></html>")
        made.writestr("export/conversations.json", json.dumps(records))
    return file.getvalue()


def test_json_lines_with_every_name_that_a_field_may_have() -> None:
    lines = [
        {"role": "user", "author": "Ana", "at": "2026-03-02T10:00:00+01:00", "text": "I moved to Lyon."},
        {"sender": "bot", "content": "Noted.", "timestamp": 1772442060, "title": "Other"},
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": ["So", "be it"]},
            ]
        },
    ]
    reading = ingest.reading("\n".join(map(json.dumps, lines)).encode(), "a.jsonl", ".jsonl")
    assert said(reading) == [
        ("user", "Ana", "I moved to Lyon."),
        ("user", "", "So\nbe it"),
        ("assistant", "", "Noted."),
    ]
    assert reading.turns[0].at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert reading.turns[2].at == datetime(2026, 3, 2, 9, 1, tzinfo=UTC)
    assert [one.title for one in reading.headings] == ["Other"]
    assert reading.notes == (
        "1 message was left out: empty, of the system or a tool, or on a branch not shown",
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"text": "a"}\n{"text": \n', "a.jsonl, line 2 is not JSON"),
        ('{"text": "a"}\n[1]\n', "line 2 is no message"),
        ('{"text": "a"}\n{"role": "user"}\n', 'line 2 has no "text"'),
        ('{"text": "a", "at": "yesterday"}\n', "line 1: 'yesterday' is no time; write it as 2026-"),
        ('{"role": "system", "text": "a"}\n', "holds no message"),
        ('{"messages": 3}\n{"messages": [3]}\n', "messages must be a list"),
    ],
)
def test_a_line_that_is_no_message_is_named(lines: str, message: str) -> None:
    with pytest.raises(vctx.InputError, match=message):
        chats.lines(lines, "a.jsonl")


def test_lines_of_other_data_are_text() -> None:
    reading = ingest.reading(b'{"x": 1}\n{"x": 2}\n', "a.jsonl", ".jsonl")
    assert reading.turns == () and reading.text.startswith('{"x": 1}')


def test_of_a_chatgpt_tree_the_branch_that_was_shown() -> None:
    reading = ingest.reading(zipped([TREE]), "chatgpt.zip", ".zip")
    assert said(reading) == [
        ("user", "", "Which hotel is by the river?"),
        ("assistant", "", "The Tejo, by the river."),
        ("user", "", "Book it."),
    ]
    assert reading.turns[2].at == datetime.fromtimestamp(1.7e9 + 86400, UTC)
    assert reading.headings[0].title == "Trip to Lisbon" and reading.notes[0].startswith("1 message was")
    lost = {**TREE, "current_node": "nowhere"}
    assert (
        said(ingest.reading(json.dumps([lost]).encode(), "conversations.json", ".json"))[-1][2] == "Book it."
    )


def test_a_claude_export_with_what_was_attached() -> None:
    reading = ingest.reading(zipped([CLAUDE]), "claude.zip")
    assert [text for _, _, text in said(reading)] == [
        "A soup?",
        "Leek and potato.",
        "And this?\n\nlist.txt:\ntwo carrots",
    ]
    assert reading.turns[0].at == datetime(2025, 3, 2, 10, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    "data", [b'[{"mapping": 3}]', b'[{"mapping": {}}, 4]', b'[{"chat_messages": 1}]', b'[{"mapping": {']
)
def test_an_export_that_is_none(data: bytes) -> None:
    with pytest.raises(vctx.InputError):
        ingest.reading(data, "conversations.json", ".json")


def test_a_tree_that_goes_round_ends() -> None:
    round_ = {
        "mapping": {"a": node("a", "b", "user", "one"), "b": node("b", "a", "user", "two")},
        "current_node": "a",
    }
    assert len(said(ingest.reading(json.dumps([round_]).encode(), "conversations.json", ".json"))) == 2


def test_imported_messages_wait_on_disk_with_author_and_date(tmp_path: Path) -> None:
    lines = [
        {
            "author": "Ana",
            "at": "2024-05-01",
            "text": "I adopted a grey cat named Wolke.",
            "conversation": "Pets",
        },
        {"author": "Ben", "at": "2024-05-02", "text": "I adopted a brown dog.", "conversation": "Pets"},
        {"author": "Ana", "at": "2024-06-09", "text": "My sister paints boats.", "conversation": "Art"},
    ]
    reading = ingest.reading("\n".join(map(json.dumps, lines)).encode(), "chat.jsonl", ".jsonl")
    with make(tmp_path / "s.db") as ctx:
        added = ctx.add(reading)
        assert (added.chunks, added.new) == (3, 3) and ctx.window() == [] and ctx.history() == []
        assert ctx.add(reading).new == 0
        found = ctx.pages([hit.page for hit in ctx.search("What did Ana adopt in May 2024?")])
        assert (found[0].kind, found[0].author, found[0].text) == ("record", "Ana", lines[0]["text"])
        assert found[0].created_at == datetime(2024, 5, 1, tzinfo=UTC)
        assert handle(found[0]) == f"page {found[0].id} | 2024-05-01 | Ana | Pets"
        ctx.recall("What did Ana adopt?")
        assert "| 2024-05-01 | Ana | Pets] I adopted a grey cat" in ctx.window()[0]["content"]
        ctx.append("user", "hello")
        assert [page.text for page in ctx.history()] == ["hello"]
        branch = ctx.fork()
        ctx.switch(branch)
        assert ctx.pages([ctx.search("the brown dog")[0].page])[0].author == "Ben"
        with pytest.raises(vctx.InputError, match="is no message"):
            ctx.fork(found[0].id)


def test_a_later_export_adds_what_is_new(tmp_path: Path) -> None:
    def reading(count: int) -> vctx.Reading:
        lines = (json.dumps({"text": f"note {n}", "at": f"2026-01-0{n + 1}"}) for n in range(count))
        return ingest.reading("\n".join(lines).encode(), "chat.jsonl", ".jsonl")

    with make(tmp_path / "s.db") as ctx:
        ctx.add(reading(3))
        before = {page.text: page.id for page in ctx.pages([1, 2, 3])}
        added = ctx.add(reading(5))
        assert (added.chunks, added.new, added.gone) == (5, 2, 0)
        assert {page.text: page.id for page in ctx.pages(range(1, 6))}.items() >= before.items()
        assert ctx.forget(document="chat.jsonl") and ctx.stats().pages == 0
