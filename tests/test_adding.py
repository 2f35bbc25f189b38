"""`vctx add` as a user drives it: files, folders, standard input, what goes wrong, and what is told."""

import io
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sandbox import small_parts
from shell import vctx

from vctx.cli.session import progress
from vctx.fakes import HashingEmbedder

FILES = Path(__file__).parent / "files"


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch, lambda messages: "Seventeen.")


def test_each_format_and_a_question_that_is_answered_with_its_place(db: str) -> None:
    files = [str(FILES / name) for name in ("libreoffice.pdf", "pandoc.docx", "pandoc.epub", "pandoc.html")]
    lines = vctx("add", "--db", db, *files).stdout.splitlines()
    assert lines[0].startswith("libreoffice.pdf: ") and "chunks" in lines[1] and len(lines) == 4
    assert "tokens" in lines[0]
    found = json.loads(vctx("search", "--db", db, "--json", "How many entries has the frame table?").stdout)
    assert "1 Windows > 1.1 Frames" in json.dumps(found)


def test_a_folder_with_what_it_skips(db: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    (notes / "deep").mkdir(parents=True)
    (notes / "b.md").write_text("# B\n\nThe second note.\n")
    (notes / "a.txt").write_text("The first note.\n")
    (notes / "deep" / "c.py").write_text("def third():\n    return 3\n")
    (notes / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (notes / "empty.txt").write_text("")
    (notes / ".git").mkdir()
    (notes / "deep" / "loop").symlink_to(notes)
    result = vctx("add", "--db", db, str(notes))
    names = [line.split(":")[0] for line in result.stdout.splitlines()]
    assert names == ["notes/a.txt", "notes/b.md", "notes/deep/c.py"]
    assert "skipped, hidden: " in result.stderr and "skipped, a PNG image: " in result.stderr
    assert (
        "skipped, empty: " in result.stderr and "skipped, a link to a folder that is there" in result.stderr
    )
    again = vctx("add", "--db", db, str(notes)).stdout
    assert again.count("as it was") == 3
    (notes / "a.txt").write_text("The first note, now longer.\n")
    changed = vctx("add", "--db", db, str(notes)).stdout.splitlines()
    assert "1 new" in changed[0] and "1 gone" in changed[0] and "as it was" in changed[1]


def test_standard_input_by_its_content(db: str) -> None:
    page = b"<!doctype html><html><body><h1>Weather</h1><p>It rains in Lyon.</p></body></html>"
    assert vctx("add", "--db", db, "-", "--name", "sky", input=page).stdout.startswith("sky: 1 chunk")
    assert vctx("add", "--db", db, "-", input="Plain words.").stdout.startswith("stdin: 1 chunk")
    assert "stdin is empty" in vctx("add", "--db", db, "-", input="", code=1).stderr
    pdf = (FILES / "libreoffice.pdf").read_bytes()
    assert "1 printed page" not in vctx("add", "--db", db, "-", "--name", "guide", input=pdf).stderr


def test_one_bad_file_does_not_stop_the_others(db: str, tmp_path: Path) -> None:
    good, cut, scan = tmp_path / "good.txt", tmp_path / "cut.pdf", FILES / "scan.pdf"
    good.write_text("A good file.\n")
    cut.write_bytes((FILES / "libreoffice.pdf").read_bytes()[:9000])
    result = vctx("add", "--db", db, str(cut), str(good), str(scan), code=1)
    assert result.stdout == "good.txt: 1 chunk, 4 tokens\n"
    assert "not added: cut.pdf is damaged or cut off" in result.stderr
    assert "not added: scan.pdf has no text: its only page is a picture" in result.stderr
    assert result.stderr.endswith("Error: 2 files of 3 not added\n")
    assert [d["name"] for d in json.loads(vctx("ls", "--db", db, "--json").stdout)["documents"]] == [
        "good.txt"
    ]
    strict = vctx("add", "--strict", "--db", str(tmp_path / "t.db"), str(cut), str(good), code=1)
    assert strict.stdout == "" and "damaged" in strict.stderr


def test_of_a_single_file_all_is_said_in_one_line(db: str, tmp_path: Path) -> None:
    cut, pipe = tmp_path / "cut.pdf", tmp_path / "pipe"
    cut.write_bytes((FILES / "libreoffice.pdf").read_bytes()[:9000])
    assert vctx("add", "--db", db, str(cut), code=1).stderr.startswith("Error: cut.pdf is damaged or cut off")
    os.mkfifo(pipe)
    [line] = vctx("add", "--db", db, str(pipe), code=1).stderr.splitlines()
    assert line == f"Error: {pipe} is no file but a device or a pipe; give its content on standard input (-)"
    assert not Path(db).exists()


def test_another_document_of_the_same_name(db: str, tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("".join(f"# {n}\n\nAbout {n}.\n\n" for n in ("one", "two", "three", "four")))
    vctx("add", "--db", db, str(file))
    file.write_text("".join(f"# {n}\n\nAbout {n}.\n\n" for n in ("five", "six", "seven", "eight")))
    assert "not one of its 4 chunks is in this one" in vctx("add", "--db", db, str(file), code=1).stderr
    assert "4 new" in vctx("add", "--db", db, "--replace", str(file)).stdout


def test_a_guessed_encoding_is_told(db: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(("Die Brücke über den Fluß, schön und grün. " * 9).encode("latin-1"))
    assert (
        "a.txt: not UTF-8, and nothing in it says what it is: read as"
        in vctx("add", "--db", db, str(file)).stderr
    )


def test_interrupted_and_resumed(db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    file.write_text("One paragraph.\n\nAnother one.\n")
    with monkeypatch.context() as patch:
        patch.setattr(HashingEmbedder, "embed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        result = vctx("add", "--db", db, str(file), code=130)
    assert "interrupted: 1 chunk waits to be embedded; the same command goes on there" in result.stderr
    assert json.loads(vctx("ls", "--db", db, "--json").stdout)["pending"] == 1
    assert "as it was" in vctx("add", "--db", db, str(file)).stdout
    assert json.loads(vctx("ls", "--db", db, "--json").stdout)["pending"] == 0


def test_an_interrupt_loses_one_batch_at_most(
    db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.md"
    file.write_text("".join(f"# {n}\n\nAbout the number {n}.\n\n" for n in range(20)))
    for constant in ("backlog.BATCH", "background.SMALL"):
        monkeypatch.setattr(f"vctx.{constant}", 2)
    asked: list[int] = []
    embed = HashingEmbedder.embed

    def counted(self: HashingEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
        asked.append(len(texts))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return embed(self, texts)

    monkeypatch.setattr(HashingEmbedder, "embed", counted)
    stderr = vctx("add", "--db", db, str(file), code=130).stderr
    assert "interrupted: 16 chunks wait to be embedded" in stderr
    vctx("add", "--db", db, str(file))
    assert sum(asked[3:]) == 16, "what was kept is not embedded again"
    assert json.loads(vctx("ls", "--db", db, "--json").stdout)["pending"] == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_tells_pages_time_tokens_and_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", screen := Terminal())
    seconds = itertools.count(0, 10)
    monkeypatch.setattr("tqdm.std.time", lambda: next(seconds))
    with progress("embedding chunks", 900) as advance:
        advance(300, tokens=9_310, vectors=299)
        advance(300, tokens=9_000, vectors=300)
    assert "600/900, 00:" in screen.getvalue()
    assert " left, 18,310 tokens, 599 vectors" in screen.getvalue()


def test_names(db: str, tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(f"In {folder}.")
    first, second = str(tmp_path / "x" / "a.txt"), str(tmp_path / "y" / "a.txt")
    out = vctx("add", "--db", db, first, second).stdout
    assert out.startswith(f"{first}: ") and f"\n{second}: " in out
    assert vctx("add", "--db", db, first, "--name", "mine").stdout.startswith("mine: ")
    assert "--name goes with one file" in vctx("add", "--db", db, first, second, "--name", "x", code=2).stderr
