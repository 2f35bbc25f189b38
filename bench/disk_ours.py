"""vctx in bench/disk.py: a folder of sessions, one session from within, and the search across them."""

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from disk_corpus import DIM, QUERIES, Corpus, K, Timed, asked, each, near
from disk_peers import Peer

from vctx.storage import Folder, Shelf, SqliteDisk, cache
from vctx.types import Page, Search, Vector

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = (1_000, 5_000, 50_000)
USER = "ann"


def build(folder: Path, data: Corpus) -> Timed:
    """All sessions, a file each, a thousand pages at a time, durable at each."""
    with Timed() as took:
        for session in np.unique(data.session):
            rows = np.flatnonzero(data.session == session)
            with SqliteDisk(folder / f"{session}.db") as disk:
                for start in range(0, len(rows), 1000):
                    add(disk, data, rows[start : start + 1000])
    return took


def add(disk: SqliteDisk, data: Corpus, rows: np.ndarray) -> None:
    pages = [Page("message", "user", data.text(i), NOW, "user") for i in rows]
    with disk.transaction():
        stored = disk.put(pages)
        if stored[0].id == 1:
            disk.own(USER, "")
    hashes = [int(i).to_bytes(16, "big") for i in np.random.default_rng(int(rows[0])).permutation(rows)]
    spans = [Vector(page.id, (0, 240), hash) for page, hash in zip(stored, hashes, strict=True)]
    disk.index(spans, hashes, data.vectors[rows], "bench")


def measure(folder: Path, data: Corpus) -> Iterator[tuple[str, str]]:
    """Of all that `build` has made; it changes what it measures."""
    n = len(data.vectors)
    sizes = np.bincount(data.session)
    used = sum(file.stat().st_size for file in folder.glob("*.db*"))
    yield "sessions", f"{(sizes > 0).sum()}, of {sizes[sizes > 0].min()} to {sizes.max()} pages"
    yield "bytes a page, all sessions", f"{used / n:,.0f}"
    if (sizes > 0).sum() > 1:
        yield from across(folder, data)
    for size in SIZES:
        session = int(np.abs(sizes - size).argmin())
        if 0.6 * size <= sizes[session] <= 1.6 * size:
            yield from inside(folder / f"{session}.db", data, np.flatnonzero(data.session == session))


def inside(path: Path, data: Corpus, rows: np.ndarray) -> Iterator[tuple[str, str]]:
    name = f"session of {len(rows):,}"
    yield f"{name}: bytes a page", f"{path.stat().st_size / len(rows):,.0f}"
    queries = near(data, rows)
    cache.beside(path).unlink(missing_ok=True)
    for what in ("without the cache", "with it"):
        with Timed() as took:
            disk = SqliteDisk(path)
            disk.search(Search("", K), queries[0])
        yield f"{name}: open to first answer, {what}", milliseconds(took)
        disk.close()
    if cache.beside(path).exists():
        yield f"{name}: bytes of cache a vector", f"{cache.beside(path).stat().st_size / len(rows):,.0f}"
    disk = SqliteDisk(path)
    yield f"{name}: by meaning", each(lambda i: disk.search(Search("", K), queries[i]), QUERIES)
    texts = [asked(data, i) for i in range(QUERIES)]
    yield f"{name}: by words", each(lambda i: disk.search(Search(texts[i], K), None), QUERIES)
    yield f"{name}: by both", each(lambda i: disk.search(Search(texts[i], K), queries[i]), QUERIES)
    yield f"{name}: durable append", each(lambda i: append(disk, data.text(i)), QUERIES)
    with disk.relaxed():
        yield f"{name}: relaxed append", each(lambda i: append(disk, data.text(i)), QUERIES)
    pages = iter(range(1, 100))
    yield f"{name}: forget a page, verified", each(lambda i: assured(disk.forget([next(pages)])), 10)
    disk.close()
    copy = path.with_name("copy.db")
    yield f"{name}: delete the session", each(lambda i: delete(copy, path), 3)


def across(folder: Path, data: Corpus) -> Iterator[tuple[str, str]]:
    """The sessions of one user as one: the index across them, and the words of at most 256."""
    queries = near(data, np.arange(len(data.vectors)))
    texts = [asked(data, i) for i in range(QUERIES)]
    time.sleep(2.5)  # what was written just now is looked at again
    for what in ("without the caches", "with them"):
        with Timed() as took:
            shelf = Shelf(Folder(folder), USER, ("bench", DIM))
            shelf.look()
            shelf.index.nearest(queries[0], K)
        yield f"across: open to first answer by meaning, {what}", milliseconds(took)
        if what != "with them":
            shelf.close()
    with Timed() as took:
        shelf.search(Search(texts[0], K), queries[0])
    yield "across: first answer by both", milliseconds(took)
    with Timed() as took:
        shelf.look()
    yield "across: look for changes", milliseconds(took)
    for k in (K, 200):
        said, recall = nearest(shelf, data, queries, k)
        yield f"across: {k} nearest of {len(data.vectors):,}", f"{said}; recall {recall:.4f}"
    yield "across: by both", each(lambda i: shelf.search(Search(texts[i], K), queries[i]), 20)
    shelf.close()


def nearest(shelf: Shelf, data: Corpus, queries: np.ndarray, k: int) -> tuple[str, float]:
    """How long the index takes, and the share of the true nearest that it finds."""
    count = 40
    first = {str(s): int(np.flatnonzero(data.session == s)[0]) for s in np.unique(data.session)}
    found = []
    for query in queries[:count]:
        pages = shelf.index.named(shelf.index.nearest(query, k)[0])[0].tolist()
        found.append({first[name] + page - 1 for name, page in map(shelf.place, pages)})
    true = [set(np.argpartition(-(data.vectors @ query), k)[:k].tolist()) for query in queries[:count]]
    same = sum(len(a & b) for a, b in zip(found, true, strict=True))
    return each(lambda i: shelf.index.nearest(queries[i], k), QUERIES), same / k / count


def append(disk: SqliteDisk, text: str) -> None:
    with disk.transaction():
        disk.put([Page("message", "user", text, NOW, "user")])


def delete(copy: Path, path: Path) -> None:
    if not copy.exists():
        shutil.copy(path, copy)
    SqliteDisk.purge(copy)


def assured(done: bool) -> None:
    if not done:
        raise SystemExit("what was forgotten is not yet purged")


def milliseconds(took: Timed) -> str:
    return f"{took.cpu * 1e3:,.0f} cpu, {took.wall * 1e3:,.0f} wall"


class Ours(Peer):
    """vctx as one of them, for the same table: a file a session."""

    name = "**vctx**"
    durable = "yes; with words, checksums, journal"

    def __init__(self, folder: Path, n: int) -> None:
        self.folder = folder
        self.open: dict[Path, SqliteDisk] = {}

    def build(self, data: Corpus) -> None:
        build(self.folder, data)
        self.first = {int(s): int(np.flatnonzero(data.session == s)[0]) for s in np.unique(data.session)}

    def search(self, vector: np.ndarray, session: int) -> list[int]:
        first = self.first[session] - 1
        disk = self._disk(self.folder / f"{session}.db")
        return [hit.page + first for hit in disk.search(Search("", K), vector)]

    def append(self, id: int, vector: np.ndarray, session: int) -> None:
        # To a copy: what is measured afterwards is what was built.
        path = self.folder / "copies" / f"{session}.db"
        if not path.exists():
            path.parent.mkdir()
            self._disk(self.folder / path.name).backup(path)
        disk = self._disk(path)
        with disk.transaction():
            [page] = disk.put([Page("message", "user", "x" * 240, NOW, "user")])
        hash = os.urandom(16)
        disk.index([Vector(page.id, (0, 240), hash)], [hash], vector[None], "bench")

    def _disk(self, path: Path) -> SqliteDisk:
        if path not in self.open:
            self.open[path] = SqliteDisk(path)
        return self.open[path]
