"""chromadb: a persistent collection over cosine, its index as it comes."""

import chromadb
from chromadb.config import Settings
from serve import serve


class Memory:
    def __init__(self, folder, dim):
        client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
        self.pages = client.create_collection("pages", metadata={"hnsw:space": "cosine"})

    def add(self, ids, texts, vectors):
        self.pages.add(ids=[str(i) for i in ids], documents=texts, embeddings=vectors)

    def search(self, text, vector, k):
        return self.pages.query(query_embeddings=[vector], n_results=k, include=[])["ids"][0]


serve(Memory, "chromadb")
