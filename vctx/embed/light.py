"""The same encoder in numpy, for a query or a few texts: importing torch takes longer than encoding them.

float32, with the weights as they lie in the mapped file: nothing is converted or reordered. Activations
stand feature by feature, (dim, tokens), so that every product is weight @ x.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from vctx.embed.folder import Recipe
from vctx.embed.pack import Shape, batches, shapes
from vctx.embed.weights import Mapped, stranger
from vctx.threads import threads

if TYPE_CHECKING:
    from vctx.embed.weights import Floats

BUDGET = 128
"""Tokens of a batch: the activations stay in the core's cache (a quarter faster than 512)."""

THREADS = 4
"""At most: products this small gain nothing from more."""

SMALL = 1_000_000
"""Multiplications of a product up to which OpenBLAS, numpy's BLAS, multiplies a matrix where it lies
(kernel/x86_64/sgemm_small_kernel_permit_skylakex.c). Beyond, it first copies the whole matrix, which takes
longer than the product when x is a single query: a query takes half as long by such pieces."""

_LOCK = Lock()
"""The BLAS's thread count belongs to the process: one forward pass at a time sets and restores it."""


class Light:
    """The weights of one encoder, mapped. Raises InputError where they do not fit the recipe."""

    def __init__(self, recipe: Recipe) -> None:
        weights = Mapped(recipe.encoder / "model.safetensors")
        self._pooling = recipe.pooling
        self._words = weights["embeddings.word_embeddings.weight"]
        # Every token is of type 0.
        kind = weights["embeddings.token_type_embeddings.weight"][0]
        self._places = weights["embeddings.position_embeddings.weight"] + kind
        self._norm = _norm(weights, "embeddings.LayerNorm", recipe)
        self._layers = [
            _layer(weights, f"encoder.layer.{number}.", recipe) for number in range(recipe.layers)
        ]
        self._blas = ThreadpoolController()

    def encode(self, ids: Sequence[Sequence[int]]) -> "Floats":
        """float32 (n, dim), L2-normalised, in the order of `ids`; no row may be empty."""
        vectors = np.empty((len(ids), self._places.shape[1]), np.float32)
        limit = min(THREADS, threads())
        # What is not finite is the caller's to report, once.
        with _LOCK, self._blas.limit(limits=limit, user_api="blas"), np.errstate(all="ignore"):
            for batch in batches([len(row) for row in ids], lambda: BUDGET):
                vectors[batch] = self._batch([ids[index] for index in batch])
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def _batch(self, ids: Sequence[Sequence[int]]) -> "Floats":
        """(texts, dim), pooled, of texts in ascending order of length."""
        groups = shapes([len(row) for row in ids])
        x = self._norm(self._look_up(ids))
        for layer in self._layers:
            x = layer(x, groups)
        pooled = [self._pool(x[:, at].reshape(-1, *shape)) for at, shape in parts(groups)]
        return np.concatenate(pooled, axis=1).T

    def _look_up(self, ids: Sequence[Sequence[int]]) -> "Floats":
        tokens = list(chain.from_iterable(ids))
        if max(tokens) >= len(self._words):
            raise stranger(max(tokens), len(self._words))
        places = list(chain.from_iterable(range(len(row)) for row in ids))
        return np.ascontiguousarray((self._words[tokens] + self._places[places]).T)

    def _pool(self, part: "Floats") -> "Floats":
        """(dim, texts, length) -> (dim, texts)."""
        first: Floats = part[:, :, 0] if self._pooling == "cls" else part.mean(axis=2)
        return first


@dataclass(frozen=True, slots=True)
class Linear:
    weight: "Floats"
    bias: "Floats"

    def __call__(self, x: "Floats") -> "Floats":
        """(in, tokens) -> (out, tokens)."""
        rows = _rows(len(self.weight), x.size)
        product: Floats = (self.weight.reshape(-1, rows, len(x)) @ x).reshape(len(self.weight), -1)
        product += self.bias[:, None]
        return product


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation over the features."""

    weight: "Floats"
    bias: "Floats"
    epsilon: float

    def __call__(self, x: "Floats") -> "Floats":
        # Sums down the columns as products, twice as fast as numpy's.
        mean = np.full((1, len(x)), 1 / len(x), np.float32)
        x = np.subtract(x, mean @ x, dtype=np.float32)
        x /= np.sqrt(mean @ np.square(x) + np.float32(self.epsilon))
        x *= self.weight[:, None]
        x += self.bias[:, None]
        return x


@dataclass(frozen=True, slots=True)
class Layer:
    heads: int
    query: Linear
    key: Linear
    value: Linear
    out: Linear
    up: Linear
    down: Linear
    first: Norm
    second: Norm

    def __call__(self, x: "Floats", groups: Sequence[Shape]) -> "Floats":
        """(dim, tokens) -> (dim, tokens), for groups of these shapes laid end to end."""
        x = self.first(self.out(self._attend(x, groups)) + x)
        return self.second(self.down(gelu(self.up(x))) + x)

    def _attend(self, x: "Floats", groups: Sequence[Shape]) -> "Floats":
        query, key, value = self.query(x), self.key(x), self.value(x)
        mixed = np.empty_like(x)
        for at, shape in parts(groups):
            q, k, v = (self._heads(part[:, at], shape) for part in (query, key, value))
            weights = softmax(q.swapaxes(2, 3) @ k / np.float32(np.sqrt(q.shape[2])))
            # (heads, texts, head_dim, length), back to features by tokens
            mixed[:, at] = (v @ weights.swapaxes(2, 3)).swapaxes(1, 2).reshape(len(x), -1)
        return mixed

    def _heads(self, part: "Floats", shape: Shape) -> "Floats":
        """(dim, texts * length) -> (heads, texts, head_dim, length)."""
        return part.reshape(self.heads, -1, *shape).swapaxes(1, 2)


def softmax(scores: "Floats") -> "Floats":
    """Over the last axis."""
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def gelu(x: "Floats") -> "Floats":
    """The exact (erf) GELU, x * Phi(x), as max(x, 0) - |x| / 2 * erfc(|x| / sqrt(2)).

    erfc by Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: at most 1.5e-7 off, about
    float32's own precision. numpy has no erf, and scipy takes longer to import than this takes.
    """
    size = np.abs(x)
    z = size * np.float32(0.5**0.5)
    t: Floats = np.reciprocal(1 + np.float32(0.3275911) * z, dtype=np.float32)
    series: Floats = t * np.float32(1.061405429)
    for term in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series += np.float32(term)
        series *= t
    np.square(z, out=z)
    series *= np.exp(-z)
    series *= size
    series *= np.float32(0.5)
    np.subtract(np.maximum(x, np.float32(0)), series, out=series)
    return series


def parts(groups: Sequence[Shape]) -> Iterator[tuple[slice, Shape]]:
    """The tokens of each group that lie end to end, with its shape."""
    start = 0
    for texts, length in groups:
        yield slice(start, start + texts * length), (texts, length)
        start += texts * length


def _rows(count: int, size: int) -> int:
    """Rows of the weight to multiply at a time, a divisor of `count`, for an `x` of `size` numbers."""
    return next((rows for rows in (96, 64, 48, 32, 16) if count % rows == 0 and rows * size <= SMALL), count)


def _norm(weights: Mapped, name: str, recipe: Recipe) -> Norm:
    return Norm(weights[f"{name}.weight"], weights[f"{name}.bias"], recipe.epsilon)


def _layer(weights: Mapped, at: str, recipe: Recipe) -> Layer:
    def linear(name: str) -> Linear:
        return Linear(weights[f"{at}{name}.weight"], weights[f"{at}{name}.bias"])

    return Layer(
        heads=recipe.heads,
        query=linear("attention.self.query"),
        key=linear("attention.self.key"),
        value=linear("attention.self.value"),
        out=linear("attention.output.dense"),
        up=linear("intermediate.dense"),
        down=linear("output.dense"),
        first=_norm(weights, f"{at}attention.output.LayerNorm", recipe),
        second=_norm(weights, f"{at}output.LayerNorm", recipe),
    )
