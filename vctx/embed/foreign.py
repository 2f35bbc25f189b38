"""Every model that the native path does not compute, through sentence-transformers itself."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from vctx.embed import tokens
from vctx.embed.device import pick
from vctx.embed.stream import blocks
from vctx.errors import InputError, ModelError
from vctx.ports import Progress, silent
from vctx.threads import threads
from vctx.types import Span

if TYPE_CHECKING:
    from vctx.ports import Vectors


class Wrapped:
    """An Embedder around SentenceTransformer. Raises InputError where the folder cannot be loaded."""

    def __init__(self, path: Path, name: str, device: str | None = None) -> None:
        torch.set_num_threads(threads())
        self._name = name
        try:
            self._model = SentenceTransformer(str(path), device=str(pick(device)), local_files_only=True)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise InputError(f"sentence-transformers cannot load {path}: {error}") from error
        self._tokens = tokens.Tokens(_tokenizer(self._model, path), self.limit)

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def limit(self) -> int:
        return int(self._model.max_seq_length or 512)

    def spans(self, text: str) -> list[Span]:
        """Consecutive spans that cover `text`, each within `limit` by its own exact count."""
        return self._tokens.spans(text)

    def embed(self, texts: Sequence[str], progress: Progress = silent) -> "Vectors":
        """float32 (n, dim), L2-normalised, in the order of `texts`; a text beyond `limit` is cut."""
        tokens.check(texts)
        vectors = [np.empty((0, self.dim), np.float32)]
        with progress("embedding", len(texts)) as advance:
            for block in self.stream(texts):
                vectors.append(block)
                advance(len(block))
        return np.concatenate(vectors)

    def stream(self, texts: Iterable[str]) -> "Iterator[Vectors]":
        """Vectors as in `embed`, block by block and in order, for any number of texts in constant memory."""
        for block in blocks(texts):
            clean = [tokens.clean(text) for text in block]
            vectors = self._model.encode(clean, normalize_embeddings=True, show_progress_bar=False)
            if not np.isfinite(vectors).all():
                raise ModelError(
                    f"{self._name} gives vectors that are not finite: copy the model's folder again"
                )
            yield np.asarray(vectors, np.float32)


def _tokenizer(model: SentenceTransformer, path: Path) -> Any:
    """A copy of the model's fast tokenizer, free of its truncation and padding."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InputError(f"{path} has no fast tokenizer: vctx cannot count its tokens; choose another model")
    return type(backend).from_str(backend.to_str())
