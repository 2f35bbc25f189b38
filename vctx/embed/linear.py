"""Linear layers on the CPU: prepacked by oneDNN where torch has the operators, else plain.

oneDNN reorders a weight once into the blocks its kernels read, and fuses what follows (GELU, the
residual) into the product. Its operators in torch are private, so the plain layer stands beside the
prepacked one and gives the same vectors.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

ROWS = 2048
"""Rows that oneDNN chooses its blocks for; any number of rows may follow."""


class Linear(Protocol):
    """`x` is (tokens, in), every result (tokens, out)."""

    def __call__(self, x: Tensor) -> Tensor: ...

    def gelu(self, x: Tensor) -> Tensor:
        """The exact (erf) GELU of the product."""
        ...

    def add(self, x: Tensor, other: Tensor) -> Tensor:
        """The product plus `other`, (tokens, out)."""
        ...


class Plain:
    """The layer by torch's public functions."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight = weight
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self._weight, self._bias)

    def gelu(self, x: Tensor) -> Tensor:
        return functional.gelu(self(x))

    def add(self, x: Tensor, other: Tensor) -> Tensor:
        return self(x) + other


class Prepacked:
    """The layer by oneDNN's operators, its weight reordered."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        return self._pointwise(x, "none", "")

    def gelu(self, x: Tensor) -> Tensor:
        return self._pointwise(x, "gelu", "none")

    def add(self, x: Tensor, other: Tensor) -> Tensor:
        fused = torch.ops.mkldnn._linear_pointwise.binary
        result: Tensor = fused(x, other, self._weight, self._bias, "add")
        return result

    def _pointwise(self, x: Tensor, kind: str, algorithm: str) -> Tensor:
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, kind, [], algorithm)
        return result


def prepacks() -> bool:
    """Whether this torch has oneDNN and the two private operators."""
    operators = ("_reorder_linear_weight", "_linear_pointwise")
    built: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return built and all(hasattr(torch.ops.mkldnn, name) for name in operators)


def has(capability: str) -> bool:
    """Whether the CPU has an instruction set, by torch's name for it."""
    # torch 2.13 has this function, older ones may not.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get(capability, False))
