"""The cache beside a session and the large index: derived, so that no fault of theirs changes an answer."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from test_storage import NOW

from vctx.storage import SqliteDisk, cache, dense
from vctx.storage.index import SpanIndex
from vctx.storage.spans import Spans
from vctx.types import Hit, Page, Search, Vector

DIM = 16
Vectors = NDArray[np.float32]


def unit(rows: NDArray[np.float64]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def clustered(n: int, dim: int, seed: int) -> Vectors:
    """Topics, and what is left over, as texts are."""
    topics = np.random.default_rng(99).standard_normal((max(4, n // 50), dim))
    rng = np.random.default_rng(seed)
    return unit(topics[rng.integers(0, len(topics), n)] + 0.7 * rng.standard_normal((n, dim)))


def fill(disk: SqliteDisk, n: int, seed: int = 0) -> list[Page]:
    with disk.transaction():
        pages = disk.put([Page("message", "user", f"text {i} of {seed}", NOW, "user") for i in range(n)])
    spans = [Vector(page.id, (0, 4), f"{seed} {page.id}".encode()) for page in pages]
    disk.index(spans, [span.hash for span in spans], clustered(n, DIM, seed), "hashing")
    return pages


def answer(disk: SqliteDisk) -> list[Hit]:
    return list(disk.search(Search("", 20), clustered(1, DIM, 7)[0]))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "KEPT", 50)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A session of two hundred pages with its cache."""
    path = tmp_path / "s.db"
    with SqliteDisk(path) as disk:
        fill(disk, 200)
        answer(disk)
    assert cache.beside(path).exists()
    yield path
    assert not list(tmp_path.glob("*.part"))


def used(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Spans that an open has to read from the file."""
    read: list[int] = []
    true = Spans.since

    def since(self: Spans, span: int) -> list[tuple[object, ...]]:
        found = true(self, span)
        read.append(len(found))
        return found

    with monkeypatch.context() as patch, SqliteDisk(path) as disk:
        patch.setattr(Spans, "since", since)
        answer(disk)
    return sum(read)


def test_a_session_opens_from_its_cache_and_catches_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteDisk(path) as disk:
        before = answer(disk)
    assert used(path, monkeypatch) == 0
    with SqliteDisk(path) as disk:
        assert answer(disk) == before
        fill(disk, 10, seed=1)
    assert used(path, monkeypatch) == 10
    with SqliteDisk(path) as disk:
        fill(disk, 30, seed=2)
        after = answer(disk)
    assert used(path, monkeypatch) == 0, "written again once it lacked an eighth"
    cache.beside(path).unlink()
    with SqliteDisk(path) as disk:
        assert answer(disk) == after


def test_a_garbled_cache_changes_no_answer(path: Path) -> None:
    with SqliteDisk(path) as disk:
        true = answer(disk)
    whole, pick = cache.beside(path).read_bytes(), random.Random(7)
    for case in range(120):
        bad = bytearray(whole)
        if case % 3:
            for _ in range(case % 4 + 1):
                bad[pick.randrange(len(bad))] ^= 1 << pick.randrange(8)
        else:
            del bad[pick.randrange(len(bad)) :]
        cache.beside(path).write_bytes(bad)
        assert cache.load(cache.beside(path)) is None or bytes(bad) == whole
        with SqliteDisk(path, readonly=True) as disk:
            assert answer(disk) == true


def test_a_cache_of_another_time_is_not_used(path: Path, tmp_path: Path) -> None:
    """The session of Monday, put back, goes on differently; Tuesday's cache still stands beside it."""
    monday = tmp_path / "monday.db"
    with SqliteDisk(path) as disk:
        disk.backup(monday)
        fill(disk, 60, seed=1)
        answer(disk)
    tuesday = cache.beside(path).read_bytes()
    path.unlink()
    shutil.copy(monday, path)
    with SqliteDisk(path) as disk:
        fill(disk, 60, seed=2)
        hits = answer(disk)
    cache.beside(path).write_bytes(tuesday)
    with SqliteDisk(path) as disk:
        assert answer(disk) == hits


def test_nothing_forgotten_stays_in_a_cache(path: Path) -> None:
    code = clustered(200, DIM, 0)[4].astype("<f2").tobytes()
    assert code in cache.beside(path).read_bytes()
    with SqliteDisk(path) as disk, SqliteDisk(path) as other:
        fill(disk, 60, seed=1)
        answer(disk)
        assert other.forget([5])
        assert not cache.beside(path).exists()
        # It has the index still, and may not write it: it holds what is forgotten.
        disk.close()
    assert not [file for file in path.parent.iterdir() if code in file.read_bytes()]
    with SqliteDisk(path) as disk:
        assert 5 not in {hit.page for hit in disk.search(Search("", 300), clustered(1, DIM, 7)[0])}
    assert code not in cache.beside(path).read_bytes()
    SqliteDisk.purge(path)
    assert [file.name for file in path.parent.iterdir() if file.name.startswith("s.db")] == []


def test_a_cache_that_cannot_be_written_is_no_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(cache, "save", fails)
    with SqliteDisk(path) as disk:
        fill(disk, 60, seed=1)
        answer(disk)
    with SqliteDisk(path) as disk:
        assert disk.check().sound


# The large index


@pytest.mark.parametrize("k", [1, 10, 100])
def test_the_large_index_finds_what_the_exact_one_finds(k: int) -> None:
    vectors, queries = clustered(8000, 384, 1), clustered(40, 384, 2)
    exact, large = SpanIndex(384), SpanIndex(384, large=3000)
    rows = [(i + 1, i // 2, i % 2, 9, v.tobytes()) for i, v in enumerate(vectors.astype("<f2"))]
    exact.add(rows)
    for start in range(0, len(rows), 3500):
        large.add(rows[start : start + 3500])
    assert len(large.quantizer())
    same = 0
    for query in queries:
        (true, _), (found, cosines) = exact.nearest(query, k), large.nearest(query, k)
        same += len(np.intersect1d(true, found))
        assert (np.diff(cosines) <= 0).all()
    assert same >= 0.995 * k * len(queries)


def test_the_large_index_keeps_and_drops(tmp_path: Path) -> None:
    vectors = clustered(6000, 64, 1)
    large = SpanIndex(64, large=5000)
    large.add([(i + 1, i, 0, 9, v.tobytes()) for i, v in enumerate(vectors.astype("<f2"))])
    query = vectors[10]
    assert large.nearest(query, 1)[0] == [10]
    cache.save(tmp_path / "c", large, {})
    loaded = cache.load(tmp_path / "c")
    assert loaded and np.array_equal(loaded[0].nearest(query, 9), large.nearest(query, 9))
    gone = np.zeros(6000, bool)
    gone[:11] = True
    large.drop(gone)
    assert len(large) == 5989 and large.places[0, 0] == 11
    assert large.places[large.nearest(vectors[11], 1)[0], 0] == [11]
    rows, _ = large.best(np.array([10, 11]), vectors[11])
    assert large.places[rows, 0].tolist() == [11]
