"""Keeping a session: backup, check, export, reading only, branches, migrations, the write lock."""

import io
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from sqlite_utils import Database

from vctx.errors import DiskError, InputError, MismatchError
from vctx.storage import Report, SqliteDisk, schema
from vctx.types import Document, Entry, Frame, Page, Plan, Search, Source, Vector

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
GOLDEN = Path(__file__).parent / "golden"
FORK = multiprocessing.get_context("fork")
DIM = 8


def page(text: str, **more: object) -> Page:
    return replace(Page("message", "user", text, NOW, "user"), **more)  # type: ignore[arg-type]


def put(disk: SqliteDisk, *texts: str) -> list[Page]:
    with disk.transaction():
        return disk.put([page(text) for text in texts])


def fill(disk: SqliteDisk) -> None:
    """One of everything, with gaps where something was forgotten."""
    with disk.transaction():
        disk.put([page(f"turn {i}", author="Ann") for i in range(20)])
        disk.put(
            [page("lone \udcff \0 surrogate \ud800", group=3), page("digest", kind="summary", parents=(1,))]
        )
        disk.put(
            [page("ein Stück", kind="chunk", origin="document", source=Source("b\udcff.txt", 0, 9, 3, "1"))]
        )
        disk.add(Document("b\udcff.txt", "0" * 64, 1))
        disk.note(Entry(0, "append", NOW, {"page": 1}, "fifo", Plan(load=(Frame(1, 2, 3, 4),), tokens=9)))
        disk.note(Entry(1, "recall", NOW, {"query": "a\udcff"}, outcome={"x": [1.5, None]}))
        branch = disk.fork(at=5)
        disk.put([page("elsewhere", branch=branch), page("forgotten soon")])
    rows = [Vector(id, (i, i + 2), b"%d" % (i % 3)) for i, id in enumerate(range(1, 15))]
    vectors = np.eye(3, DIM, dtype=np.float32)
    disk.index(rows, [b"0", b"1", b"2"], vectors, "hashing")
    assert disk.forget([25])


def contents(disk: SqliteDisk) -> list[object]:
    """All that can be asked of a session."""
    query = np.arange(1, DIM + 1).astype(np.float32)
    return [
        disk.pages(),
        disk.pages(branch=1),
        disk.entries(),
        disk.documents(),
        disk.stats(),
        disk.embedder,
        disk.pending(99),
        sorted(disk.search(Search("turn surrogate Stück Ann", 99), query), key=repr),
        disk._file.rows("SELECT * FROM spans ORDER BY id"),
        disk._file.rows("SELECT * FROM vectors ORDER BY id"),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
def disk(path: Path) -> Iterator[SqliteDisk]:
    with SqliteDisk(path) as disk:
        yield disk


# Backup


def test_a_backup_is_the_session_of_one_moment(disk: SqliteDisk, tmp_path: Path) -> None:
    fill(disk)
    expected = contents(disk)
    disk.backup(tmp_path / "copy.db")
    put(disk, "later")
    with SqliteDisk(tmp_path / "copy.db") as copy:
        assert contents(copy) == expected
        assert copy.check() == type(copy.check())()
        assert put(copy, "goes on")[0].id == 26
    with pytest.raises(InputError, match="is there already"):
        disk.backup(tmp_path / "copy.db")
    with pytest.raises(DiskError, match="does not exist"):
        disk.backup(tmp_path / "no" / "copy.db")


def test_a_backup_while_others_write(disk: SqliteDisk, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        with SqliteDisk(disk.path) as mine:
            while not stop.is_set():
                with mine.transaction():
                    mine.note(Entry(len(mine.entries()), "append", NOW))
                    mine.put([page("text " * 200)])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for i in range(5):
            disk.backup(tmp_path / f"copy{i}.db")
            with SqliteDisk(tmp_path / f"copy{i}.db", readonly=True) as copy:
                assert copy.check().sound
                assert len(copy.pages()) == len(copy.entries()) == copy.stats().pages
    finally:
        stop.set()
        thread.join()
    assert not list(tmp_path.glob("*.part"))


# Check


def damage(disk: SqliteDisk, *statements: str) -> None:
    with disk.transaction():
        disk._file.write("PRAGMA defer_foreign_keys = ON")
        for sql in statements:
            disk._file.write(sql)


def test_a_sound_session_is_sound(disk: SqliteDisk) -> None:
    fill(disk)
    for repair in (False, True):
        report = disk.check(repair=repair)
        assert report.sound and not report.repaired


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("UPDATE pages SET text = 'x' WHERE id = 7", "pages: the row of 7 is garbled"),
        ("UPDATE journal SET cause = 'x' WHERE tick = 1", "journal: the row of 1 is garbled"),
        ("UPDATE documents SET chunks = 9", "documents: the row of b\udcff.txt is garbled"),
        ("UPDATE meta SET value = '9' WHERE key = 'dim'", "meta: the row of dim is garbled"),
    ],
)
def test_what_is_lost_is_named(disk: SqliteDisk, sql: str, line: str) -> None:
    fill(disk)
    damage(disk, sql)
    report = disk.check()
    assert line in report.problems and not report.sound


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("UPDATE counts SET value = 1 WHERE name = 'characters'", "characters counted 1, not 1"),
        ("UPDATE counts SET value = 1 WHERE name = 'page'", "page counted 1, not 24"),
        ("UPDATE counts SET value = 2 WHERE name = 'seq 0'", "seq 0 counted 2, not 23"),
        ("DELETE FROM pending", "the queue of pages"),
        ("INSERT INTO pending VALUES (1)", "the queue of pages"),
        ("INSERT INTO words (words) VALUES ('delete-all')", "the index of words"),
        ("UPDATE spans SET stop = 9 WHERE id = 4", "1 spans, which are found anew"),
        ("UPDATE vectors SET vec = zeroblob(16) WHERE id = 1", "the vectors of 5 pages"),
    ],
)
def test_what_is_derived_is_made_anew(disk: SqliteDisk, sql: str, line: str) -> None:
    fill(disk)
    whole = contents(disk)
    damage(disk, sql)
    report = disk.check()
    assert report.sound and any(line in each for each in report.repaired), report
    again = disk.check()
    assert again.sound and not again.repaired
    if "spans" not in sql and "vectors" not in sql:
        assert contents(disk) == whole
    else:
        assert disk.stats().pending > 9
        assert disk.search(Search("turn", 99), np.ones(DIM, np.float32))


def test_a_garbled_vector_is_never_searched(disk: SqliteDisk) -> None:
    fill(disk)
    damage(disk, "UPDATE vectors SET vec = zeroblob(16) WHERE id = 1")
    with SqliteDisk(disk.path) as other, pytest.raises(DiskError, match="vector of page 1 is garbled"):
        other.search(Search("turn", 5), np.ones(DIM, np.float32))


# Export


def test_export_loses_nothing(disk: SqliteDisk, tmp_path: Path) -> None:
    fill(disk)
    stream = io.StringIO()
    count = disk.export(stream)
    stream.seek(0)
    with SqliteDisk(tmp_path / "new.db") as new:
        assert new.import_(stream) == count
        assert contents(new) == contents(disk)
        assert new.check() == type(new.check())()
        assert put(new, "next")[0].id == put(disk, "next")[0].id
        again = io.StringIO()
        new.export(again)
        with pytest.raises(InputError, match="is not empty"):
            new.import_(io.StringIO(stream.getvalue()))
    assert stream.getvalue().isascii()


def test_an_export_that_was_cut_or_changed_is_refused(disk: SqliteDisk, tmp_path: Path) -> None:
    fill(disk)
    stream = io.StringIO()
    disk.export(stream)
    lines = stream.getvalue().splitlines(keepends=True)
    bad = json.dumps({"vectors": [1, 2, 3]}) + "\n"
    total = blake2b(bad.encode(), digest_size=16).hexdigest()
    spoiled = {
        "cut short": lines[:-1],
        "does not match": [*lines[:5], *lines[6:]],
        "no export of vctx": lines[1:],
        "no JSON": [*lines[:3], lines[3][:9]],
        "no known table": [lines[0], '{"others":[1]}\n', *lines[1:]],
        "malformed": [lines[0], bad, json.dumps({"rows": 1, "sum": total}) + "\n"],
        "no JSON object": ["[]\n"],
    }
    with SqliteDisk(tmp_path / "new.db") as new:
        for line, part in spoiled.items():
            with pytest.raises(InputError, match=line):
                new.import_(io.StringIO("".join(part)))
        assert new.pages() == [] and new.stats().pages == 0


def test_a_garbled_row_is_not_exported(disk: SqliteDisk) -> None:
    fill(disk)
    damage(disk, "UPDATE pages SET text = 'x' WHERE id = 7")
    with pytest.raises(DiskError, match="row of 7 is garbled"):
        disk.export(io.StringIO())


# Reading only


def test_reading_only(disk: SqliteDisk) -> None:
    fill(disk)
    with SqliteDisk(disk.path, readonly=True) as reader:
        assert contents(reader) == contents(disk)
        put(disk, "seen at once")
        assert reader.pages(last=1)[0].text == "seen at once"
        for write in (
            lambda: put(reader, "no"),
            lambda: reader.forget([1]),
            lambda: reader.reembed("new", 4),
        ):
            with pytest.raises(DiskError, match="open for reading only"):
                write()
        assert reader.check().sound
    with pytest.raises(DiskError, match="cannot be opened"):
        SqliteDisk(disk.path.with_name("absent.db"), readonly=True)


def test_a_folder_that_may_not_be_written_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a process that the folder's rights hold for; a test that runs as root has to pretend."""
    with SqliteDisk(path) as disk:
        fill(disk)
        whole = contents(disk)
    path.chmod(0o400)
    path.parent.chmod(0o500)
    if os.geteuid() == 0:
        allowed = os.access
        monkeypatch.setattr(os, "access", lambda p, mode: mode != os.W_OK and allowed(p, mode))
    before = sorted(path.parent.iterdir())
    with SqliteDisk(path) as reader:
        assert reader.readonly and contents(reader) == whole
        with pytest.raises(DiskError, match="open for reading only"):
            put(reader, "no")
    assert sorted(path.parent.iterdir()) == before
    path.parent.chmod(0o700)


# Branches


def test_a_branch_sees_its_ancestors_up_to_its_fork(disk: SqliteDisk) -> None:
    put(disk, "one", "two", "three")
    with disk.transaction():
        first = disk.fork(at=2)
        disk.put([page("four on the first", branch=first)])
        second = disk.fork(first)
        disk.put([page("five on the second", branch=second), page("six on the first", branch=first)])
    put(disk, "seven")
    seen = {branch: [p.id for p in disk.pages(branch=branch)] for branch in (0, first, second)}
    assert seen == {0: [1, 2, 3, 7], first: [1, 2, 4, 6], second: [1, 2, 4, 5]}
    assert [p.seq for p in disk.pages()] == [1, 2, 3, 1, 1, 2, 4]
    assert [p.id for p in disk.pages(branch=second, last=2)] == [4, 5]
    embedded = disk.pages()
    rows = [Vector(p.id, (0, 3), b"%d" % p.id) for p in embedded]
    disk.index(rows, [row.hash for row in rows], np.eye(7, DIM, dtype=np.float32), "hashing")
    query = np.ones(DIM, np.float32)
    for branch, ids in seen.items():
        hits = disk.search(Search("one two three four five six seven", 9), query, branch=branch)
        assert sorted(hit.page for hit in hits) == ids
        assert all(hit.lexical and hit.dense for hit in hits)
        assert disk.phrase("the", 9, branch=branch) == [id for id in ids if id in (4, 5, 6)]
        assert [p.id for p in disk.around([2], branch=branch)] == ids[:3]
        assert [p.id for p in disk.around([ids[-1]], branch=branch)] == ids[-2:]
    # Neither 3 nor 5 stands in the first branch: 2, 4 and 6 do, next to them.
    assert [p.id for p in disk.around([3, 5], branch=first)] == [2, 4, 6]
    assert len(disk.search(Search("?", 9), query)) == 7
    assert disk.phrase("the", 9) == [4, 5, 6]
    disk.forget([1])
    assert [p.id for p in disk.pages(branch=second)] == [2, 4, 5]
    assert [hit.page for hit in disk.search(Search("one", 9), query, branch=0)] != []
    assert {hit.page for hit in disk.search(Search("?", 9), query, branch=second)} == {2, 4, 5}


def test_what_a_branch_sees_follows_what_is_put_and_undone(disk: SqliteDisk) -> None:
    put(disk, "one")
    with disk.transaction():
        side = disk.fork()
    query = np.ones(DIM, np.float32)

    def embed() -> None:
        rows = [Vector(p.id, (0, 3), b"%d" % p.id) for p in disk.pending(9)]
        disk.index(rows, [row.hash for row in rows], np.eye(len(rows), DIM, dtype=np.float32), "hashing")

    embed()
    with pytest.raises(ZeroDivisionError), disk.transaction():
        disk.put([page("two, undone", branch=side)])
        assert [hit.page for hit in disk.search(Search("undone", 9), query, branch=side)] == [1, 2]
        raise ZeroDivisionError
    put(disk, "two on the trunk")
    embed()
    assert {hit.page for hit in disk.search(Search("?", 9), query, branch=side)} == {1}
    assert {hit.page for hit in disk.search(Search("?", 9), query, branch=0)} == {1, 2}


def test_a_page_is_put_on_a_branch_that_is_there(disk: SqliteDisk) -> None:
    with pytest.raises(InputError, match="no branch 2"), disk.transaction():
        disk.put([page("lost", branch=2)])


def test_a_fork_needs_its_parent(disk: SqliteDisk) -> None:
    put(disk, "one")
    with pytest.raises(InputError, match="no branch 3"), disk.transaction():
        disk.fork(3)
    with pytest.raises(InputError, match="from 0 to 1, not at 2"), disk.transaction():
        disk.fork(at=2)
    with pytest.raises(InputError, match="no branch 1"):
        disk.pages(branch=1)


# Another embedder


def test_vectors_can_be_made_anew_by_another_embedder(disk: SqliteDisk) -> None:
    stored = put(disk, "one", "two")
    rows = [Vector(p.id, (0, 3), p.text.encode()) for p in stored]
    disk.index(rows, [b"one", b"two"], np.eye(2, DIM, dtype=np.float32), "old")
    assert len(disk.search(Search("?", 9), np.ones(DIM, np.float32))) == 2
    assert disk.reembed("old", DIM) == 0
    assert disk.reembed("new", 4) == 2 == disk.reembed("new", 4)
    assert disk.embedder == ("new", 4) and disk.known([b"one"]) == set()
    with pytest.raises(MismatchError, match="new"):
        disk.index(rows, [b"one", b"two"], np.eye(2, DIM, dtype=np.float32), "old")
    assert disk.search(Search("?", 9), np.ones(4, np.float32)) == []
    disk.index(rows[:1], [b"one"], np.eye(1, 4, dtype=np.float32), "new")
    assert disk.embedder == ("new", 4)
    assert [p.id for p in disk.pending(9)] == [2]
    assert len(disk.search(Search("?", 9), np.ones(4, np.float32))) == 1


# Migrations


@pytest.fixture
def golden(path: Path) -> Path:
    """A session as version 1 of the schema wrote it."""
    shutil.copy(GOLDEN / "schema1.sqlite", path)
    return path


def test_a_session_of_schema_1_is_migrated(golden: Path) -> None:
    with SqliteDisk(golden) as disk:
        texts = [
            "the first message",
            "a lone \udcff surrogate",
            "chapter one",
            "what was said",
            "another branch",
        ]
        assert [p.text for p in disk.pages()] == [*texts, "still pending"]
        assert disk.pages()[2].source == Source("book.txt", 0, 11, 3, "One")
        assert disk.pages()[3].parents == (1, 2) and disk.pages()[0].created_at == NOW
        assert [entry.tick for entry in disk.entries()] == [0, 1]
        assert disk.entries()[0].plan == Plan(load=(Frame(1, 9, 0, 0),), tokens=9)
        assert disk.embedder == ("hashing-8", 8)
        assert [p.id for p in disk.pending(9)] == [6]
        hits = disk.search(Search("message", 9), np.eye(1, 8, dtype=np.float32)[0])
        assert sorted(hit.page for hit in hits if hit.dense == 1) == [1, 3]
        report = disk.check()
        assert report.sound and not report.repaired
        with disk.transaction():
            assert disk.fork() == 2
            new = disk.put([page("next"), page("beside", branch=2)])
        assert [(p.id, p.seq) for p in new] == [(7, 6), (8, 1)]
        assert [p.id for p in disk.pages(branch=0)] == [1, 2, 3, 4, 6, 7]
        made = disk._file.rows("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    with SqliteDisk(golden.with_name("fresh.db")) as fresh:
        assert fresh._file.rows("SELECT type, name, sql FROM sqlite_master ORDER BY name") == made
    kept = golden.with_name("s.db.schema1")
    with closing(sqlite3.connect(kept)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)
        assert raw.execute("SELECT count(*) FROM pages").fetchone() == (6,)


def test_a_session_of_schema_2_is_migrated(path: Path) -> None:
    shutil.copy(GOLDEN / "schema2.sqlite", path)
    with SqliteDisk(path) as disk:
        assert [p.text for p in disk.pages(branch=1)][-1] == "another branch"
        with disk.transaction():
            version, said = disk.put([replace(page("a version"), kind="block"), page("a message")])
        found = {hit.page for hit in disk.search(Search("version message", 9), None)}
        assert said.id in found and version.id not in found
        assert disk.check() == Report() and [p.id for p in disk.pending(9)] == [6, said.id]
    assert path.with_name("s.db.schema2").is_file()


def test_a_session_of_schema_3_is_read_as_it_is(path: Path) -> None:
    shutil.copy(GOLDEN / "schema3.sqlite", path)
    before = path.read_bytes()
    with SqliteDisk(path) as disk:
        texts = ["the first message", "a lone \udcff surrogate", "chapter one", "what was said"]
        assert [p.text for p in disk.pages()] == [*texts, "another branch", "still pending"]
        assert [p.id for p in disk.pages(branch=1)] == [1, 2, 3, 5]  # a chunk is in all branches
        assert disk.pages()[2].source == Source("book.txt", 0, 11, 3, "One")
        assert disk.entries()[1].plan == Plan(evict=((1, None), (2, (0, 3))))
        assert (disk.embedder, disk.owner, disk.purged) == (("hashing-8", 8), ("", ""), True)
        assert [p.id for p in disk.pending(9)] == [6] and disk.documents()[0].name == "book.txt"
        hits = disk.search(Search("message", 9), np.eye(1, 8, dtype=np.float32)[0])
        assert sorted(hit.page for hit in hits if hit.dense == 1) == [1]
        assert disk.check() == Report()
    assert path.read_bytes() == before and not list(path.parent.glob("*.schema*"))


def test_the_copy_of_a_migration_is_forgotten_too(golden: Path, tmp_path: Path) -> None:
    with SqliteDisk(golden) as disk:
        assert disk.forget([1])
        assert not list(tmp_path.glob("*.schema1"))
    assert b"first message" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_an_older_session_that_cannot_be_written_is_refused(golden: Path) -> None:
    with pytest.raises(DiskError, match="older schema and cannot be written"):
        SqliteDisk(golden, readonly=True)


def _migrate_and_die(path: Path, statements: int) -> None:
    """Runs the migration until the n-th statement, and dies there."""

    def count(sql: str) -> None:
        nonlocal statements
        statements -= 1
        if not statements:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(uri: str, busy: float) -> sqlite3.Connection:
        raw = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        raw.set_trace_callback(count)
        return raw

    SqliteDisk(path, connect=connect).close()


@pytest.mark.parametrize("statements", [5, 12, 15, 20, 25, 30, 40, 50, 60])
def test_kill_9_inside_a_migration(golden: Path, statements: int) -> None:
    child = FORK.Process(target=_migrate_and_die, args=(golden, statements))
    child.start()
    child.join()
    with SqliteDisk(golden) as disk:
        assert len(disk.pages()) == 6 and len(disk.entries()) == 2
        assert not disk.check().repaired
    assert child.exitcode in (-signal.SIGKILL, 0)


def test_processes_that_migrate_at_once(golden: Path) -> None:
    children = [FORK.Process(target=lambda: SqliteDisk(golden).close()) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    with SqliteDisk(golden) as disk:
        assert disk.check().sound


def test_a_failing_migration_keeps_the_copy(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(db: Database) -> None:
        db.execute("DROP TABLE journal")
        db.execute("INSERT INTO absent VALUES (1)")

    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, fails])
    with pytest.raises(DiskError, match="absent"):
        SqliteDisk(golden)
    monkeypatch.undo()
    with SqliteDisk(golden) as disk:
        assert len(disk.entries()) == 2


# The write lock


def _hammer(path: Path, seconds: float, answer: "multiprocessing.Queue[tuple[int, float]]") -> None:
    longest, count, end = 0.0, 0, time.monotonic() + seconds
    with SqliteDisk(path) as disk:
        while time.monotonic() < end:
            start = time.monotonic()
            with disk.transaction():
                longest = max(longest, time.monotonic() - start)
                disk.put([page("a turn of some length, as people write them")])
                count += 1
    answer.put((count, longest))


def test_writers_take_turns(path: Path) -> None:
    """No writer fails or starves; the figures of a longer run are in the fault tests."""
    SqliteDisk(path).close()
    answers = FORK.Queue()
    children = [FORK.Process(target=_hammer, args=(path, 1.0, answers)) for _ in range(4)]
    for child in children:
        child.start()
    found = [answers.get() for _ in children]
    for child in children:
        child.join()
    answers.close()
    answers.join_thread()
    assert [child.exitcode for child in children] == [0] * 4
    assert all(count > 5 for count, _ in found), found
    assert max(longest for _, longest in found) < 1
    with SqliteDisk(path) as disk:
        assert disk.stats().pages == sum(count for count, _ in found)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_log_is_copied_back(disk: SqliteDisk, path: Path) -> None:
    log = path.with_name("s.db-wal")
    for _ in range(6):
        put(disk, *["a long text " * 100] * 1000)
    assert log.stat().st_size < 4_096_000
    with SqliteDisk(path) as reader, reader._file.snapshot():
        reader.pages(last=1)
        for _ in range(6):
            put(disk, *["a long text " * 100] * 1000)
        assert log.stat().st_size > 4_096_000
    for _ in range(4):
        put(disk, *["a long text " * 100] * 1000)
    assert log.stat().st_size < 4_096_000


def test_a_fork_of_the_process_is_refused(disk: SqliteDisk) -> None:
    put(disk, "mine")

    def use() -> None:
        with pytest.raises(DiskError, match="before this process forked"):
            disk.pages()

    child = FORK.Process(target=use)
    child.start()
    child.join()
    assert child.exitcode == 0


def test_bulk_import_may_be_relaxed(disk: SqliteDisk) -> None:
    with disk.transaction(durable=False):
        disk.put([page("bulk")])
        assert disk._file.value("PRAGMA synchronous") == 1
    assert disk._file.value("PRAGMA synchronous") == 2
    with pytest.raises(ZeroDivisionError), disk.relaxed():
        put(disk, "one")
        with disk.transaction(durable=False):
            disk.put([page("two")])
        assert disk._file.value("PRAGMA synchronous") == 1
        raise ZeroDivisionError
    assert disk._file.value("PRAGMA synchronous") == 2
    assert [p.text for p in disk.pages()] == ["bulk", "one", "two"]


def test_a_link_and_its_file_are_one_session(disk: SqliteDisk, path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)
    with SqliteDisk(link, busy=0.05) as other:
        with disk.transaction(), pytest.raises(DiskError, match="another process holds"):
            put(other, "waits in vain")
        assert put(other, "now")[0].id == 1
