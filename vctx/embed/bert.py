"""A BERT encoder over packed batches: no padding, no mask.

Tokens of a batch lie end to end, (T, dim), for the linear layers; attention and pooling take each group
of equal length as (texts, length, ...).
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from vctx.embed.block import Block, Norm, parts
from vctx.embed.folder import Dtype, Recipe
from vctx.embed.linear import Linear, Plain, Prepacked, multiplies_bfloat16, prepacks
from vctx.embed.pack import Group, batches
from vctx.embed.threads import threads
from vctx.errors import InputError

if TYPE_CHECKING:
    from vctx.ports import Vectors

BUDGET = 4096
"""Tokens of a batch: the rate is flat from 2,048 to 8,192."""


class Bert:
    """The weights of one encoder, ready to run. Raises InputError where they do not fit the recipe.

    `dtype` is what the layers compute in; None takes what the CPU is best at.
    `prepacked` False keeps to torch's public functions.
    """

    def __init__(self, recipe: Recipe, dtype: Dtype | None = None, *, prepacked: bool = True) -> None:
        bound_threads()
        self._pooling = recipe.pooling
        self._dtype = _dtype(dtype)
        weights = Weights(recipe, self._dtype, Prepacked if prepacked and prepacks() else Plain)
        self._words = weights["embeddings.word_embeddings.weight"]
        # Every token is of type 0: its vector is added to the positions once and for all.
        kind = weights["embeddings.token_type_embeddings.weight"][0]
        self._places = weights["embeddings.position_embeddings.weight"].float() + kind.float()
        self._norm = weights.norm("embeddings.LayerNorm")
        self._blocks = [weights.block(f"encoder.layer.{number}.") for number in range(recipe.layers)]

    @torch.inference_mode()
    def encode(self, ids: Sequence[Sequence[int]]) -> "Vectors":
        """float32 (n, dim), L2-normalised, in the order of `ids`; no row may be empty."""
        vectors = torch.empty((len(ids), self._places.shape[1]))
        for groups in batches([len(row) for row in ids], BUDGET):
            vectors[[index for group in groups for index in group]] = self._batch(ids, groups)
        array: Vectors = functional.normalize(vectors).numpy()
        return array

    def _batch(self, ids: Sequence[Sequence[int]], groups: Sequence[Group]) -> Tensor:
        """float32 (texts, dim), pooled, in the order of the groups."""
        rows = [self._tensor([ids[index] for index in group]) for group in groups]
        shapes = [(row.shape[0], row.shape[1]) for row in rows]
        x = self._norm(torch.cat([self._look_up(row) for row in rows])).to(self._dtype)
        for block in self._blocks:
            x = block(x, shapes)
        return torch.cat([self._pool(part) for part in parts(x, shapes)])

    def _tensor(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """Ids of one length -> (texts, length); refuses those that the word table has no row for."""
        array = np.array(ids)
        if array.max() >= len(self._words):
            raise InputError(
                f"token {array.max()} has no row in the model's table of {len(self._words)}: "
                "tokenizer.json and model.safetensors belong to different models"
            )
        return torch.from_numpy(array)

    def _look_up(self, ids: Tensor) -> Tensor:
        """Ids (texts, length) -> float32 (texts * length, dim)."""
        return (functional.embedding(ids, self._words).float() + self._places[: ids.shape[1]]).flatten(0, 1)

    def _pool(self, part: Tensor) -> Tensor:
        """(texts, length, dim) -> float32 (texts, dim); the mean includes both special tokens."""
        return part[:, 0].float() if self._pooling == "cls" else part.mean(1, dtype=torch.float32)


class Weights:
    """The tensors of `model.safetensors` by name, and the parts of the encoder made from them."""

    def __init__(self, recipe: Recipe, dtype: torch.dtype, layer: type[Plain] | type[Prepacked]) -> None:
        self._recipe = recipe
        self._dtype = dtype
        self._layer = layer
        self._path = recipe.encoder / "model.safetensors"
        try:
            tensors = load_file(
                self._path
            )  # mapped, not read: pages of the word table come in as texts use them
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"{self._path} cannot be read: {error}; copy the model's folder again"
            ) from error
        self._tensors = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise InputError(f"{self._path} has no tensor {name}: it does not fit the config.json beside it")
        return self._tensors[name]

    def norm(self, name: str) -> Norm:
        weight, bias = self[f"{name}.weight"].float(), self[f"{name}.bias"].float()
        return Norm(weight, bias, self._recipe.epsilon)

    def linear(self, *names: str) -> Linear:
        """One layer whose outputs are those of the named layers side by side."""
        weight = torch.cat([self[f"{name}.weight"] for name in names]).to(self._dtype)
        return self._layer(weight, torch.cat([self[f"{name}.bias"] for name in names]).to(self._dtype))

    def block(self, at: str) -> Block:
        return Block(
            heads=self._recipe.heads,
            qkv=self.linear(*(f"{at}attention.self.{name}" for name in ("query", "key", "value"))),
            out=self.linear(f"{at}attention.output.dense"),
            up=self.linear(f"{at}intermediate.dense"),
            down=self.linear(f"{at}output.dense"),
            first=self.norm(f"{at}attention.output.LayerNorm"),
            second=self.norm(f"{at}output.LayerNorm"),
        )


def bound_threads() -> None:
    """Bounds torch's threads, for the whole process, unless the user has done so by OMP_NUM_THREADS."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads())


def _dtype(name: Dtype | None) -> torch.dtype:
    if name is None:
        return torch.bfloat16 if multiplies_bfloat16() else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32
