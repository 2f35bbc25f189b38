"""The files that the examples of the help and of the documents speak of, with small parts for the models."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from conftest import make

from vctx import boot
from vctx.fakes import HashingEmbedder, ScriptedModel, WordTokenizer

FILES = Path(__file__).parent / "files"
BOOK = """Moby-Dick; or, The Whale

CHAPTER 1. Loomings

Call me Ishmael. Some years ago I thought I would sail about a little and see the watery part of the world.

CHAPTER 28. Ahab

Captain Ahab stood upon his quarter-deck. He is the captain of the Pequod, and he hunts the white whale.
"""
TEXTS = {
    "moby-dick.txt": BOOK,
    "notes/monday.md": "# Monday\n\nThe meeting is at nine.\n",
    "notes/tuesday.md": "# Tuesday\n\nThe report is due.\n",
    "questions.jsonl": "",
    "locomo10.json": "[]",
    "nq-open-oracle.jsonl.gz": "",
    "mine.jsonl": "",
    "nested-kv/keys.json": "",
    "runs/local/run.json": "",
    "runs/plain/run.json": "",
    "runs/trained/run.json": "",
    "runs/a/run.json": "",
    "runs/mine/run.json": "",
}
"""Where only the name counts, a file is empty."""
TURNS = 30


def fill(folder: Path) -> None:
    """Makes the files, and the sessions: alice.db, book.db, chats/trip.db, alice.jsonl, alice.json."""
    for name, text in TEXTS.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    with make(folder / "alice.db", window=4000, model=ScriptedModel(lambda _: "I see.")) as ctx:
        for turn in range(TURNS):
            ctx.chat(f"On day {turn} my cat Miso did trick number {turn}.")
        ctx.pin(1)
    with make(folder / "book.db") as ctx:
        ctx.add(boot.read(folder / "moby-dick.txt"))
        for turn in range(12):
            ctx.append("user", f"Note {turn} on the white whale.")
    (folder / "thesis.docx").write_bytes((FILES / "pandoc.docx").read_bytes())
    with ZipFile(folder / "chatgpt-export.zip", "w") as export:
        message = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hello."]}}
        mapping = {"a": {"message": message, "parent": None}}
        export.writestr("conversations.json", json.dumps([{"title": "First", "mapping": mapping}]))
    (folder / "chats").mkdir()
    with make(folder / "chats" / "trip.db") as ctx:
        ctx.append("user", "The hotel in Lisbon is by the river.")
    with (folder / "alice.jsonl").open("w") as stream:
        file = boot.disk(folder / "alice.db")
        file.export(stream)
        file.close()
    (folder / "alice.json").write_text((Path(boot.__file__).parent / "weights.json").read_text())


def small_parts(monkeypatch: pytest.MonkeyPatch, reply: Callable[[Any], str] = lambda _: "I see.") -> None:
    """Whatever model, tokenizer or embedder is named, a small one takes its place; the rest is real."""

    def model(name: Any, *_: Any, **__: Any) -> Any:
        return ScriptedModel(reply, window=128_000) if isinstance(name, str) else name

    def embedder(name: Any, *_: Any, **__: Any) -> Any:
        dim = 256 if name == boot.EMBEDDER else 128
        return HashingEmbedder(dim) if isinstance(name, str) else name

    monkeypatch.setattr(boot, "_model", model)
    monkeypatch.setattr(boot, "_embedder", embedder)
    monkeypatch.setattr(boot, "tokenizer", lambda name: WordTokenizer())


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files, made once: tests work on copies."""
    folder = tmp_path_factory.mktemp("sandbox")
    fill(folder)
    return folder


def copied(source: Path, target: Path) -> Path:
    """A copy that may be written to."""
    return Path(shutil.copytree(source, target, dirs_exist_ok=True))
