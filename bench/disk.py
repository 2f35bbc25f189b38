"""How fast and how small the disk is, beside its peers, in one run.

    python bench/disk.py                10 thousand and 100 thousand pages
    python bench/disk.py --full         and a million
    python bench/disk.py --out FILE     the tables as Markdown, too

Pages have 240 characters and a vector of 384 dimensions. Vectors are clustered as those of texts are:
topics within themes, and what is left over; queries are new members of a topic. Sessions are of very
unequal size (Zipf), and talk about the same topics. Time is CPU time of the process (user and system),
as an idle core would need it, beside wall time. Peers are used as their manuals say, with all sessions in
one collection and a filter, if they are installed; those that are not are named.
"""

import argparse
import os
import platform
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vctx.storage import SqliteDisk
from vctx.types import Page, Search, Vector

DIM = 384
K = 10
QUERIES = 100
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = (1_000, 5_000, 50_000)


@dataclass
class Corpus:
    """Pages of all sessions: their texts, vectors and sessions, in the order of arrival."""

    vectors: np.ndarray
    session: np.ndarray
    words: np.ndarray
    rng: np.random.Generator

    picks: np.ndarray = field(init=False)
    texts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        # Words as frequent as in English: the n-th of them n times rarer than the first.
        share = 1 / np.arange(3, len(self.words) + 3)
        self.picks = self.rng.choice(len(self.words), (len(self.vectors), 40), p=share / share.sum())
        self.texts = [" ".join(self.words[row])[:240].ljust(240, ".") for row in self.picks]

    def text(self, i: int) -> str:
        return self.texts[i]


def corpus(n: int) -> Corpus:
    """`n` pages in about n / 100 sessions, as unequal as Zipf's law makes them."""
    rng = np.random.default_rng(n)
    themes = rng.standard_normal((64, DIM))
    topics = themes[rng.integers(0, 64, max(64, n // 50))] + 0.8 * rng.standard_normal(
        (max(64, n // 50), DIM)
    )
    vectors = np.empty((n, DIM), np.float32)
    for start in range(0, n, 50_000):
        stop = min(n, start + 50_000)
        rows = topics[rng.integers(0, len(topics), stop - start)] + 0.7 * rng.standard_normal(
            (stop - start, DIM)
        )
        vectors[start:stop] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    count = max(3, n // 100)
    share = 1 / np.arange(1, count + 1)
    session = np.sort(rng.choice(count, n, p=share / share.sum()))
    letters = np.array(list("etaoinshrdlu"))
    words = np.array(["".join(rng.choice(letters, rng.integers(3, 10))) for _ in range(20_000)])
    return Corpus(vectors, session, words, rng)


@dataclass
class Timed:
    """CPU and wall seconds of a block."""

    cpu: float = 0.0
    wall: float = 0.0

    def __enter__(self) -> "Timed":
        self._cpu, self._wall = _cpu(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu, self.wall = _cpu() - self._cpu, time.perf_counter() - self._wall


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def each(run: Callable[[int], object], count: int) -> str:
    """CPU per call (mean), and wall (median and 99th percentile), in milliseconds."""
    walls = []
    run(0)
    with Timed() as whole:
        for i in range(count):
            start = time.perf_counter()
            run(i)
            walls.append(time.perf_counter() - start)
    middle, late = np.percentile(walls, [50, 99]) * 1e3
    return f"{whole.cpu / count * 1e3:.2f} cpu, {middle:.2f} / {late:.1f} wall"


# vctx


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
    hashes = [int(i).to_bytes(16, "big") for i in np.random.default_rng(int(rows[0])).permutation(rows)]
    spans = [Vector(page.id, (0, 240), hash) for page, hash in zip(stored, hashes, strict=True)]
    disk.index(spans, hashes, data.vectors[rows], "bench")


def measure(folder: Path, data: Corpus, n: int) -> Iterator[tuple[str, str]]:
    took = build(folder, data)
    sizes = np.bincount(data.session)
    used = sum(file.stat().st_size for file in folder.iterdir())
    yield "sessions", f"{(sizes > 0).sum()}, of {sizes[sizes > 0].min()} to {sizes.max()} pages"
    yield (
        "bulk import, page + words + vector",
        f"{n / took.cpu:,.0f} rows a CPU second ({took.wall:.1f} s wall)",
    )
    yield "bytes a page, all sessions", f"{used / n:,.0f}"
    for size in SIZES:
        session = int(np.abs(sizes - size).argmin())
        if 0.6 * size <= sizes[session] <= 1.6 * size:
            yield from inside(folder / f"{session}.db", data, np.flatnonzero(data.session == session))


def inside(path: Path, data: Corpus, rows: np.ndarray) -> Iterator[tuple[str, str]]:
    name = f"session of {len(rows):,}"
    yield f"{name}: bytes a page", f"{path.stat().st_size / len(rows):,.0f}"
    queries = near(data, rows)
    with Timed() as took:
        disk = SqliteDisk(path)
        disk.search(Search("", K), queries[0])
    yield f"{name}: open to first answer", f"{took.cpu * 1e3:.0f} cpu, {took.wall * 1e3:.0f} wall"
    yield f"{name}: by meaning", each(lambda i: disk.search(Search("", K), queries[i]), QUERIES)
    texts = [asked(data, i) for i in range(QUERIES)]
    yield f"{name}: by words", each(lambda i: disk.search(Search(texts[i], K), None), QUERIES)
    yield f"{name}: by both", each(lambda i: disk.search(Search(texts[i], K), queries[i]), QUERIES)
    yield f"{name}: durable append", each(lambda i: append(disk, data.text(i)), QUERIES)
    pages = iter(range(1, 100))
    yield f"{name}: forget a page, verified", each(lambda i: assured(disk.forget([next(pages)])), 10)
    disk.close()
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    yield f"{name}: delete the session", each(lambda i: delete(copy, path, i), 3)


def append(disk: SqliteDisk, text: str) -> None:
    with disk.transaction():
        disk.put([Page("message", "user", text, NOW, "user")])


def delete(copy: Path, path: Path, i: int) -> None:
    if not copy.exists():
        shutil.copy(path, copy)
    SqliteDisk.purge(copy)


def assured(done: bool) -> None:
    if not done:
        raise SystemExit("what was forgotten is not yet purged")


def near(data: Corpus, rows: np.ndarray) -> np.ndarray:
    """New members of the topics of a session."""
    found = data.vectors[data.rng.choice(rows, QUERIES)] + 0.03 * data.rng.standard_normal((QUERIES, DIM))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def asked(data: Corpus, i: int) -> str:
    """A question of six words that is about a page: not its most frequent ones."""
    return " ".join(data.words[np.sort(data.picks[i])[-10:-4]])


# Peers: each yields what builds it, searches a session, adds one row durably, and its bytes


class Peer:
    """One collection of all sessions, with a filter."""

    name = ""
    durable = "yes"

    def __init__(self, folder: Path, n: int) -> None: ...
    def build(self, data: Corpus) -> None: ...
    def search(self, vector: np.ndarray, session: int) -> list[int]:
        return []

    def append(self, id: int, vector: np.ndarray, session: int) -> None: ...


class FaissByHand(Peer):
    """What one writes oneself: text in SQLite (FULL), FAISS flat in memory, filtered by a bitmap."""

    name = "FAISS flat + SQLite by hand"
    durable = "yes; no words, no checksums, one process"

    def __init__(self, folder: Path, n: int) -> None:
        self.faiss = import_module("faiss")
        self.faiss.omp_set_num_threads(1)
        self.index = self.faiss.IndexFlatIP(DIM)
        self.db = sqlite3.connect(folder / "hand.db", isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE pages (id INTEGER PRIMARY KEY, session INT, text TEXT, vec BLOB)")
        self.of: dict[int, Any] = {}

    def build(self, data: Corpus) -> None:
        for start in range(0, len(data.vectors), 1000):
            rows = range(start, min(start + 1000, len(data.vectors)))
            self.db.execute("BEGIN")
            values = ((i, int(data.session[i]), data.text(i), data.vectors[i].tobytes()) for i in rows)
            self.db.executemany("INSERT INTO pages VALUES (?, ?, ?, ?)", values)
            self.db.execute("COMMIT")
            self.index.add(data.vectors[rows.start : rows.stop])
        self.of = {int(s): np.flatnonzero(data.session == s) for s in np.unique(data.session)}

    def search(self, vector: np.ndarray, session: int) -> list[int]:
        chosen = self.faiss.SearchParameters(sel=self.faiss.IDSelectorBatch(self.of[session]))
        return self.index.search(vector[None], K, params=chosen)[1][0].tolist()

    def append(self, id: int, vector: np.ndarray, session: int) -> None:
        self.db.execute("INSERT INTO pages VALUES (?, ?, ?, ?)", (id, session, "x" * 240, vector.tobytes()))
        self.index.add(vector[None])


class Hnswlib(Peer):
    name = "hnswlib"
    durable = "no: in memory, a file on demand; vectors only"

    def __init__(self, folder: Path, n: int) -> None:
        self.index = import_module("hnswlib").Index(space="ip", dim=DIM)
        self.index.init_index(max_elements=n + 1000, M=16, ef_construction=100)
        self.index.set_num_threads(1)
        self.index.set_ef(128)
        self.path = folder / "hnsw.bin"

    def build(self, data: Corpus) -> None:
        self.session = data.session
        self.index.add_items(data.vectors, np.arange(len(data.vectors)), num_threads=1)
        self.index.save_index(str(self.path))

    def search(self, vector: np.ndarray, session: int) -> list[int]:
        of = self.session
        try:
            chosen = lambda i: i < len(of) and of[i] == session  # noqa: E731
            return self.index.knn_query(vector[None], K, num_threads=1, filter=chosen)[0][0].tolist()
        except RuntimeError:
            return []  # fewer than K were reached through the filter

    def append(self, id: int, vector: np.ndarray, session: int) -> None:
        self.index.add_items(vector[None], [id])


class Usearch(Peer):
    name = "usearch"
    durable = "no: in memory, a file on demand; vectors only"

    def __init__(self, folder: Path, n: int) -> None:
        self.index = import_module("usearch.index").Index(ndim=DIM, metric="ip", dtype="f16")
        self.path = folder / "usearch.bin"

    def build(self, data: Corpus) -> None:
        self.session = data.session
        self.index.add(np.arange(len(data.vectors)), data.vectors, threads=1)
        self.index.save(str(self.path))

    def search(self, vector: np.ndarray, session: int) -> list[int]:
        # It has no filter in Python: a hundred times as many, and what is of the session.
        found = self.index.search(vector, 100 * K, threads=1).keys
        return [int(i) for i in found if i < len(self.session) and self.session[i] == session][:K]

    def append(self, id: int, vector: np.ndarray, session: int) -> None:
        self.index.add(id, vector)


class SqliteVec(Peer):
    name = "sqlite-vec"
    durable = "yes; no words"

    def __init__(self, folder: Path, n: int) -> None:
        vec, apsw = import_module("sqlite_vec"), import_module("apsw")
        self.db = apsw.Connection(str(folder / "vec.db"))
        self.db.enable_load_extension(True)
        self.db.load_extension(vec.loadable_path())
        self.db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        self.db.execute(f"CREATE VIRTUAL TABLE v USING vec0(session integer, e float[{DIM}], +text text)")

    def build(self, data: Corpus) -> None:
        for start in range(0, len(data.vectors), 1000):
            with self.db:
                rows = range(start, min(start + 1000, len(data.vectors)))
                values = ((i, int(data.session[i]), data.vectors[i].tobytes(), data.text(i)) for i in rows)
                self.db.executemany("INSERT INTO v (rowid, session, e, text) VALUES (?, ?, ?, ?)", values)

    def search(self, vector: np.ndarray, session: int) -> list[int]:
        sql = "SELECT rowid FROM v WHERE e MATCH ? AND k = ? AND session = ?"
        return [row[0] for row in self.db.execute(sql, (vector.tobytes(), K, session))]

    def append(self, id: int, vector: np.ndarray, session: int) -> None:
        sql = "INSERT INTO v (rowid, session, e, text) VALUES (?, ?, ?, ?)"
        self.db.execute(sql, (id, session, vector.tobytes(), "x" * 240))


class Chroma(Peer):
    name = "chromadb"
    durable = "as it comes; no check of ours"

    def __init__(self, folder: Path, n: int) -> None:
        chroma = import_module("chromadb")
        settings = import_module("chromadb.config").Settings(anonymized_telemetry=False)
        client = chroma.PersistentClient(str(folder / "chroma"), settings=settings)
        self.table = client.create_collection("pages", metadata={"hnsw:space": "ip"}, embedding_function=None)

    def build(self, data: Corpus) -> None:
        for start in range(0, len(data.vectors), 2000):
            rows = range(start, min(start + 2000, len(data.vectors)))
            self.table.add(
                ids=[str(i) for i in rows],
                embeddings=data.vectors[rows.start : rows.stop],
                documents=[data.text(i) for i in rows],
                metadatas=[{"session": int(data.session[i])} for i in rows],
            )

    def search(self, vector: np.ndarray, session: int) -> list[int]:
        found = self.table.query(
            query_embeddings=[vector], n_results=K, where={"session": session}, include=[]
        )
        return [int(i) for i in found["ids"][0]]

    def append(self, id: int, vector: np.ndarray, session: int) -> None:
        self.table.add(
            ids=[str(id)], embeddings=[vector], documents=["x" * 240], metadatas=[{"session": session}]
        )


class Lance(Peer):
    name = "lancedb"
    durable = "as it comes; no check of ours"

    def __init__(self, folder: Path, n: int) -> None:
        self.db = import_module("lancedb").connect(str(folder / "lance"))
        self.arrow = import_module("pyarrow")

    def _rows(self, ids: list[int], vectors: np.ndarray, sessions: list[int], texts: list[str]) -> Any:
        flat = self.arrow.array(vectors.ravel(), self.arrow.float32())
        columns = {
            "id": self.arrow.array(ids, self.arrow.int64()),
            "session": self.arrow.array(sessions, self.arrow.int64()),
            "text": texts,
            "vector": self.arrow.FixedSizeListArray.from_arrays(flat, DIM),
        }
        return self.arrow.table(columns)

    def build(self, data: Corpus) -> None:
        ids = list(range(len(data.vectors)))
        rows = self._rows(ids, data.vectors, data.session.tolist(), [data.text(i) for i in ids])
        self.table = self.db.create_table("t", rows)
        self.table.create_scalar_index("session")

    def search(self, vector: np.ndarray, session: int) -> list[int]:
        asked = self.table.search(vector).metric("dot").where(f"session = {session}", prefilter=True)
        return [row["id"] for row in asked.select(["id", "_distance"]).limit(K).to_list()]

    def append(self, id: int, vector: np.ndarray, session: int) -> None:
        self.table.add(self._rows([id], vector[None], [session], ["x" * 240]))


PEERS: list[type[Peer]] = [FaissByHand, SqliteVec, Chroma, Lance, Hnswlib, Usearch]


def compare(kind: type[Peer], folder: Path, data: Corpus) -> list[str]:
    """Build, search within a session of about a thousand pages, one durable row, bytes."""
    sizes = np.bincount(data.session)
    session = int(np.abs(sizes - 1000).argmin())
    rows = np.flatnonzero(data.session == session)
    queries = near(data, rows)
    truth = rows[np.argsort(-(queries @ data.vectors[rows].T), axis=1)[:, :K]]
    try:
        peer = kind(folder, len(data.vectors))
    except ImportError as error:
        return [kind.name, f"not installed ({error.name})", "", "", "", "", ""]
    with Timed() as took:
        peer.build(data)
    count = 30
    found = [set(peer.search(queries[i], session)) for i in range(count)]
    recall = np.mean([len(found[i] & set(truth[i].tolist())) / K for i in range(count)])
    searched = each(lambda i: peer.search(queries[i], session), count)
    ids = iter(range(len(data.vectors), len(data.vectors) + 200))
    appended = each(lambda i: peer.append(next(ids), queries[i], session), 20)
    used = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    rate = f"{len(data.vectors) / took.cpu:,.0f}"
    used_each = f"{used / len(data.vectors):,.0f}"
    return [kind.name, rate, searched, f"{recall:.3f}", appended, used_each, kind.durable]


class Ours(Peer):
    """vctx as one of them, for the same table: a file a session."""

    name = "**vctx**"
    durable = "yes; with words, checksums, journal"

    def __init__(self, folder: Path, n: int) -> None:
        self.folder = folder
        self.open: dict[int, SqliteDisk] = {}

    def build(self, data: Corpus) -> None:
        build(self.folder, data)
        self.first = {int(s): int(np.flatnonzero(data.session == s)[0]) for s in np.unique(data.session)}

    def search(self, vector: np.ndarray, session: int) -> list[int]:
        first = self.first[session] - 1
        return [hit.page + first for hit in self._disk(session).search(Search("", K), vector)]

    def append(self, id: int, vector: np.ndarray, session: int) -> None:
        disk = self._disk(session)
        with disk.transaction():
            [page] = disk.put([Page("message", "user", "x" * 240, NOW, "user")])
        hash = os.urandom(16)
        disk.index([Vector(page.id, (0, 240), hash)], [hash], vector[None], "bench")

    def _disk(self, session: int) -> SqliteDisk:
        if session not in self.open:
            self.open[session] = SqliteDisk(self.folder / f"{session}.db")
        return self.open[session]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--full", action="store_true", help="a million pages, too (vctx and FAISS by hand)")
    options.add_argument("--sizes", type=int, nargs="*", help="other numbers of pages")
    options.add_argument("--out", type=Path, help="write the tables here, too")
    given = options.parse_args()
    out = [f"# The disk\n\n{machine()}", alone(SIZES[-1])]
    for n in given.sizes or [10_000, 100_000, *([1_000_000] if given.full else [])]:
        data = corpus(n)
        with tempfile.TemporaryDirectory() as folder:
            rows = [[name, value] for name, value in progress(measure(Path(folder), data, n))]
        out.append(f"## {n:,} pages\n\nMilliseconds: CPU, then wall (median / 99th percentile).\n")
        out.append(table(["vctx", ""], rows))
        peers = []
        for kind in [Ours, *(PEERS if n <= 100_000 else PEERS[:1])]:
            with tempfile.TemporaryDirectory() as folder:
                peers.append(compare(kind, Path(folder), data))
                print(*peers[-1], sep="   ", file=sys.stderr)
        head = [
            "",
            "rows a CPU s",
            "search in a session of 1,000, ms",
            "recall@10",
            "add one, ms",
            "bytes",
            "durable",
        ]
        out.append("\nAll sessions, and one row of text with its vector:\n\n" + table(head, peers))
    text = "\n".join(out) + "\n"
    print(text)
    if given.out:
        given.out.write_text(text, "utf-8")


def alone(n: int) -> str:
    """One large session: the rows of a book, or of years."""
    data = corpus(n)
    data.session[:] = 0
    with tempfile.TemporaryDirectory() as folder:
        rows = [[name, value] for name, value in progress(measure(Path(folder), data, n))]
    return f"\n## One session of {n:,} pages\n\n" + table(["vctx", ""], rows) + "\n"


def progress(found: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in found:
        print(f"{name}: {value}", file=sys.stderr)
        yield name, value


def machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores,"
        f" load {load:.1f} when it began. By `python bench/disk.py`."
    )


if __name__ == "__main__":
    main()
