"""Attention in bfloat16 on a CPU: every text in a slot a little wider than itself, products by oneDNN.

torch's own attention takes up to twice as long. Slots come in few widths, and a product takes a fixed number
of them, because oneDNN keeps 1.3 MB of code, made in 2 ms, for every shape that it meets; what is left over
goes the other way.

The softmax is exp2 of the scores, divided by its sums after the product with the values, where there are
fewer numbers to divide. The greatest score of a row is not subtracted: `Product` looks whether that was safe,
and takes torch's attention where it was not.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby

import torch
from torch import Tensor
from torch.nn import functional

from vctx.embed.attend import Groups, pooled
from vctx.embed.folder import Pooling
from vctx.embed.pack import shapes

TOKENS = 512
"""Of a product: its scores fit into a core's L2 cache, about 1 MB."""

TEXTS = 16
"""Of a product, at most."""

SAFE = (1e-2, 1e36)
"""Bounds on the sums of exp2. Below, float32 loses digits (see `Product`); above, bfloat16 nears its end."""

Texts = tuple[int, int, int]
"""(first text, end, width): neighbours that one product takes."""


class Slots:
    """The layout of texts in ascending order of length."""

    def __init__(self, lengths: Sequence[int], rows: int) -> None:
        self._shapes = shapes(lengths)
        starts = [0, *accumulate(lengths)]
        taken = list(products(lengths))
        self._products = [Product(starts[at:end], lengths[at:end], width) for at, end, width in taken]
        last = taken[-1][1] if taken else 0
        self._split = starts[last]
        self._rest = Groups(lengths[last:], rows - self._split)

    def attend(self, qkv: Tensor, heads: int) -> Tensor:
        mixed = [product(qkv, heads) for product in self._products]
        return torch.cat([*mixed, self._rest.attend(qkv[self._split :], heads)])

    def pool(self, x: Tensor, pooling: Pooling) -> Tensor:
        return pooled(x, self._shapes, pooling)


class Product:
    """Texts at `starts` of the packed tokens, each in a slot of `width` rows.

    The rows of a slot beyond its text are zero: as values they add nothing, as keys their score is 0 and
    exp2 of it 1, so the sums are too great by their number.
    """

    def __init__(self, starts: Sequence[int], lengths: Sequence[int], width: int) -> None:
        size = torch.tensor(lengths)[:, None]
        columns = torch.arange(width)
        inside = columns < size
        self._shape = inside.shape
        self._mask = inside[:, None, None]
        self._beyond = (width - size)[:, None, :, None]
        self._slots = torch.where(inside, torch.tensor(starts)[:, None] + columns, 0).flatten()
        self._kept = inside.flatten().nonzero()[:, 0]
        self._empty = (~inside).flatten().nonzero()[:, 0]

    def __call__(self, qkv: Tensor, heads: int) -> Tensor:
        """(T, 3 * dim) -> (tokens of the texts, dim)."""
        part = qkv.index_select(0, self._slots).index_fill_(0, self._empty, 0)
        query, key, value = part.view(*self._shape, 3, heads, -1).permute(2, 0, 3, 1, 4).contiguous()
        query *= math.log2(math.e) / math.sqrt(query.shape[-1])
        mixed = self._mix(query, key, value).transpose(1, 2)
        rows = mixed.to(qkv.dtype, memory_format=torch.contiguous_format).reshape(len(self._slots), -1)
        return torch.index_select(rows, 0, self._kept)

    def _mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """All (texts, heads, width, head_dim); the scores are base 2."""
        weights = torch.matmul(query, key.transpose(2, 3)).exp2_()
        sums = weights.sum(-1, keepdim=True, dtype=torch.float32) - self._beyond
        least, most = torch.aminmax(sums)
        if SAFE[0] < least and most < SAFE[1]:
            return torch.matmul(weights, value) / sums
        return functional.scaled_dot_product_attention(query, key, value, self._mask, scale=math.log(2))


def products(lengths: Sequence[int]) -> Iterator[Texts]:
    """Texts in products of few shapes: what is left over of one width goes with the next."""
    first = end = 0
    for width, texts in groupby(map(slot, lengths)):
        end += sum(1 for _ in texts)
        many = max(1, min(TEXTS, TOKENS // width))
        while end - first >= many:
            yield first, first + many, width
            first += many


def slot(length: int) -> int:
    """The width for a text: a multiple of 8, of 16 from 64 on."""
    step = 8 if length <= 64 else 16
    return length + -length % step
