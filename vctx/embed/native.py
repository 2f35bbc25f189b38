"""The Embedder for BERT encoders: tokens and the forward pass joined, for a list or a stream of texts."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Protocol, get_args

import numpy as np

from vctx.embed import tokens
from vctx.embed.folder import Dtype, Recipe
from vctx.embed.light import Light
from vctx.embed.stream import ahead, blocks
from vctx.errors import InputError, ModelError
from vctx.ports import Progress, silent
from vctx.types import Span
from vctx.unbroken import unbroken

if TYPE_CHECKING:
    from vctx.ports import Vectors

WORTH = 5000
"""Tokens after which numpy has cost as much more than torch would have as importing torch costs: 1.1 s, at
3,000 against 7,700 tokens a second (one Zen 4 core, all-MiniLM-L6-v2)."""

Ids = list[list[int]]


class Encoder(Protocol):
    """What turns token ids into vectors: `Light` in numpy, `Bert` in torch."""

    def encode(self, ids: Ids) -> "Vectors": ...


class Native:
    """An Embedder that needs neither transformers nor sentence-transformers.

    The tokenizer is loaded by the first text that needs it, the weights by the first `embed`. While the
    process has not imported torch, numpy encodes; once it has encoded as much as the import would have
    cost, torch is imported and takes over. So the whole costs at most twice what it would have cost had
    the amount of work been known (the ski rental problem; Karlin et al., 1988, Algorithmica 3).
    """

    def __init__(
        self, recipe: Recipe, name: str, dtype: Dtype | None = None, device: str | None = None
    ) -> None:
        if dtype not in (None, *get_args(Dtype)):
            raise InputError(f"dtype {dtype!r} is unknown: choose one of {', '.join(get_args(Dtype))}")
        if device is not None and not re.fullmatch(r"cpu|cuda(:\d+)?", device):
            raise InputError(f'device {device!r} is unknown: choose "cpu", "cuda" or "cuda:" and a number')
        self._recipe = recipe
        self._name = name
        self._dtype: Dtype | None = dtype
        self._device = device
        self._lock = Lock()
        self._encoder: Encoder | None = None
        self._light = 0 if dtype == "bfloat16" or (device or "cpu") != "cpu" else WORTH

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

    def embed(self, texts: Sequence[str], progress: Progress = silent) -> "Vectors":
        """float32 (n, dim), L2-normalised, in the order of `texts`; a text beyond `limit` is cut.

        Raises InputError where a text is no string or the model's files cannot be read, ModelError where
        a vector is not finite or a device's memory does not suffice.
        """
        tokens.check(texts)
        vectors = np.empty((len(texts), self.dim), np.float32)
        done = 0
        with progress("embedding", len(texts)) as advance:
            for block in self.stream(texts):
                vectors[done : done + len(block)] = block
                done += len(block)
                advance(len(block))
        return vectors

    def stream(self, texts: Iterable[str]) -> "Iterator[Vectors]":
        """Vectors as in `embed`, block by block and in order, for any number of texts in constant memory.

        `texts` is read in the caller's thread, and tokenised in another, one block ahead of the vectors.
        Raises what `embed` raises, once it has read as far as the cause.
        """
        with ThreadPoolExecutor(1) as worker:
            for ids in ahead(worker, self._tokens.ids, blocks(texts)):
                yield self._encode(ids)

    def _encode(self, ids: Ids) -> "Vectors":
        vectors = self._choose(sum(map(len, ids))).encode(ids)
        if not np.isfinite(vectors).all():
            where = self._recipe.encoder
            raise ModelError(
                f"the weights in {where} give vectors that are not finite: copy the folder again"
            )
        return vectors

    def _choose(self, size: int) -> Encoder:
        """numpy while torch is not there and the tokens so far are few, then torch."""
        with self._lock:
            self._light -= size
            if isinstance(self._encoder, Light | None):
                if self._light < 0 or torch_is_here():
                    self._encoder = self._bert()
                elif self._encoder is None:
                    self._encoder = Light(self._recipe)
            assert self._encoder is not None
            return self._encoder

    @cached_property
    def _tokens(self) -> tokens.Tokens:
        return tokens.read(self._recipe.encoder / "tokenizer.json", self.limit)

    def _bert(self) -> Encoder:
        # Imported here because torch takes a second: cutting, naming and a query must not wait for it.
        with unbroken():
            from vctx.embed.bert import Bert  # noqa: PLC0415

        return Bert(self._recipe, self._dtype, self._device)


def torch_is_here() -> bool:
    """Whether the process has imported torch, so that using it costs no import."""
    return "torch" in sys.modules
