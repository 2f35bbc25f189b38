"""The Embedder for BERT encoders: tokens, batches and the forward pass joined."""

from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, get_args

import numpy as np

from vctx.embed import tokens
from vctx.embed.folder import Dtype, Recipe
from vctx.errors import InputError, ModelError
from vctx.types import Span

if TYPE_CHECKING:
    from vctx.embed.bert import Bert
    from vctx.ports import Vectors


class Native:
    """An Embedder that needs neither transformers nor sentence-transformers.

    The tokenizer is loaded by the first text that needs it, torch and the weights by the first `embed`.
    """

    def __init__(self, recipe: Recipe, name: str, dtype: Dtype | None = None) -> None:
        if dtype not in (None, *get_args(Dtype)):
            raise InputError(f"dtype {dtype!r} is unknown: choose one of {', '.join(get_args(Dtype))}")
        self._recipe = recipe
        self._name = name
        self._dtype: Dtype | None = dtype
        self._lock = Lock()
        self._loaded: Bert | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return self._recipe.dim

    @property
    def limit(self) -> int:
        return self._recipe.limit

    def spans(self, text: str) -> list[Span]:
        """Consecutive spans that cover `text`, each within `limit` by its own exact count."""
        return self._tokens.spans(text)

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """float32 (n, dim), L2-normalised, in the order of `texts`; a text beyond `limit` is cut.

        Raises InputError where a text is no string or the model's files cannot be read, ModelError where
        a vector is not finite.
        """
        tokens.check(texts)
        if not texts:
            return np.empty((0, self.dim), np.float32)
        vectors = self._bert().encode(self._tokens.ids(texts))
        if not np.isfinite(vectors).all():
            where = self._recipe.encoder
            raise ModelError(
                f"the weights in {where} give vectors that are not finite: copy the folder again"
            )
        return vectors

    @cached_property
    def _tokens(self) -> tokens.Tokens:
        return tokens.read(self._recipe.encoder / "tokenizer.json", self.limit)

    def _bert(self) -> "Bert":
        # Imported here because torch takes a second: cutting and naming must not wait for it.
        from vctx.embed.bert import Bert  # noqa: PLC0415

        with self._lock:
            if self._loaded is None:
                self._loaded = Bert(self._recipe, self._dtype)
            return self._loaded
