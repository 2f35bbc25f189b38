"""FAISS with SQLite, by hand: a flat index of inner products beside a table of texts, as many do it."""

import sqlite3
from pathlib import Path

import faiss
import numpy as np
from serve import serve


class Memory:
    def __init__(self, folder, dim):
        self.file = Path(folder) / "index.faiss"
        self.index = faiss.IndexIDMap(faiss.IndexFlatIP(dim))
        self.db = sqlite3.connect(Path(folder) / "texts.db")
        self.db.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT)")

    def add(self, ids, texts, vectors):
        with self.db:
            self.db.executemany("INSERT INTO texts VALUES (?, ?)", zip(ids, texts, strict=True))
        self.index.add_with_ids(np.array(vectors, np.float32), np.array(ids, np.int64))
        faiss.write_index(self.index, str(self.file))

    def search(self, text, vector, k):
        _, ids = self.index.search(np.array([vector], np.float32), k)
        return [int(i) for i in ids[0] if i >= 0]


serve(Memory, "faiss-cpu")
