"""A chat, from a pipe and on a real terminal: commands within it, history, lines, Ctrl-C, what it leaves."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from conftest import counted, make
from sandbox import small_parts
from screens import ALT_ENTER, CTRL_C, CTRL_D, ENTER, TAB, UP, Screen

from vctx.cli import main
from vctx.cli.chat import Talk
from vctx.cli.session import Session
from vctx.cli.speech import trimmed
from vctx.fakes import ScriptedModel
from vctx.prices import load
from vctx.types import Entry

CHILD = """
import time
from vctx import boot
from vctx.cli import main
from vctx.cli.speech import trimmed
from vctx.fakes import HashingEmbedder, ScriptedModel

real = boot.open

def reply(messages):
    if "slowly" in messages[-1].content:
        print("(asked)")
        time.sleep(60)
    return f"I saw {len(messages)} messages."

def small(path, **options):
    model = ScriptedModel(reply)
    return real(path, **{**options, "model": model, "embedder": HashingEmbedder(), "window": 600})

boot.open = small
main(prog_name="vctx")
"""
"""The command line with small parts."""


def screen(*args: str, **env: str) -> Screen:
    return Screen([sys.executable, "-c", CHILD, *args], env={"NO_COLOR": "", **env})


@pytest.fixture
def piped(db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def chat(*lines: str) -> Result:
        result = CliRunner().invoke(main, ["chat", "--db", db], input="".join(f"{line}\n" for line in lines))
        assert result.exit_code == 0, result.output
        return result

    small_parts(monkeypatch, counted)
    yield chat


def test_commands_work_on_the_open_session(piped: Any) -> None:
    out = piped("My cat is called Miso.", "/pin 1", "/why 1", "/fork --at 1", "/switch 1", "/branches").stdout
    assert "page 1 stays in the window\n" in out
    assert "page 1 said (full" in out and "page 1 pinned" in out
    assert "* 1  from 0 after page 1" in out


def test_what_is_wrong_is_told_and_the_chat_goes_on(piped: Any) -> None:
    result = piped("/nonsense", "/pin", "/pin 7", "/why 'open", "/window --model x", "/quit", "not said")
    assert result.stderr.splitlines() == [
        "Error: no command is called /nonsense; /help lists them; a line that begins with a space is said",
        "Error: Missing argument 'PAGE'.",
        "Error: page 7 is not in the window; recall it first",
        "Error: No closing quotation: /why 'open",
        "Error: --model is for `vctx chat` itself, not within it",
    ]
    assert "I saw" not in result.stdout


def test_what_is_no_text_is_no_message(db: str, piped: Any) -> None:
    for given in (b"What is this?\0\n", bytes(range(128, 256)) + b"\n"):
        for command in ("ask", "chat"):
            result = CliRunner().invoke(main, [command, "--db", db], input=given)
            assert result.exit_code == 1
            assert command == "ask" or "no text in UTF-8: `vctx add -` takes files" in result.stderr
    assert not Path(db).exists()
    latin = CliRunner().invoke(main, ["chat", "--db", db], input=b"caf\xe9 noir\n")
    assert latin.stdout == "I saw 1 messages.\n"


def test_a_space_lets_one_say_what_begins_with_a_stroke(piped: Any) -> None:
    assert piped(" /etc/passwd is a file").stdout == "I saw 1 messages.\n"


def test_help_names_every_command_and_tells_of_each(piped: Any) -> None:
    out = piped("/help", "/help why").stdout
    for name in ("/window", "/why", "/pin", "/unpin", "/forget", "/fork", "/switch", "/help", "/quit"):
        assert f"  {name} " in out
    assert "Usage: /why [OPTIONS] [PAGE]" in out


def test_a_terminal_shows_answer_sources_and_status(db: str) -> None:
    with screen("chat", "--db", db) as term:
        term.await_("a new session")
        term.await_("s.db   window ")
        term.press(f"My cat is{ALT_ENTER}called Miso.{ENTER}")
        term.await_("> My cat is\n  called Miso.")
        term.await_("I saw 1 messages.")
        term.await_("0 references, 0 faults")
        term.press(f"What is my cat called?{ENTER}")
        shown = term.await_("I saw 3 messages.")
        shown = term.await_("1 reference, 0 faults")
        assert "called Miso." in shown and "page 1, user" in shown
        assert "s.db   window " in term.await_(" tokens, ")
        term.press(CTRL_D)
        assert term.ended() == 0


def test_ctrl_c_ends_a_command_with_130(db: str) -> None:
    with make(Path(db)):
        pass
    with screen("ask", "--db", db) as term:
        term.await_("(the question, then Ctrl-D)")
        term.press(CTRL_C)
        assert term.ended() == 130 and "Traceback" not in term.await_("interrupted")


def test_history_comes_from_the_session_and_ctrl_c_ends_an_answer_only(db: str) -> None:
    with screen("chat", "--db", db) as term:
        term.await_("s.db   window ")
        term.press(f"Think slowly.{ENTER}")
        term.await_("(asked)")
        term.press(CTRL_C)
        term.await_("(cancelled; what you said is kept)")
        term.press(f"Hello.{ENTER}")
        term.await_("I saw 2 messages.")
        term.press("half a line")
        term.await_("> half a line")
        term.press(CTRL_C)
        term.press(f"/qu{TAB}")
        term.await_("> /quit")
        term.press(ENTER)
        assert term.ended() == 0
    with screen("chat", "--db", db) as term:
        term.await_("3 pages on disk")
        term.await_("s.db   window ")
        term.press(UP)
        term.await_("> Hello.")
        term.press(CTRL_C)
        term.press(f"/forget 2{ENTER}")
        term.await_("gone from every file")
        term.press(UP)
        term.await_("> Think slowly.")


def test_ctrl_c_ends_a_command_of_a_chat_alone(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    group = click.Group()

    @group.command()
    def search() -> None:
        raise KeyboardInterrupt

    with make(Path(db), model=ScriptedModel(counted)) as ctx:
        talk = Talk(ctx, Session(db), group)
        talk.follow(iter(["/search", "/search"]), aloud=True)
        assert capsys.readouterr().out.count("(cancelled)") == 2
        with pytest.raises(KeyboardInterrupt):
            talk.follow(iter(["/search"]), aloud=False)


def test_the_line_below_tells_tokens_faults_and_cost_and_reads_no_old_journal(
    db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = {"input": 2.0, "read": 0.5, "output": 10.0}
    with make(Path(db), model=ScriptedModel(counted), prices=load(prices)) as ctx:
        ctx.chat("hello")
        free, priced = (Talk(ctx, Session(db, prices=named), click.Group()) for named in (None, "own"))
        read, entries = [], ctx._disk.entries

        def watched(since: int = -1) -> list[Entry]:
            read.append(since)
            return entries(since)

        monkeypatch.setattr(ctx._disk, "entries", watched)
        taken = ctx.tokens(ctx.messages())
        ctx.fork()
        ctx.switch(1)
        read.clear()
        told = f"s.db (branch 1)   window {taken} of 360 tokens, {taken / 360:.0%}   0 faults"
        assert free.status() == told and min(read) >= 1
        assert priced.status() == f"{told}   $0.0001"
        read.clear()
        assert priced.status().endswith("$0.0001") and min(read) >= 1


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_only_where_they_are_wanted(db: str, env: dict[str, str], coloured: bool) -> None:
    with make(Path(db)):
        pass
    with screen("window", "--map", "--db", db, **env) as term:
        term.await_("free")
        assert ("region" not in term.text()) is coloured
        fg = {cell.fg for row in term.cells() for cell in row}
        assert (fg != {"default"}) is coloured


def test_white_space_at_either_end_of_an_answer_is_not_printed() -> None:
    assert "".join(trimmed([" ", "\n", " Well", ",\n", "\n", "I", " am. ", "\n"])) == "Well,\n\nI am."
    assert list(trimmed([" ", ""])) == []
