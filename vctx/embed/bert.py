"""A BERT encoder over packed batches: no padding, no mask, on the CPU or a CUDA device.

Tokens of a batch lie end to end, (T, dim); only a layout (attend.py) knows the texts apart.
"""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from vctx.embed.attend import Groups, Layout
from vctx.embed.block import Block, Norm
from vctx.embed.device import pick, precision, upload
from vctx.embed.folder import Dtype, Pooling, Recipe
from vctx.embed.graph import Graphs
from vctx.embed.lanes import side_by_side
from vctx.embed.linear import Linear, Plain, Prepacked, prepacks
from vctx.embed.pack import batches, padding
from vctx.embed.slots import Slots
from vctx.embed.varlen import kernel
from vctx.embed.weights import absent, stranger, unreadable
from vctx.errors import ModelError
from vctx.threads import lanes, threads

if TYPE_CHECKING:
    from vctx.ports import Vectors

BUDGET = {"cpu": 4096, "cuda": 16384}
"""Tokens of a batch. On a CPU the rate is flat from 2,048 to 8,192; a GPU needs more at a time to be busy,
and beyond 16,384 the activations of a small model leave its L2 cache."""

FEW = 16
"""Batches on a CPU below which they are made half as large: so lanes end at about the same time."""


class Bert:
    """The weights of one encoder, ready to run. Raises InputError where they do not fit the recipe.

    `dtype` is what the layers compute in; None takes what the device is best at. `device` is torch's
    name; None takes a CUDA device where there is one.
    `prepacked` False keeps to torch's public functions.
    """

    def __init__(
        self,
        recipe: Recipe,
        dtype: Dtype | None = None,
        device: str | None = None,
        *,
        prepacked: bool = True,
    ) -> None:
        torch.set_num_threads(threads())  # the whole process's
        self._pooling: Pooling = recipe.pooling
        self._device = pick(device)
        self._dtype = precision(dtype, self._device)
        self._budget = BUDGET[self._device.type]
        on_cpu = self._device.type == "cpu"
        self._layout = Slots if on_cpu and self._dtype == torch.bfloat16 else Groups
        flash = None if on_cpu or self._dtype != torch.bfloat16 else kernel()
        self._graphs = flash and Graphs(self._forward, flash, recipe.limit, self._device)
        packs = prepacked and on_cpu and prepacks()
        weights = Weights(recipe, self._dtype, self._device, Prepacked if packs else Plain)
        self._words = weights["embeddings.word_embeddings.weight"]
        # Every token is of type 0: its vector is added to the positions once and for all.
        kind = weights["embeddings.token_type_embeddings.weight"][0]
        self._places = weights["embeddings.position_embeddings.weight"].float() + kind.float()
        self._norm = weights.norm("embeddings.LayerNorm", torch.float32)
        self._blocks = [weights.block(f"encoder.layer.{number}.") for number in range(recipe.layers)]

    def encode(self, ids: Sequence[Sequence[int]]) -> "Vectors":
        """float32 (n, dim), L2-normalised, in the order of `ids`; no row may be empty.

        Several batches take the lanes of a CPU. Raises ModelError where a single text does not fit into the
        device's memory.
        """

        def one(batch: list[int]) -> tuple[list[int], Tensor]:
            return batch, self._within_memory([ids[index] for index in batch])

        lengths = [len(row) for row in ids]
        on_cpu = self._device.type == "cpu"
        parts = 2 if on_cpu and sum(lengths) < FEW * self._budget else 1
        todo = batches(lengths, lambda: self._budget // parts)
        vectors = np.empty((len(ids), self._places.shape[1]), np.float32)
        done = side_by_side(one, todo, lanes() if on_cpu else 1)
        # Together: a copy from a GPU waits for it.
        order = [index for batch, _ in done for index in batch]
        vectors[order] = torch.cat([pooled for _, pooled in done]).cpu().numpy()
        return vectors

    @torch.inference_mode()
    def _within_memory(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """As `_batch`; where the device's memory runs out, in halves, with half the budget ever after."""
        try:
            return self._batch(ids)
        except torch.OutOfMemoryError as error:
            if len(ids) == 1:
                raise ModelError(
                    f"{self._device} has no memory for one text of {len(ids[0])} tokens: free some of it, "
                    'or load the embedder with device="cpu"'
                ) from error
        # After the handler, whose traceback holds the tensors of the failed try.
        if self._graphs:
            self._graphs.forget()
        torch.cuda.empty_cache()
        self._budget = max(1, sum(map(len, ids)) // 2)
        middle = len(ids) // 2
        return torch.cat([self._within_memory(ids[:middle]), self._within_memory(ids[middle:])])

    def _batch(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 (texts, dim), of unit length, for texts in ascending order of length."""
        lengths = [len(row) for row in ids]
        rows = sum(lengths) + (padding(sum(lengths)) if self._device.type == "cpu" else 0)
        tokens, places = np.zeros((2, rows), np.int32)
        tokens[: sum(lengths)] = np.fromiter(chain.from_iterable(ids), np.int32, sum(lengths))
        places[: sum(lengths)] = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])
        if tokens.max() >= len(self._words):
            raise stranger(int(tokens.max()), len(self._words))
        if self._graphs:
            return self._graphs(tokens, places, lengths)
        at, where = (upload(torch.from_numpy(numbers), self._device) for numbers in (tokens, places))
        return self._forward(at, where, self._layout(lengths, rows))

    def _forward(self, tokens: Tensor, places: Tensor, layout: Layout) -> Tensor:
        """As `_batch`, of tokens and their places in their texts, both (T,)."""
        words = functional.embedding(tokens, self._words).float()
        x = self._norm(words + functional.embedding(places, self._places)).to(self._dtype)
        for block in self._blocks:
            x = block(x, layout)
        return functional.normalize(layout.pool(x, self._pooling))


class Weights:
    """The tensors of `model.safetensors` by name, and the parts of the encoder made from them."""

    def __init__(
        self, recipe: Recipe, dtype: torch.dtype, device: torch.device, layer: type[Plain] | type[Prepacked]
    ) -> None:
        self._recipe = recipe
        self._dtype = dtype
        # CUDA normalises bfloat16 by bfloat16 parameters only, in float32 inside; a CPU takes both.
        self._norms = torch.float32 if device.type == "cpu" else dtype
        self._layer = layer
        self._path = recipe.encoder / "model.safetensors"
        try:
            # Mapped, not read, on the CPU: pages of the word table come in as texts use them.
            tensors = load_file(self._path, device=str(device))
        except (SafetensorError, OSError) as error:
            raise unreadable(self._path, error) from error
        self._tensors = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise absent(self._path, name)
        return self._tensors[name]

    def norm(self, name: str, dtype: torch.dtype) -> Norm:
        weight, bias = (self[f"{name}.{kind}"].to(dtype) for kind in ("weight", "bias"))
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
            first=self.norm(f"{at}attention.output.LayerNorm", self._norms),
            second=self.norm(f"{at}output.LayerNorm", self._norms),
        )
