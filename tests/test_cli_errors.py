"""What goes wrong at the command line, as users make it go wrong: one line each, that says what to do."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest
import sandbox
from click.testing import CliRunner

from vctx.cli import main
from vctx.storage.dump import Dump


@pytest.fixture
def told(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of one's own to err in."""
    sandbox.small_parts(monkeypatch)
    monkeypatch.chdir(sandbox.copied(filled, tmp_path))
    (tmp_path / "full").mkdir()
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\xfe\n")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("ls --db nope.db", "no session at nope.db; `vctx add` or `vctx chat` make one"),
        ("ls --db moby-dick.txt", "is no vctx session, or its head is damaged; name another file"),
        ("show --db book.db 999", "no page 999"),
        ("why --db book.db 999", "no page 999"),
        ("pin --db book.db 1", "page 1 is not in the window; recall it first"),
        ("fork --db alice.db --at 999", "page 999 is no message of branch 0: fork after one that is"),
        ("switch --db alice.db 9", "there is no branch 9; `branches` lists them"),
        ("forget --db book.db --document nope", "no document nope"),
        ("backup --db book.db alice.db", "alice.db is there already"),
        ("backup --db book.db nowhere/x.db", "nowhere does not exist; make it, or name another file"),
        ("export --db book.db nowhere/x.jsonl", "cannot be written: No such file or directory; name another"),
        ("export --db book.db alice.jsonl", "alice.jsonl is there already; name a new file"),
        ("import --db new.db moby-dick.txt", "is no JSON"),
        ("import --db new.db latin.jsonl", "latin.jsonl cannot be read"),
        ("import --db alice.db alice.jsonl", "is there already; import makes a new session"),
        ("window --db alice.db --window 64 --reserve 64", "leaves no room"),
        ("recall --db alice.db --weights none.json x", "cannot read the weights in none.json"),
    ],
)
def test_one_line_says_what_to_do(told: str, line: str, what: str) -> None:
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == 1
    [error] = result.stderr.splitlines()
    assert error.startswith("Error: ") and what in error


def test_what_cannot_be_printed_is_one_line(told: str) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "vctx", "log", "--db", "alice.db"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: what is printed cannot be written: No space left on device\n"


def test_an_export_that_fails_leaves_nothing(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Dump, stream: TextIO) -> int:
        stream.write("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Dump, "write", interrupted)
    result = CliRunner().invoke(main, ["export", "--db", "book.db", "book.jsonl"])
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")
    assert not Path("book.jsonl").exists()


def test_an_import_that_fails_leaves_nothing(told: str) -> None:
    before = sorted(Path(told).iterdir())
    for name in ("moby-dick.txt", "latin.jsonl"):
        CliRunner().invoke(main, ["import", "--db", "new.db", name])
    assert sorted(Path(told).iterdir()) == before


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("lst", "No such command 'lst'. Did you mean 'ls'?"),
        ("ls --bd book.db", "No such option '--bd'. Did you mean '--db'?"),
        ("ls", "name the session's file: --db FILE, VCTX_DB, or db in vctx.toml"),
        ("diff --db alice.db 1 9999", "the log has ticks from 0 to "),
        ("ask --db book.db ''", "the question is empty"),
        ("search --db book.db ' '", "the query is empty"),
        ("recall --db book.db ''", "the query is empty"),
        ("window --db book.db --window ten", "'ten' is not a valid integer"),
        ("window --db book.db --policy best", "'best' is not one of "),
    ],
)
def test_a_wrong_call_says_how_to_call(told: str, line: str, what: str) -> None:
    result = CliRunner().invoke(main, shlex.split(line))
    assert result.exit_code == 2 and what in result.stderr


def test_a_current_folder_that_is_gone_is_named(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gone").mkdir()
    monkeypatch.chdir("gone")
    Path("../gone").rmdir()
    result = CliRunner().invoke(main, ["ls", "--db", f"{told}/book.db"])
    assert result.exit_code == 1 and "Error: the current folder is gone" in result.stderr


def test_a_session_that_may_only_be_read_is_read(told: str) -> None:
    db = Path("book.db")
    db.chmod(0o444)
    assert CliRunner().invoke(main, ["ls", "--db", "book.db"]).exit_code == 0


def test_completion_offers_what_there_is_and_never_fails(told: str) -> None:
    def offered(words: str) -> list[str]:
        env = {
            "_VCTX_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        out = CliRunner().invoke(main, [], env=env, prog_name="vctx").stdout
        return [line.partition(",")[2] for line in out.splitlines() if line]

    assert offered("vctx ls --db bo") == ["book.db"]
    assert offered("vctx show --db alice.db 6") == ["60"]
    assert offered("vctx forget --db book.db --document mo") == ["moby-dick.txt"]
    assert offered("vctx switch --db alice.db ") == ["0"]
    assert "--embedder" in offered("vctx ask --e")
    assert offered("vctx show --db nope.db ") == [] and offered("vctx show --db moby-dick.txt ") == []
