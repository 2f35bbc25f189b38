"""One BERT layer over packed tokens: attention, then the feed-forward part, each with residual and norm."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from vctx.embed.attend import Layout
from vctx.embed.linear import Linear


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation; the parameters are float32, or of the tokens' own precision."""

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

    def __call__(self, x: Tensor, layout: Layout) -> Tensor:
        """(T, dim) -> (T, dim)."""
        x = self.first(self.out.add(layout.attend(self.qkv(x), self.heads), x))
        return self.second(self.down.add(self.up.gelu(x), x))
