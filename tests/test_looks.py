"""Who looks changes nothing: no entry in the journal, no page in or out, whatever the flags say."""

import json
from pathlib import Path

import pytest
import sandbox
from conftest import make
from shell import vctx

from vctx.errors import BudgetError
from vctx.fakes import ScriptedModel
from vctx.types import Block

LOOKS = [
    "window",
    "window --window 300",
    "window --window 300 --map",
    "window --window 300 --json --policy lru --system Short.",
    "window --reserve 3000 --policy priced --prices openai",
    "window --tools memgpt --window 4000",
    "window --forms extract --window 300 --map",
    "ls",
    "show 1 2 --json",
    "log",
    "stats",
    "stats --prices openai",
    "why 1",
    "why --at 3",
    "diff 3 9",
    "branches",
    "search Miso --window 300",
    "search Miso -k 2 --policy lru",
    "replay --window 2000",
    "check --no-repair",
    "export copy.jsonl",
    "backup copy.db",
]


@pytest.mark.parametrize("line", LOOKS)
def test_a_look_leaves_window_and_journal_as_they_were(
    line: str, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.small_parts(monkeypatch)
    monkeypatch.chdir(sandbox.copied(filled, tmp_path))
    with make(Path("alice.db"), window=4000) as ctx:
        before = ctx.log(), ctx.frames
    vctx(*line.split(), "--db", "alice.db")
    with make(Path("alice.db"), window=4000) as ctx:
        assert (ctx.log(), ctx.frames) == before


def test_a_smaller_window_is_looked_at_as_it_would_be(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.small_parts(monkeypatch)
    monkeypatch.chdir(sandbox.copied(filled, tmp_path))
    whole = json.loads(vctx("window", "--db", "alice.db", "--json").stdout)
    assert vctx("window", "--db", "alice.db").stderr == ""
    assert "shown is what would be left" in vctx("window", "--db", "alice.db", "--window", "600").stderr
    small = ("window", "--db", "alice.db", "--window", "600", "--json")
    part, regions = json.loads(vctx(*small).stdout), json.loads(vctx(*small, "--map").stdout)
    assert whole["tokens"] > part["limit"] >= part["tokens"] > 0
    taken = sum(region["tokens"] for region in regions if region["region"] != "free")
    assert abs(taken - part["tokens"]) <= 3  # by its parts, and whole
    assert part["due"] > whole["due"]


def test_where_nothing_could_be_left_a_look_says_so(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", window=2000) as ctx:
        ctx.append("user", "word " * 300)
        ctx.pin(1)
    with make(tmp_path / "s.db", window=300) as ctx:
        with pytest.raises(BudgetError, match="unpin something"):
            ctx.seen()
        log = ctx.log()
        with pytest.raises(BudgetError):
            ctx.regions()
        assert ctx.log() == log


def test_a_call_that_awaits_its_result_may_be_looked_at(tmp_path: Path) -> None:
    with make(tmp_path / "s.db", model=ScriptedModel([])) as ctx:
        ctx.append("user", "Does it rain?")
        ctx.append("assistant", "", calls=[{"id": "a", "function": {"name": "weather", "arguments": "{}"}}])
        messages, _ = ctx.seen()
        assert [message.role for message in messages] == ["user", "assistant"]
        assert messages[1].calls[0].name == "weather"


def test_a_look_counts_ages_from_what_others_have_said_by_now(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx, make(tmp_path / "s.db") as other:
        for text in ("one", "two", "three"):
            other.append("user", text)
        assert [region.age for region in ctx.regions() if region.frame] == [2, 1, 0]


def test_a_look_that_flushes_shows_what_was_written_and_leaves_the_room_as_it_was(tmp_path: Path) -> None:
    blocks = [Block("human", "Their name is not known.")]
    with make(tmp_path / "s.db", window=600, blocks=blocks) as ctx:
        for n in range(12):
            ctx.append("user", f"Message {n} {'word ' * 20}")
        ctx.edit("human", "Ana.")
    with make(tmp_path / "s.db", window=300, blocks=blocks) as ctx:
        room = ctx._window.room
        before = room.base, room.standing.text
        seen, _ = ctx.seen()
        assert (room.base, room.standing.text) == before and "not known" in before[1]
        assert seen == ctx.messages() and "Ana." in seen[0].content
