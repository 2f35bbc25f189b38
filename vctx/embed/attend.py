"""Attention and pooling over packed tokens: what has to know where one text ends and the next begins.

`Groups` takes texts of equal length together and runs anywhere; `Varlen` takes the whole batch in one
kernel, on CUDA in bfloat16. Both give the same vectors.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from vctx.embed.folder import Pooling
from vctx.embed.pack import Shape, shapes

Kernel = Callable[..., object]
"""torch.nn.attention.varlen.varlen_attn: (query, key, value, starts, starts, longest, longest)."""


class Layout(Protocol):
    """How the texts of one batch lie in its packed tokens."""

    def attend(self, qkv: Tensor, heads: int) -> Tensor:
        """(T, 3 * dim) -> (T, dim): each text attends to itself alone."""
        ...

    def pool(self, x: Tensor, pooling: Pooling) -> Tensor:
        """(T, dim) -> float32 (texts, dim); the mean includes both special tokens."""
        ...


class Groups:
    """Neighbours of equal length together.

    By torch's attention and not by two products and a softmax: these are 5 % faster over a CPU's long texts,
    but oneDNN would keep 2 MB of code for every shape that it meets (see `padding`).
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self._shapes = shapes(lengths)

    def attend(self, qkv: Tensor, heads: int) -> Tensor:
        return torch.cat([self._group(part, heads) for part in parts(qkv, self._shapes)])

    def pool(self, x: Tensor, pooling: Pooling) -> Tensor:
        groups = parts(x, self._shapes)
        if pooling == "cls":
            return torch.cat([part[:, 0].float() for part in groups])
        return torch.cat([part.mean(1, dtype=torch.float32) for part in groups])

    def _group(self, part: Tensor, heads: int) -> Tensor:
        texts, length, _ = part.shape
        query, key, value = part.view(texts, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2).reshape(texts * length, -1)


class Varlen:
    """The whole batch at once, by the flash kernel for sequences of different lengths."""

    def __init__(self, lengths: Sequence[int], device: torch.device, kernel: Kernel) -> None:
        self._kernel = kernel
        self._longest = max(lengths)
        self._starts = upload(torch.tensor([0, *accumulate(lengths)], dtype=torch.int32), device)

    def attend(self, qkv: Tensor, heads: int) -> Tensor:
        query, key, value = qkv.view(len(qkv), 3, heads, -1).unbind(1)
        starts, longest = self._starts, self._longest
        mixed = self._kernel(query, key, value, starts, starts, longest, longest)
        assert isinstance(mixed, Tensor)  # a pair only where auxiliary results are asked for
        return mixed.reshape(len(qkv), -1)

    def pool(self, x: Tensor, pooling: Pooling) -> Tensor:
        if pooling == "cls":
            return x[self._starts[:-1]].float()
        return torch.segment_reduce(x.float(), "mean", lengths=self._starts.diff(), unsafe=True)


def layouts(device: torch.device, dtype: torch.dtype) -> Callable[[Sequence[int]], Layout]:
    """What makes the layout of a batch from its lengths, the best that device and precision allow."""
    kernel = varlen() if device.type == "cuda" and dtype == torch.bfloat16 else None
    if kernel is not None:
        return lambda lengths: Varlen(lengths, device, kernel)
    return Groups


def varlen() -> Kernel | None:
    """torch's flash kernel for sequences of different lengths; None in versions without it."""
    try:
        # Imported here because torch's compiler comes with it: a second that a CPU need not wait for.
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415
    except ImportError:
        return None
    return varlen_attn


def parts(x: Tensor, groups: Sequence[Shape]) -> Iterator[Tensor]:
    """Views (texts, length, width) of the groups that lie end to end in `x`, (T, width)."""
    start = 0
    for texts, length in groups:
        yield x[start : start + texts * length].view(texts, length, -1)
        start += texts * length


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on the device that the CPU does not wait for; on the CPU the tensor itself."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
