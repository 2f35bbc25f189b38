"""mem0 without a model (`infer=False`): every piece is kept as it is, and found by its own search."""

import os

os.environ["MEM0_TELEMETRY"] = "False"
os.environ.setdefault("OPENAI_API_KEY", "none")

from mem0 import Memory as Mem0
from mem0.embeddings.base import EmbeddingBase
from serve import serve


class Given(EmbeddingBase):
    """Every vector is given with its text, which mem0 strips."""

    def __init__(self):
        super().__init__()
        self.known = {}

    def embed(self, text, memory_action=None):
        return self.known[text.strip()]

    def embed_batch(self, texts, memory_action=None):
        return [self.known[text.strip()] for text in texts]


class Memory:
    def __init__(self, folder, dim):
        store = {"path": f"{folder}/qdrant", "embedding_model_dims": dim, "on_disk": True}
        self.memory = Mem0.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": store | {"collection_name": "pages"}},
                "history_db_path": f"{folder}/history.db",
            }
        )
        self.memory.embedding_model = self.given = Given()

    def add(self, ids, texts, vectors):
        self.given.known |= {text.strip(): vector for text, vector in zip(texts, vectors, strict=True)}
        for number, text in zip(ids, texts, strict=True):
            self.memory.add(text, user_id="user", metadata={"page": number}, infer=False)

    def search(self, text, vector, k):
        self.given.known[text.strip()] = vector
        found = self.memory.search(text, filters={"user_id": "user"}, top_k=k, threshold=0.0)
        return [one["metadata"]["page"] for one in found["results"]]


serve(Memory, "mem0ai")
