"""Forgetting: what is gone is gone from every file, and the rest is as it was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from vctx.errors import DiskError, InputError
from vctx.storage import SqliteDisk
from vctx.storage.quotes import Quotes
from vctx.types import Document, Entry, Frame, Page, Plan, Search, Source, Vector

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
SECRET = "My sister Philippa keeps the xylophone code 7781234 in the greenhouse by the harbour."
DIM = 8


def page(text: str, **more: object) -> Page:
    return replace(Page("message", "user", text, NOW, "user"), **more)  # type: ignore[arg-type]


def embed(disk: SqliteDisk, pages: list[Page]) -> None:
    rows = [Vector(page.id, (0, len(page.text)), page.text.encode()[:16]) for page in pages]
    hashes = list(dict.fromkeys(row.hash for row in rows))
    hashes = [hash for hash in hashes if hash not in disk.known(hashes)]
    vectors = np.random.default_rng(len(hashes)).standard_normal((len(hashes), DIM)).astype(np.float32)
    disk.index(rows, hashes, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), "random")


def held(folder: Path, *needles: str) -> set[str]:
    """Which of the needles stand in any file of the folder, in any case."""
    data = b"".join(file.read_bytes().lower() for file in folder.iterdir() if file.is_file())
    return {needle for needle in needles if needle.lower().encode() in data}


WORDS = ("philippa", "xylophon", "7781234", "greenhous", SECRET[:20], SECRET[30:60])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SqliteDisk]:
    """A conversation with a secret in a message, in a digest of a digest, and in the journal."""
    with SqliteDisk(tmp_path / "s.db") as disk:
        with disk.transaction():
            pages = disk.put([page(f"turn {i} about the weather and the garden") for i in range(300)])
            [secret] = disk.put([page(SECRET)])
            [digest] = disk.put([page(f"He said: {SECRET}", kind="summary", parents=(3, secret.id))])
            disk.put([page("A digest of Philippa", kind="summary", parents=(digest.id, 4))])
            disk.put([page("a digest of the weather", kind="summary", parents=(1, 2))])
            disk.note(Entry(0, "append", NOW, {"page": secret.id}, "fifo", Plan(load=(Frame(301, 9, 0, 0),))))
            query = "where does my sister keep the code?"
            disk.note(
                Entry(1, "recall", NOW, {"query": query, "tokens": None}, outcome={"hits": [{"page": 5}]})
            )
            disk.note(Entry(2, "recall", NOW, {"query": "Philippa's number"}, outcome={"why": SECRET[10:50]}))
            disk.note(Entry(3, "recall", NOW, {"query": "how was the weather"}))
        embed(disk, [*pages, secret])
        yield disk


def test_a_forgotten_page_is_in_no_file(disk: SqliteDisk, tmp_path: Path) -> None:
    assert held(tmp_path, *WORDS)
    before = disk.entries()
    with disk.transaction():
        assert disk.erase([301]) == (301, 302, 303)
    assert not disk.purged
    assert disk.scrub() and disk.purged
    assert held(tmp_path, *WORDS) == set()
    assert disk.search(Search("philippa xylophone greenhouse", 9), None) == []
    with pytest.raises(DiskError, match="no page 301"):
        disk.get([301])
    after = disk.entries()
    assert [(entry.tick, entry.plan, entry.cause) for entry in after] == [
        (entry.tick, entry.plan, entry.cause) for entry in before
    ]
    assert after[0] == before[0] and after[3] == before[3]
    assert after[2].request == {"query": ""} and after[2].outcome == {"why": ""}
    assert disk.stats().pages == 301 and disk.stats().pending == 0
    assert disk.check() == type(disk.check())()


def test_what_is_left_is_found_as_before(disk: SqliteDisk) -> None:
    query = np.ones(DIM, np.float32) / np.sqrt(DIM)
    with SqliteDisk(disk.path) as other:
        other.search(Search("weather", 400), query)
        assert disk.forget([301, 1])
        for each in (disk, other):
            hits = each.search(Search("weather", 400), query)
            assert {hit.page for hit in hits} == set(range(2, 301))
    with disk.transaction():
        [new] = disk.put([page("the next")])
    assert (new.id, new.seq) == (305, 305)


def test_ids_are_never_given_twice(tmp_path: Path) -> None:
    with SqliteDisk(tmp_path / "s.db") as disk:
        with disk.transaction():
            pages = disk.put([page("one"), page("two")])
        embed(disk, pages)
        assert disk.forget([2])
        with disk.transaction():
            [new] = disk.put([page("three")])
        assert (new.id, new.seq) == (3, 3)
        embed(disk, [new])
        assert disk._file.rows("SELECT id FROM spans") == [(1,), (3,)]
        assert len(disk.search(Search("?", 9), np.eye(1, DIM, dtype=np.float32))) == 2


def test_a_vector_that_another_page_uses_stays(tmp_path: Path) -> None:
    with SqliteDisk(tmp_path / "s.db") as disk:
        with disk.transaction():
            embedded = disk.put([page("the same text"), page("the same text"), page("another")])
        embed(disk, embedded)
        assert disk.forget([1, 3])
        assert disk._file.value("SELECT count(*) FROM vectors") == 1
        assert [hit.page for hit in disk.search(Search("?", 9), np.eye(1, DIM, dtype=np.float32))] == [2]


def test_not_yet_purged_while_a_reader_holds_it(disk: SqliteDisk, tmp_path: Path) -> None:
    with SqliteDisk(disk.path) as reader:
        with reader._file.snapshot():
            assert len(reader.pages()) == 304
            assert not disk.forget([301])
            assert not disk.purged and held(tmp_path, "philippa")
        assert disk.scrub() and disk.purged
    assert held(tmp_path, *WORDS) == set()


def test_a_document_is_forgotten_with_its_chunks(disk: SqliteDisk, tmp_path: Path) -> None:
    chunks = [
        page(f"{SECRET} part {i}", kind="chunk", source=Source("Zebra.txt", i, i + 9)) for i in range(5)
    ]
    with disk.transaction():
        other = disk.put([page("kept", kind="chunk", source=Source("kept.txt", 0, 4))])
        disk.put(chunks)
        disk.add(Document("Zebra.txt", "0" * 64, 5))
        disk.add(Document("kept.txt", "1" * 64, 1))
    disk.forget([301])
    assert held(tmp_path, "philippa", "zebra") == {"philippa", "zebra"}
    assert disk.forget_document("Zebra.txt")
    assert held(tmp_path, *WORDS, "zebra") == set()
    assert disk.pages(kind="chunk") == other
    assert [document.name for document in disk.documents()] == ["kept.txt"]
    with pytest.raises(InputError, match="no document Zebra"):
        disk.forget_document("Zebra.txt")


def test_a_garbled_page_can_be_forgotten(disk: SqliteDisk, tmp_path: Path) -> None:
    with disk.transaction():
        disk._file.write("UPDATE pages SET text = text || ' altered' WHERE id = 301")
    assert disk.forget([301])
    assert held(tmp_path, *WORDS) == set()
    assert disk.check().sound


def test_nothing_is_forgotten_by_halves(disk: SqliteDisk) -> None:
    with pytest.raises(DiskError, match="no page 999"):
        disk.forget([301, 999])
    assert disk.get([301])[0].text == SECRET
    assert disk.purged


def test_a_whole_session_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    disk = SqliteDisk(path)
    with disk.transaction():
        disk.put([page(SECRET)])
    SqliteDisk.purge(path)
    assert [file for file in tmp_path.iterdir() if file.stat().st_size] == []
    with pytest.raises(DiskError, match="removed or replaced"), disk.transaction():
        disk.put([page("lost")])
    disk.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DiskError, match="is not there"):
        SqliteDisk.purge(path)


def test_a_session_in_which_nothing_was_written_is_unmade(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    SqliteDisk(path).close()
    assert SqliteDisk.unmake(path) and list(tmp_path.iterdir()) == []
    assert not SqliteDisk.unmake(path)
    path.touch()
    assert SqliteDisk.unmake(path) and list(tmp_path.iterdir()) == []


def test_what_somebody_has_open_or_has_written_is_not_unmade(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SqliteDisk(path) as other:
        SqliteDisk(path).close()
        assert not SqliteDisk.unmake(path)
        with other.transaction():
            [stored] = other.put([page("kept")])
        other.forget([stored.id])
    assert not SqliteDisk.unmake(path) and path.exists()


@pytest.mark.parametrize(
    ("string", "found"),
    [
        ("who has the xylophone?", True),
        ("the CODE in the garden", False),
        ("keeps the xylophone-code 7781234", True),
        ("  my sister philippa keeps the tea", True),
        ("sister", False),
        ("in the greenhouse", True),
        ("", False),
    ],
)
def test_quotes(string: str, found: bool) -> None:
    quotes = Quotes([SECRET, "yes", "漢字かなまじりの文です。"], {"philippa", "7781234", "xylophone"})
    assert quotes.within(string) == found
    assert quotes.within("yes") and not quotes.within("yes, but no more than that")
    assert quotes.within("漢字かなまじりの文です。はい")
    assert quotes.without('{"a":1}') == '{"a":1}'
    assert quotes.without('{"a":[{"b":"xylophone"},"c",null]}') == '{"a":[{"b":""},"c",null]}'
