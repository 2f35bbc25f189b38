"""The peers of bench/disk.py: one collection of all sessions each, as their manuals say, with a filter."""

import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from disk_corpus import DIM, Corpus, K


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

LARGE: list[type[Peer]] = [FaissByHand, SqliteVec, Lance]
"""Those that take a million rows in less than a quarter of an hour of CPU time."""
