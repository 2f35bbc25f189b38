"""Attention in bfloat16 on CUDA: the whole batch at once, by torch's flash kernel for varied lengths."""

from collections.abc import Callable

import torch
from torch import Tensor

from vctx.embed.folder import Pooling

Kernel = Callable[..., object]
"""torch.nn.attention.varlen.varlen_attn: (query, key, value, starts, starts, longest, longest)."""


class Varlen:
    """The layout of texts that begin at `starts`, int32 (texts + 1,), none beyond `longest` tokens.

    A text may be empty: nothing attends to it, and its pooled row means nothing.
    """

    def __init__(self, starts: Tensor, longest: int, kernel: Kernel) -> None:
        self._starts = starts
        self._longest = longest
        self._kernel = kernel

    def attend(self, qkv: Tensor, heads: int) -> Tensor:
        query, key, value = qkv.view(len(qkv), 3, heads, -1).unbind(1)
        starts, longest = self._starts, self._longest
        mixed = self._kernel(query, key, value, starts, starts, longest, longest)
        assert isinstance(mixed, Tensor)  # a pair only where auxiliary results are asked for
        return mixed.reshape(len(qkv), -1)

    def pool(self, x: Tensor, pooling: Pooling) -> Tensor:
        if pooling == "cls":
            # An empty text at the end begins beyond the last row.
            return x[self._starts[:-1].clamp(max=len(x) - 1)].float()
        # `unsafe` spares a look at the lengths, for which the CPU would wait.
        return torch.segment_reduce(x.float(), "mean", offsets=self._starts, unsafe=True)


def kernel() -> Kernel | None:
    """torch's flash kernel for texts of any lengths; None in versions without it."""
    try:
        # Imported here because torch's compiler comes with it: a second that a CPU need not wait for.
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415
    except ImportError:
        return None
    return varlen_attn
