"""Attention and pooling over packed tokens: what has to know where one text ends and the next begins.

`Groups` takes texts of equal length together and runs anywhere. Faster are `Slots` (slots.py), in bfloat16
on a CPU, and `Varlen` (varlen.py), in bfloat16 on CUDA. All give the same vectors.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from vctx.embed.folder import Pooling
from vctx.embed.pack import Shape, shapes


class Layout(Protocol):
    """How the texts of one batch lie in its packed tokens."""

    def attend(self, qkv: Tensor, heads: int) -> Tensor:
        """(T, 3 * dim) -> (T, dim): each text attends to itself alone."""
        ...

    def pool(self, x: Tensor, pooling: Pooling) -> Tensor:
        """(T, dim) -> float32 (texts, dim); the mean includes both special tokens."""
        ...


class Groups:
    """Neighbours of equal length together, by torch's own attention."""

    def __init__(self, lengths: Sequence[int], rows: int) -> None:
        self._shapes = shapes(lengths)
        self._padding = rows - sum(lengths)

    def attend(self, qkv: Tensor, heads: int) -> Tensor:
        mixed = [self._group(part, heads) for part in parts(qkv, self._shapes)]
        return torch.cat([*mixed, qkv.new_zeros(self._padding, qkv.shape[1] // 3)])

    def pool(self, x: Tensor, pooling: Pooling) -> Tensor:
        return pooled(x, self._shapes, pooling)

    def _group(self, part: Tensor, heads: int) -> Tensor:
        texts, length, _ = part.shape
        query, key, value = part.view(texts, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2).reshape(texts * length, -1)


def pooled(x: Tensor, groups: Sequence[Shape], pooling: Pooling) -> Tensor:
    """As `Layout.pool`, of the groups that lie end to end in `x`."""
    views = parts(x, groups)
    if pooling == "cls":
        return torch.cat([part[:, 0].float() for part in views])
    return torch.cat([part.mean(1, dtype=torch.float32) for part in views])


def parts(x: Tensor, groups: Sequence[Shape]) -> Iterator[Tensor]:
    """Views (texts, length, width) of the groups that lie end to end in `x`, (T, width)."""
    start = 0
    for texts, length in groups:
        yield x[start : start + texts * length].view(texts, length, -1)
        start += texts * length
