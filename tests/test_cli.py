"""The command line: what it prints, and one clear line for what goes wrong. No model is loaded here."""

import json
import os
from pathlib import Path
from threading import Timer

import pytest
from conftest import counted, make
from sandbox import small_parts
from shell import vctx

from vctx import boot
from vctx.fakes import HashingEmbedder


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch, counted)


def test_add_ask_ls_window_log(db: str, tmp_path: Path) -> None:
    book = tmp_path / "guide.txt"
    book.write_text("Opening hours\n=============\n\nThe library opens at nine.\n")
    assert vctx("add", "--db", db, str(book)).stdout == "guide.txt: 1 chunk, 21 tokens\n"
    out = vctx("ask", "--db", db, "When does the library open?").stdout
    assert out.startswith("I saw 2 messages.\n")
    assert '"The library opens at nine."' in out and "guide.txt, Opening hours (page 1)" in out
    assert "1 reference, 1 fault," in out
    assert "guide.txt  1 chunk\nconversation  2 messages" in vctx("ls", "--db", db).stdout
    window = vctx("window", "--db", db).stdout
    assert "--- user, " in window and "[page 1 | guide.txt | Opening hours]" in window
    log = vctx("log", "--db", db).stdout
    assert "'When does the library open?'; 1 fault: page 1 (score" in log


def test_every_command_that_prints_data_prints_json(db: str, tmp_path: Path) -> None:
    book = tmp_path / "guide.txt"
    book.write_text("The library opens at nine.\n")
    assert json.loads(vctx("add", "--json", "--db", db, str(book)).stdout)[0]["chunks"] == 1
    answer = json.loads(vctx("ask", "--json", "--db", db, "When does it open?").stdout)
    assert answer["answer"] == "I saw 2 messages." and answer["quote"]["page"] == 1
    assert json.loads(vctx("ls", "--json", "--db", db).stdout)["messages"] == 2
    window = json.loads(vctx("window", "--json", "--db", db).stdout)
    assert [m["role"] for m in window["messages"]] == ["user", "user", "assistant"]
    assert 0 < window["tokens"] <= window["limit"]
    log = json.loads(vctx("log", "--json", "--db", db).stdout)
    assert [entry["cause"] for entry in log] == ["recall", "append", "append"]


def test_chat_answers_line_by_line_and_keeps_everything(db: str) -> None:
    out = vctx("chat", "--db", db, input="hello\n\nand again\n").stdout
    assert out == "I saw 1 messages.\nI saw 3 messages.\n"
    assert json.loads(vctx("ls", "--json", "--db", db).stdout)["messages"] == 4


def test_a_chat_in_which_nothing_is_said_leaves_no_file(db: str, tmp_path: Path) -> None:
    for given in ("", "\n \n", "/ls\n/quit\n"):
        vctx("chat", "--db", db, input=given)
        assert list(tmp_path.iterdir()) == []
    vctx("chat", "--db", db, input="hello\n")
    vctx("chat", "--db", db, input="")
    assert json.loads(vctx("ls", "--json", "--db", db).stdout)["messages"] == 2


def test_stats_tell_what_the_calls_took_and_cost(db: str) -> None:
    vctx("chat", "--db", db, input="hello there\nand again\n")
    # Each reply is "I saw N messages.": four words for the model.
    told = json.loads(vctx("stats", "--db", db, "--json", "--prices", "openai").stdout)["usage"]
    [row] = told["by"]
    assert (row["model"], row["for"], row["calls"], row["reply"]) == ("scripted", "reply", 2, 8)
    assert told["cost"] == row["cost"] == pytest.approx((5 * row["prompt"] + 30 * 8) / 1e6)
    out = vctx("stats", "--db", db, "--prices", "openai").stdout.splitlines()
    assert out[-2].split() == ["calls", "of", "a", "model", "calls", "sent", "cached", "replied", "cost"]
    assert out[-1].split() == ["scripted,", "replies", "2", str(row["prompt"]), "0", "8", "$0.0004"]
    assert "what it cost is not known: no prices were named; --prices names them: anthropic" in (
        vctx("stats", "--db", db).stdout
    )
    assert "no prices are called 'x'" in vctx("stats", "--db", db, "--prices", "x", code=1).stderr


def test_options_reach_the_model(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    local = ("chat", "--db", db, "--model-option")
    told = vctx(*local, "temperature=0", input="x\n", code=1).stderr
    assert "a local model has no option 'temperature'; there are: constrained, device, dtype" in told
    told = vctx(*local, "stop=END", input="x\n", code=1).stderr
    assert 'option stop is a list, such as ["END"], not' in told
    assert "'fast' is not KEY=VALUE" in vctx(*local, "fast", code=2).stderr
    away = ("--model", "m", "--base-url", "http://127.0.0.1:1/v1", "--tokenizer", "strict")
    told = vctx(*local, "retries=0", *away, input="x\n", code=1).stderr
    assert "cannot be reached" in told


def test_a_question_may_come_from_a_pipe(db: str) -> None:
    with make(Path(db)):
        pass
    assert "I saw 1 messages." in vctx("ask", "--db", db, "-", input="who?\n").stdout


def test_the_session_may_be_named_by_the_environment(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCTX_DB", db)
    vctx("chat", input="hello\n")
    assert "conversation  2 messages" in vctx("ls").stdout


@pytest.mark.parametrize("command", [["ask", "x"], ["ls"], ["window"], ["log"]])
def test_an_unknown_session_is_one_clear_line(command: list[str], db: str) -> None:
    result = vctx(*command, "--db", db, code=1)
    assert result.stderr == f"Error: no session at {db}; `vctx add` or `vctx chat` make one\n"
    assert not Path(db).exists()


def test_an_import_that_fails_leaves_a_session_that_somebody_made_meanwhile(db: str, tmp_path: Path) -> None:
    """It waits for the export, which a pipe brings."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def meanwhile() -> None:
        with make(Path(db)) as ctx:
            ctx.append("user", "hello")
        pipe.write_text("no export\n")

    other = Timer(0.2, meanwhile)
    other.start()
    vctx("import", "--db", db, str(pipe), code=1)
    other.join()
    assert "conversation  1 message" in vctx("ls", "--db", db).stdout


def test_forget_backup_check_export_import(db: str, tmp_path: Path) -> None:
    vctx("chat", "--db", db, input="my code is xyzzy\n")
    copy, lines = str(tmp_path / "copy.db"), str(tmp_path / "s.jsonl")
    assert vctx("backup", "--db", db, copy).stdout == f"copied to {copy}\n"
    assert "there already" in vctx("backup", "--db", db, copy, code=1).stderr
    vctx("export", "--db", db, lines)
    assert vctx("forget", "--db", db, "1").stdout == "gone from every file\n"
    assert vctx("check", "--db", db).stdout == "sound\n"
    assert b"xyzzy" not in Path(db).read_bytes() and "xyzzy" in vctx("window", "--db", copy).stdout
    other = str(tmp_path / "other.db")
    vctx("import", "--db", other, lines)
    assert vctx("log", "--db", other).stdout == vctx("log", "--db", copy).stdout
    piped = str(tmp_path / "piped.db")
    vctx("import", "--db", piped, "-", input=Path(lines).read_text())
    assert vctx("log", "--db", piped).stdout == vctx("log", "--db", copy).stdout
    assert "import makes a new session" in vctx("import", "--db", other, lines, code=1).stderr
    assert "no page 99" in vctx("forget", "--db", db, "99", code=1).stderr


def test_a_store(tmp_path: Path) -> None:
    folder = str(tmp_path)
    for name, text in (("trip", "the hotel is by the river"), ("work", "the report is due")):
        with make(tmp_path / f"{name}.db") as ctx:
            ctx.append("user", text)
        assert vctx("store", "own", folder, name, "--user", "ann", "--title", f"The {name}").stdout == ""
    assert "trip  ann: The trip  1 page\nwork" in vctx("store", "ls", folder).stdout
    assert json.loads(vctx("store", "ls", folder, "--user", "bob", "--json").stdout) == []
    refused = vctx("store", "own", folder, "trip", "--user", "bob", code=1).stderr
    assert "trip is the session of another user" in refused
    assert "cannot name a session" in vctx("store", "forget", folder, "../x", code=1).stderr
    assert "name a session, or a user" in vctx("store", "forget", folder, code=2).stderr
    assert vctx("store", "forget", folder, "work").stdout == "gone from every file\n"
    (tmp_path / "bad.db").write_text("no session")
    assert "bad  cannot be read" in vctx("store", "ls", folder, code=1).stdout
    assert "bad cannot be read" in vctx("store", "forget", folder, "--user", "ann", code=1).stderr
    assert not (tmp_path / "trip.db").exists()


def test_a_search_across_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "_embedder", lambda name: HashingEmbedder())
    for name, text in (("trip", "the hotel is by the river"), ("work", "the report is due on Friday")):
        with make(tmp_path / f"{name}.db") as ctx:
            ctx.append("user", text)
        vctx("store", "own", str(tmp_path), name, "--user", "ann")
    told = vctx("store", "search", str(tmp_path), "which hotel?", "--user", "ann", "-k", "1").stdout
    assert told.startswith("trip, page 1, user,") and told.endswith("\n        the hotel is by the river\n")
    data = json.loads(vctx("store", "search", str(tmp_path), "hotel", "--json").stdout)
    assert data == {"matches": [], "unread": []}


def test_no_session_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VCTX_DB", raising=False)
    assert "--db FILE, VCTX_DB, or db in vctx.toml" in vctx("ls", code=2).stderr


def test_a_bad_file_makes_no_session(db: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.bin"
    bad.write_bytes(b"\0\1")
    assert "bad.bin is not text: byte 0 is NUL" in vctx("add", "--db", db, str(bad), code=1).stderr
    assert "No such file" in vctx("add", "--db", db, str(tmp_path / "none.txt"), code=1).stderr
    assert not Path(db).exists()


def test_a_file_that_is_no_session_is_refused(tmp_path: Path) -> None:
    notes = tmp_path / "notes.db"
    notes.write_text("these are my notes, not a database, and they must stay as they are\n" * 9)
    before = notes.read_bytes()
    result = vctx("ls", "--db", str(notes), code=1)
    assert len(result.stderr.splitlines()) == 1 and str(notes) in result.stderr
    assert notes.read_bytes() == before


def test_a_missing_model_is_one_clear_line(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    result = vctx("chat", "--db", db, "--model", "no/such-model", input="x\n", code=1)
    assert result.stderr.splitlines()[-1].startswith("Error: no model 'no/such-model': looked in ")
    assert not Path(db).exists()


def test_an_empty_question_is_refused(db: str) -> None:
    with make(Path(db)):
        pass
    assert "the question is empty" in vctx("ask", "--db", db, " ", code=2).stderr


def test_why_diff_fork_switch_rewind(db: str) -> None:
    vctx("chat", "--db", db, input="My cat is called Miso.\nWhat is my cat called?\n")
    out = vctx("why", "--db", db, "1").stdout
    assert "page 1 said (full, " in out and "page 1 referenced; for 'What is my cat called?', score " in out
    assert "no page 99" in vctx("why", "--db", db, "99", code=1).stderr
    assert [e["page"] for e in json.loads(vctx("why", "--json", "--db", db, "--at", "4").stdout)] == [1, 2, 3]
    assert vctx("diff", "--db", db, "2", "4").stdout.splitlines()[0].startswith("+     4  ")
    assert "the log has ticks from 0 to " in vctx("diff", "--db", db, "2", "400", code=2).output
    assert vctx("fork", "--db", db, "--at", "1").stdout == "1\n"
    assert vctx("branches", "--db", db).stdout == "* 0  the trunk\n  1  from 0 after page 1\n"
    assert vctx("rewind", "--db", db, "2").stdout == "on branch 2, after page 2\n"
    vctx("switch", "--db", db, "1")
    assert json.loads(vctx("branches", "--json", "--db", db).stdout)[1]["current"]
    assert "fork    branch 2, from 0 after page 2\n" in vctx("log", "--db", db).stdout
    assert vctx("log", "--db", db).stdout.endswith("switch  on branch 1\n")
    assert "no branch 7" in vctx("switch", "--db", db, "7", code=1).output
    assert "page 4 is no message of branch 1" in vctx("rewind", "--db", db, "4", code=1).output
