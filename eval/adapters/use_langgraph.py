"""LangGraph's long-term store: InMemoryStore with a vector index, which ranks by exact cosine as SqliteStore
does, and asks no loadable SQLite extension of the Python that runs it."""

from langgraph.store.memory import InMemoryStore
from serve import serve


class Memory:
    def __init__(self, folder, dim):
        self.known = {}
        index = {"dims": dim, "embed": self._embed, "fields": ["text"]}
        self.store = InMemoryStore(index=index)

    def _embed(self, texts):
        return [self.known[text] for text in texts]

    def add(self, ids, texts, vectors):
        self.known |= dict(zip(texts, vectors, strict=True))
        for number, text in zip(ids, texts, strict=True):
            self.store.put(("pages",), str(number), {"text": text})

    def search(self, text, vector, k):
        self.known[text] = vector
        return [item.key for item in self.store.search(("pages",), query=text, limit=k)]


serve(Memory, "langgraph-checkpoint")
