"""Faults against the storage that ships: what was acknowledged is there afterwards, whole and true.

Each test says how often it ran and what was lost of what had been acknowledged:

    pytest tests/faults -s                      a short form, for every change
    VCTX_FAULTS=long pytest tests/faults -s     the long one, some minutes

Whoever has no apsw runs all but the tests that need its VFS.
"""

import io
import multiprocessing
import os
import random
import resource
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import vctx.storage.file as storage_file
from vctx.background import Background
from vctx.backlog import Backlog
from vctx.errors import DiskError, VctxError
from vctx.fakes import HashingEmbedder
from vctx.storage import Folder, Shelf, SqliteDisk, cache, dense
from vctx.types import Document, Entry, Page, Search, Source, Vector

LONG = os.environ.get("VCTX_FAULTS") == "long"
FORK = multiprocessing.get_context("fork")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIM = 16
GOLDEN = Path(__file__).parent.parent / "golden" / "schema1.sqlite"


def runs(short: int, long: int) -> int:
    return long if LONG else short


def say(fault: str, count: int, lost: int, more: str = "") -> None:
    print(f"\n{fault:<34} runs {count:>6}   acknowledged lost {lost:>3}   {more}", end="")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture(autouse=True)
def small_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints come often, so that faults fall into them."""
    monkeypatch.setattr(storage_file, "_LOG", 100_000)


# What a writer does, and what must be true afterwards


def vector(text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    found = np.random.default_rng(sum(text.encode())).standard_normal(DIM)
    return np.asarray(found / np.linalg.norm(found), np.float32)


def text_of(name: str) -> str:
    """A text that says by itself whether it is whole."""
    return f"{name} {'wordy ' * (len(name) % 7 * 20)}{name}"


def append(disk: SqliteDisk, name: str, pick: random.Random) -> None:
    """One turn: a page, an entry, and now and then a vector, in one of the ways that there are."""
    page = Page("message", "user", text_of(name), NOW, "user")
    with disk.transaction():
        [stored] = disk.put([page])
        disk.note(Entry(stored.id, "append", NOW, {"page": stored.id, "name": name}))
    if pick.random() < 0.5:
        hash = name.encode()
        disk.index([Vector(stored.id, (0, 9), hash)], [hash], vector(name)[None], "hashing")


def verify(path: Path, acknowledged: Sequence[str]) -> int:
    """Opens, checks and searches the session; returns how many acknowledged texts are missing."""
    with SqliteDisk(path) as disk:
        report = disk.check()
        assert report.sound, report
        texts = {page.text for page in disk.pages()}
        entries = disk.entries()
        assert len(entries) == len(texts) == disk.stats().pages
        assert {text_of(entry.request["name"]) for entry in entries} == texts
        assert [page.seq for page in disk.pages()] == list(range(1, len(texts) + 1))
        assert len(disk.search(Search("wordy w0 w1 w2 w3", 10**6), vector("x"))) >= disk.stats().pages - (
            disk.stats().pending
        )
        return len({text_of(name) for name in acknowledged} - texts)


def write_until_killed(path: Path, name: str, acks: Connection, count: int = 10**6) -> None:
    pick = random.Random(name)
    with SqliteDisk(path, busy=30) as disk:
        for i in range(count):
            append(disk, f"{name}-{i}", pick)
            acks.send(f"{name}-{i}")
    acks.close()


def received(acks: Connection) -> list[str]:
    found = []
    with suppress(EOFError, OSError):
        while True:
            found.append(acks.recv())
    return found


class Child:
    """A writer in its own process, and what it has acknowledged."""

    def __init__(self, path: Path, name: str) -> None:
        self._acks, its = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=write_until_killed, args=(path, name, its))
        self._process.start()
        its.close()

    def first(self) -> str:
        return str(self._acks.recv())

    def kill(self) -> list[str]:
        self._process.kill()
        found = received(self._acks)
        self._process.join()
        self._acks.close()
        return found


def alone(run: Callable[[], object]) -> int:
    """Runs in a process of its own, whose limits may be changed; returns its exit code."""
    child = FORK.Process(target=run)
    child.start()
    child.join()
    return int(child.exitcode or 0)


# 1. kill -9


def test_kill_9(path: Path) -> None:
    pick = random.Random(1)
    acknowledged: list[str] = []
    count = runs(12, 250)
    for i in range(count):
        child = Child(path, f"w{i}")
        acknowledged.append(child.first())
        time.sleep(pick.uniform(0, 0.08))
        acknowledged += child.kill()
        if i % 10 == 0 or i == count - 1:
            assert verify(path, acknowledged) == 0
    say("1 kill -9", count, verify(path, acknowledged), f"of {len(acknowledged)}")


# 2. power cuts


def test_power_cuts(tmp_path: Path) -> None:
    apsw_tools = pytest.importorskip("machinery", exc_type=ImportError)
    recorder = apsw_tools.Recorder()
    home = tmp_path / "run"
    home.mkdir()
    pick = random.Random(2)
    with SqliteDisk(home / "s.db", connect=apsw_tools.opener(recorder.name)) as disk:
        for i in range(runs(40, 120)):
            append(disk, f"w{i}", pick)
            recorder.log.append(apsw_tools.Op("ack", f"w{i}"))
            if i % 8 == 7:
                bulk = [f"b{i}-{j}" for j in range(4)]
                with disk.relaxed():
                    for name in bulk:
                        append(disk, name, pick)
                recorder.log += [apsw_tools.Op("ack", name) for name in bulk]
    count, lost, empty = runs(60, 300), 0, 0
    for case in range(count):
        cut = pick.randrange(1, len(recorder.log))
        folder = tmp_path / f"cut{case}"
        folder.mkdir()
        apsw_tools.after_power_cut(recorder.log, cut, folder, pick)
        acknowledged = [op.file for op in recorder.log[:cut] if op.kind == "ack"]
        if not acknowledged:
            empty += 1
            continue
        lost += verify(folder / "s.db", acknowledged)
        shutil.rmtree(folder)
    say(
        "2 power cut, torn sectors",
        count,
        lost,
        f"in {len(recorder.log)} operations, {empty} before the first",
    )
    assert lost == 0


# 3. I/O errors


def test_every_write_fails_once_or_for_ever(tmp_path: Path) -> None:
    apsw_tools = pytest.importorskip("machinery", exc_type=ImportError)
    count, surfaced, lost = 0, 0, 0
    for sticky in (False, True):
        for n in range(1, runs(120, 400), runs(9, 2)):
            failing = apsw_tools.Failing(n, sticky)
            path = tmp_path / f"{n}{sticky}.db"
            acknowledged: list[str] = []
            pick = random.Random(n)
            with suppress(DiskError):
                disk = SqliteDisk(path, connect=apsw_tools.opener(failing.name))
                for i in range(12):
                    try:
                        append(disk, f"w{i}", pick)
                        acknowledged.append(f"w{i}")
                    except DiskError:
                        surfaced += 1
                with suppress(DiskError):
                    disk.search(Search("wordy", 3), None)
                failing.left = 10**9
                failing.sticky = False
                disk.close()
            count += 1
            lost += verify(path, acknowledged)
    say("3 I/O error, once or for ever", count, lost, f"{surfaced} errors surfaced")
    assert lost == 0


# 4. a full disk


def test_a_full_disk(path: Path) -> None:
    SqliteDisk(path).close()
    answers = path.with_name("acks")

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        errors = 0
        with SqliteDisk(path) as disk, answers.open("w") as acks:
            for i in range(400):
                try:
                    append(disk, f"w{i}", random.Random(i))
                except DiskError:
                    errors += 1
                    assert disk.pages()
                    continue
                acks.write(f"w{i}\n")
                acks.flush()
        assert errors

    assert alone(fill) == 0
    acknowledged = answers.read_text().split()
    lost = verify(path, acknowledged)
    with SqliteDisk(path) as disk:
        append(disk, "after", random.Random(1))
    say("4 disk full (file size limit)", 400, lost, f"of {len(acknowledged)}")
    assert lost == 0 and len(acknowledged) > 20


# 5. several writers


def contend(path: Path, seconds: float, name: str, answers: Any) -> None:
    waits, end = [0.0], time.monotonic() + seconds
    names: list[str] = []
    with SqliteDisk(path) as disk:
        while time.monotonic() < end:
            start = time.monotonic()
            with disk.transaction():
                waits.append(time.monotonic() - start)
                [stored] = disk.put([Page("message", "user", text_of(f"{name}{len(names)}"), NOW, "user")])
                disk.note(Entry(stored.id, "append", NOW, {"name": f"{name}{len(names)}"}))
            names.append(f"{name}{len(names)}")
            time.sleep(0.002)
    answers.put((names, max(waits)))


def test_four_writers(path: Path) -> None:
    SqliteDisk(path).close()
    answers = FORK.Queue()
    seconds = runs(3, 60)
    children = [FORK.Process(target=contend, args=(path, seconds, f"w{i}x", answers)) for i in range(4)]
    for child in children:
        child.start()
    found = [answers.get() for _ in children]
    for child in children:
        child.join()
    answers.close()
    answers.join_thread()
    acknowledged = [name for names, _ in found for name in names]
    lost = verify(path, acknowledged)
    longest = max(longest for _, longest in found)
    say("5 four writers", len(acknowledged), lost, f"{seconds} s, longest wait {1000 * longest:.0f} ms")
    assert lost == 0 and [child.exitcode for child in children] == [0] * 4
    # A machine that does other things, too, may stop a process for longer than any queue.
    assert longest < 1


# 6. a folder that may only be read


def test_a_folder_that_may_only_be_read() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "s.db"
        with SqliteDisk(path) as disk:
            append(disk, "w0", random.Random(0))
        path.chmod(0o444)
        folder.chmod(0o555)

        def read() -> None:
            if os.geteuid() == 0:
                os.setuid(65534)
            with SqliteDisk(path) as disk:
                assert disk.readonly and [page.text for page in disk.pages()] == [text_of("w0")]
                assert disk.check().sound
                with pytest.raises(DiskError, match="open for reading only"):
                    append(disk, "w1", random.Random(0))

        assert alone(read) == 0
        say("6 read-only folder", 1, 0)
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


# 7. files beside the session, and the cache


def test_what_was_left_beside_a_session_is_harmless(path: Path) -> None:
    with SqliteDisk(path) as disk:
        append(disk, "w0", random.Random(0))
    pick = random.Random(7)
    count = runs(20, 200)
    for _ in range(count):
        for end in ("-wal", "-shm", "-lock", "-cache", "-cache.1.part", ".schema1", ".part"):
            if pick.random() < 0.5:
                path.with_name(path.name + end).write_bytes(pick.randbytes(pick.choice([0, 40, 5000])))
        assert verify(path, ["w0"]) == 0
    say("7 stale log, index, lock beside", count, 0)


def test_a_garbled_cache_changes_no_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "KEPT", 1)
    pick = random.Random(17)
    count, used = runs(60, 1500), 0
    with SqliteDisk(path) as disk:
        for i in range(40):
            append(disk, f"w{i}", pick)
        true = disk.search(Search("", 40), vector("w3"))
    own = cache.beside(path)
    whole = own.read_bytes()
    for case in range(count):
        bad = bytearray(whole)
        if case % 3:
            for _ in range(pick.choice([1, 1, 8])):
                bad[pick.randrange(len(bad))] ^= 1 << pick.randrange(8)
        else:
            del bad[pick.randrange(len(bad)) :]
        own.write_bytes(bad)
        used += cache.load(own) is not None
        with SqliteDisk(path, readonly=bool(case % 2)) as disk:
            assert disk.search(Search("", 40), vector("w3")) == true
        # The next who may write has made it anew, and the session names that one.
        whole = own.read_bytes() if case % 2 == 0 else whole
    say("7 cache garbled or truncated", count, 0, f"{used} garbled caches were used")
    assert used == 0


# 8. damaged databases


def test_a_damaged_database_returns_no_wrong_page(path: Path, tmp_path: Path) -> None:
    with SqliteDisk(path) as disk:
        for i in range(40):
            append(disk, f"w{i}", random.Random(i))
        true = {page.id: page for page in disk.pages()}
        hits = {hit.page: hit.dense for hit in disk.search(Search("", 40), vector("w3"))}
    data, torn, pick = path.read_bytes(), tmp_path / "torn.db", random.Random(8)
    count, errors, wrong = runs(150, 3000), 0, 0
    for case in range(count):
        bad = bytearray(data)
        if case % 3:
            for _ in range(pick.choice([1, 1, 8])):
                bad[pick.randrange(len(bad))] ^= 1 << pick.randrange(8)
        else:
            del bad[pick.randrange(1, len(bad)) :]
        torn.write_bytes(bad)
        try:
            with SqliteDisk(torn, busy=0.2) as disk:
                wrong += any(true.get(page.id) != page for page in disk.pages())
                for hit in disk.search(Search("", 40), vector("w3")):
                    wrong += hit.page in hits and hit.dense != hits[hit.page]
        except VctxError:
            errors += 1
        for left in tmp_path.glob("torn.db-*"):
            left.unlink()
    say("8 database flipped or truncated", count, 0, f"{errors} reported, {wrong} wrong and unflagged")
    assert wrong == 0


# 9. the clock


def test_the_clock_jumps(path: Path) -> None:
    pick = random.Random(9)
    with SqliteDisk(path) as disk:
        times = [NOW + timedelta(days=pick.uniform(-9999, 9999)) for _ in range(100)]
        for i, at in enumerate(times):
            with disk.transaction():
                disk.put([Page("message", "user", str(i), at, "user")])
        pages = disk.pages()
        assert [page.text for page in pages] == list(map(str, range(100)))
        assert [page.created_at for page in pages] == times
        assert [page.text for page in disk.pages(last=3)] == ["97", "98", "99"]
    say("9 clock jumps", 100, 0)


# 10. migrations


def test_kill_9_inside_migrations(tmp_path: Path) -> None:
    pick = random.Random(10)
    count, killed = runs(15, 150), 0
    for i in range(count):
        path = tmp_path / f"{i}.db"
        shutil.copy(GOLDEN, path)

        def migrate(path: Path = path) -> None:
            with SqliteDisk(path) as disk:
                disk.pages()

        child = FORK.Process(target=migrate)
        child.start()
        time.sleep(pick.uniform(0, 0.04))
        child.kill()
        child.join()
        killed += child.exitcode != 0
        with SqliteDisk(path) as disk:
            assert len(disk.pages()) == 6 and len(disk.entries()) == 2 and disk.check().sound
    say("10 kill -9 inside a migration", count, 0, f"{killed} killed in time")


# 11. descriptors, threads


def test_few_descriptors_and_many_opens(path: Path) -> None:
    def storm() -> None:
        limit = len(list(Path("/proc/self/fd").iterdir())) + 30
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        disks: list[SqliteDisk] = []
        with pytest.raises(DiskError):
            disks.extend(SqliteDisk(path.with_name(f"{i}.db")) for i in range(40))
        for disk in disks:
            disk.close()
        for i in range(200):
            with SqliteDisk(path) as disk:
                append(disk, f"w{i}", random.Random(i))

    assert alone(storm) == 0
    lost = verify(path, [f"w{i}" for i in range(200)])

    def work(name: str) -> None:
        for i in range(20):
            with SqliteDisk(path, busy=30) as disk:
                append(disk, f"{name}-{i}", random.Random(i))

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost += verify(path, [f"t{n}-{i}" for n in range(4) for i in range(20)])
    say("11 30 descriptors, 4 threads", 280, lost)
    assert lost == 0


# 12. memory


def test_little_memory(path: Path) -> None:
    def squeeze() -> None:
        with SqliteDisk(path) as disk:
            append(disk, "w0", random.Random(0))
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + 30_000_000, -1))
            with pytest.raises((MemoryError, VctxError)), disk.transaction():
                disk.put([Page("message", "user", "x" * 60_000_000, NOW, "user")])
            append(disk, "w1", random.Random(0))

    assert alone(squeeze) == 0
    lost = verify(path, ["w0", "w1"])
    say("12 too little memory", 1, lost)
    assert lost == 0


# 13. a model, and crashes


class Model(RuleBasedStateMachine):
    """A session beside a dictionary. A crash is a copy of its files at that moment, opened anew."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.generation = 0
        self.disk = SqliteDisk(self.folder / "0.db")
        self.pages: dict[int, Page] = {}
        self.embedded: set[int] = set()
        self.noted = 0
        self.last = 0

    @rule(texts=st.lists(st.text(max_size=30), min_size=1, max_size=4))
    def put(self, texts: list[str]) -> None:
        with self.disk.transaction():
            new = self.disk.put([Page("message", "user", text, NOW, "user") for text in texts])
        assert [page.id for page in new] == list(range(self.last + 1, self.last + 1 + len(new)))
        self.last += len(new)
        self.pages |= {page.id: page for page in new}

    @rule(text=st.text(max_size=30))
    def fails(self, text: str) -> None:
        with suppress(ZeroDivisionError), self.disk.transaction():
            self.disk.put([Page("message", "user", text, NOW, "user")])
            raise ZeroDivisionError

    @rule(query=st.text(max_size=9))
    def note(self, query: str) -> None:
        with self.disk.transaction():
            self.disk.note(Entry(self.noted, "recall", NOW, {"query": query}))
        self.noted += 1

    @precondition(lambda self: self.pages)
    @rule(data=st.data())
    def summarise(self, data: st.DataObject) -> None:
        parents = tuple(data.draw(st.lists(st.sampled_from(sorted(self.pages)), min_size=1, max_size=3)))
        with self.disk.transaction():
            [new] = self.disk.put([Page("summary", "system", "so far", NOW, "vctx", parents=parents)])
        self.last += 1
        self.pages[new.id] = new

    @rule(limit=st.integers(1, 5))
    def embed(self, limit: int) -> None:
        waiting = self.disk.pending(limit)
        rows = [Vector(page.id, (0, len(page.text)), b"%d" % page.id) for page in waiting]
        vectors = (
            np.stack([vector(str(page.id)) for page in waiting]) if waiting else np.empty((0, DIM), "f4")
        )
        self.disk.index(rows, [row.hash for row in rows], vectors, "hashing")
        self.embedded |= {page.id for page in waiting}

    @precondition(lambda self: self.pages)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        gone = {data.draw(st.sampled_from(sorted(self.pages)))}
        assert self.disk.forget(list(gone))
        while more := {id for id, page in self.pages.items() if gone & set(page.parents)} - gone:
            gone |= more
        for id in gone:
            del self.pages[id]
        self.embedded -= gone

    @rule(inside=st.booleans())
    def crash(self, inside: bool) -> None:
        if inside:
            with suppress(ZeroDivisionError), self.disk.transaction():
                self.disk.put([Page("message", "user", "lost", NOW, "user")])
                self._crash()
                raise ZeroDivisionError
        else:
            self._crash()
        self.disk.close()
        self.generation += 1
        self.disk = SqliteDisk(self.folder / f"{self.generation}.db")

    def _crash(self) -> None:
        for end in ("", "-wal"):
            source = self.folder / f"{self.generation}.db{end}"
            if source.exists():
                shutil.copy(source, self.folder / f"{self.generation + 1}.db{end}")

    @rule()
    def reopen(self) -> None:
        self.disk.close()
        self.disk = SqliteDisk(self.folder / f"{self.generation}.db")

    @rule()
    def move(self) -> None:
        """Through an export, into another file."""
        stream = io.StringIO()
        self.disk.export(stream)
        stream.seek(0)
        self.disk.close()
        self.generation += 1
        self.disk = SqliteDisk(self.folder / f"{self.generation}.db")
        self.disk.import_(stream)

    @invariant()
    def agrees(self) -> None:
        assert self.disk.pages() == [self.pages[id] for id in sorted(self.pages)]
        assert len(self.disk.entries()) == self.noted
        waiting = [
            id for id, page in self.pages.items() if page.kind != "summary" and id not in self.embedded
        ]
        assert [page.id for page in self.disk.pending(10**6)] == sorted(waiting)
        stats = self.disk.stats()
        assert stats.pages == len(self.pages)
        assert stats.characters == sum(len(page.text) for page in self.pages.values())
        if self.embedded:
            hits = self.disk.search(Search("", 10**6), vector("x"))
            assert {hit.page for hit in hits} == self.embedded
        report = self.disk.check(repair=False)
        assert report.sound and not report.repaired

    def teardown(self) -> None:
        self.disk.close()
        shutil.rmtree(self.folder)
        Model.examples += 1

    examples = 0


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=runs(15, 400), stateful_step_count=runs(20, 40), deadline=None)


def test_the_model_is_counted() -> None:
    say("13 model with crashes", Model.examples, 0)


# 14. forgetting


def test_what_is_forgotten_is_in_no_file(path: Path) -> None:
    pick = random.Random(14)
    count = 0
    with SqliteDisk(path) as disk:
        for _ in range(runs(5, 60)):
            words = [f"q{pick.randrange(10**12):x}zz" for _ in range(20)]
            texts = [f"I told you {word} about {pick.choice(words)}" for word in words]
            with disk.transaction():
                stored = disk.put([Page("message", "user", text, NOW, "user") for text in texts])
                disk.add(Document(words[0], "0" * 64, 1))
                chunk = Page("chunk", "user", words[1], NOW, "document", source=Source(words[0], 0, 9))
                disk.put([chunk])
                tick = len(disk.entries())
                disk.note(Entry(tick, "recall", NOW, {"query": f"what of {words[2]}?"}))
            keep = stored.pop()
            assert disk.forget([page.id for page in stored]) and disk.forget_document(words[0])
            data = b"".join(file.read_bytes() for file in path.parent.iterdir())
            gone = [word for word in words if word not in keep.text]
            assert [word for word in gone if word.encode() in data] == []
            count += len(gone)
    say("14 forgotten words by grep", count, 0)


# 15. copies


def test_copies_while_others_write(path: Path, tmp_path: Path) -> None:
    writer = Child(path, "w0")
    acknowledged = [writer.first()]
    count, errors, lost = runs(8, 60), 0, 0
    try:
        with SqliteDisk(path) as disk:
            for i in range(count):
                copy = tmp_path / f"copy{i}.db"
                before = len(disk.pages())
                disk.backup(copy)
                with SqliteDisk(copy) as other:
                    assert other.check().sound
                    lost += before > len(other.pages())
        for i in range(count):
            # Not a backup: file by file, as a tool might that knows nothing of SQLite.
            for end in ("", "-wal"):
                shutil.copy(f"{path}{end}", tmp_path / f"raw{i}.db{end}")
            try:
                with SqliteDisk(tmp_path / f"raw{i}.db") as other:
                    assert all(page.text == text_of(page.text.split()[0]) for page in other.pages())
            except VctxError:
                errors += 1
    finally:
        acknowledged += writer.kill()
    lost += verify(path, acknowledged)
    say("15 copies under load", 2 * count, lost, f"{errors} of {count} raw copies refused")
    assert lost == 0


# 16. the worker that embeds


def embed_until_killed(path: Path, acks: Connection) -> None:
    disk = SqliteDisk(path, busy=30)
    backlog = Background(disk, HashingEmbedder(DIM), aside=lambda: SqliteDisk(path, busy=30))
    start = len(disk.pages())
    for i in range(start, 10**6):
        with disk.transaction():
            [stored] = disk.put([Page("message", "user", text_of(f"w{i}"), NOW, "user")])
            disk.note(Entry(len(disk.entries()), "append", NOW, {"page": stored.id, "name": f"w{i}"}))
        backlog.wake()
        acks.send(f"w{i}")


def test_the_worker_is_killed(path: Path) -> None:
    pick = random.Random(16)
    acknowledged: list[str] = []
    count, behind = runs(8, 200), 0
    for _ in range(count):
        mine, its = FORK.Pipe(duplex=False)
        child = FORK.Process(target=embed_until_killed, args=(path, its))
        child.start()
        its.close()
        acknowledged.append(str(mine.recv()))
        time.sleep(pick.uniform(0, 0.08))
        child.kill()
        acknowledged += received(mine)
        child.join()
        mine.close()
        with SqliteDisk(path) as disk:
            behind += disk.stats().pending
            assert disk.check(repair=False).repaired == ()
            assert Backlog(disk, HashingEmbedder(DIM)).embed() == 0
            hits = disk.search(Search("", 10**6), vector("x"))
            assert {hit.page for hit in hits} == {page.id for page in disk.pages()}
    lost = verify(path, acknowledged)
    say("16 worker killed while it embeds", count, lost, f"{behind} pages embedded after a restart")
    assert lost == 0


# 17. a store copied while it is written


def test_a_store_is_copied_mid_write(tmp_path: Path) -> None:
    store = tmp_path / "store"
    folder = Folder(store)
    writers, acknowledged = [], {}
    for name in ("a", "b", "c"):
        folder.own(name, "ann" if name < "c" else "bob", name)
        writers.append(Child(folder.file(name), name))
        acknowledged[name] = [writers[-1].first()]
    count, refused = runs(6, 60), 0
    try:
        for i in range(count):
            copy = tmp_path / f"copy{i}"
            shutil.copytree(
                store, copy, ignore=shutil.ignore_patterns("*-shm", "*-lock"), copy_function=_copied
            )
            for info in Folder(copy).sessions():
                assert info.problem or info.user == ("bob" if info.name == "c" else "ann")
                refused += bool(info.problem)
            shelf = Shelf(Folder(copy), "ann", ("hashing", DIM))
            shelf.look()
            hits = shelf.search(Search("wordy", 20), vector("x"))
            places = {shelf.place(hit.page) for hit in hits}
            assert {name for name, _ in places} <= {"a", "b"}
            for name, page in places:
                with suppress(DiskError):
                    [found] = shelf.disk(name).get([page])
                    assert found.text == text_of(found.text.split()[0]) and found.text.startswith(name)
            shelf.close()
            shutil.rmtree(copy)
    finally:
        for writer, name in zip(writers, acknowledged, strict=True):
            acknowledged[name] += writer.kill()
    lost = sum(verify(folder.file(name), acknowledged[name]) for name in acknowledged)
    say("17 a store copied mid-write", count, lost, f"{refused} of {3 * count} copied sessions refused")
    assert lost == 0


def _copied(source: str, target: str) -> None:
    # A file that is gone since it was listed is not copied.
    with suppress(FileNotFoundError):
        shutil.copy(source, target)


@pytest.fixture(scope="module", autouse=True)
def last_line() -> Iterator[None]:
    yield
    print()
