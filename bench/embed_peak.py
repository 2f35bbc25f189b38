"""How fast the machine multiplies matrices: what a share of the peak is a share of."""

import time

import torch

SQUARE = (2048, 2048, 2048)
ENCODER = ((2048, 384, 1536), (2048, 1536, 384))
LARGE = (8192, 8192, 8192)
ROUNDS = 12


def peak(place: str) -> dict[str, float]:
    """FLOP/s of the fastest product of each precision: square ones, and the shapes of a small encoder."""
    shapes = [SQUARE, *ENCODER, *([LARGE] if place == "cuda" else [])]
    return {
        str(kind).removeprefix("torch."): max(product(kind, place, *shape) for shape in shapes)
        for kind in (torch.float32, torch.bfloat16)
    }


def product(kind: torch.dtype, place: str, rows: int, inner: int, columns: int) -> float:
    """FLOP/s, the best of twelve, after one that warms up."""
    left, right = (torch.randn(shape, device=place).to(kind) for shape in ((rows, inner), (columns, inner)))
    seconds = [once(left, right) for _ in range(ROUNDS + 1)][1:]
    return 2.0 * rows * inner * columns / min(seconds)


def once(left: torch.Tensor, right: torch.Tensor) -> float:
    """CPU time on a CPU, wall time on a GPU."""
    cuda = left.device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    before = clock()
    torch.nn.functional.linear(left, right)
    if cuda:
        torch.cuda.synchronize()
    return clock() - before
