"""One BERT layer over packed tokens: attention, then the feed-forward part, each with residual and norm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vctx.embed.linear import Linear

Shape = tuple[int, int]
"""(texts, length) of one group of equal length within a batch."""


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation with float32 parameters, over float32 or bfloat16 tokens."""

    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class Block:
    """The parts of one layer; `qkv` gives query, key and value side by side."""

    heads: int
    qkv: Linear
    out: Linear
    up: Linear
    down: Linear
    first: Norm
    second: Norm

    def __call__(self, x: Tensor, shapes: Sequence[Shape]) -> Tensor:
        """(T, dim) -> (T, dim), for groups of these shapes laid end to end."""
        x = self.first(self.out.add(self._attend(self.qkv(x), shapes), x))
        return self.second(self.down.add(self.up.gelu(x), x))

    def _attend(self, qkv: Tensor, shapes: Sequence[Shape]) -> Tensor:
        """(T, 3 * dim) -> (T, dim): each text attends to itself alone."""
        return torch.cat([self._group(part) for part in parts(qkv, shapes)])

    def _group(self, part: Tensor) -> Tensor:
        texts, length, _ = part.shape
        query, key, value = part.view(texts, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2).reshape(texts * length, -1)


def parts(x: Tensor, shapes: Sequence[Shape]) -> Iterator[Tensor]:
    """Views (texts, length, width) of the groups that lie end to end in `x`, (T, width)."""
    start = 0
    for texts, length in shapes:
        yield x[start : start + texts * length].view(texts, length, -1)
        start += texts * length
