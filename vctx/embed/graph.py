"""Batches on CUDA in few sizes, each recorded as a CUDA graph: replaying it costs one launch, not a hundred.

A batch is padded to its size with tokens and texts: tokens after the last text, and empty texts.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from vctx.embed.attend import Layout
from vctx.embed.device import upload
from vctx.embed.varlen import Kernel, Varlen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int32]

SMALLEST = 256
"""Rows, so that a query wastes little and there are seven sizes up to the budget of a batch."""

SHARES = (64, 8, 1)
"""Rows to a text, at least, in the three sizes by number of texts: an empty text costs a few idle blocks."""

Size = tuple[int, int]
"""(rows, texts)"""

Forward = Callable[[Tensor, Tensor, Layout], Tensor]
"""(tokens, places, layout) -> (texts, dim)"""

Replay = Callable[[], object]


class Graphs:
    """`forward` over packed batches of texts of at most `longest` tokens, recorded size by size.

    A size that comes once is only run; one that comes again is recorded, which takes a run of its own.
    `record` turns a function into its replay and the tensor that each replay fills.
    """

    def __init__(
        self,
        forward: Forward,
        kernel: Kernel,
        longest: int,
        device: torch.device,
        record: "Callable[[Callable[[], Tensor], torch.device], tuple[Replay, Tensor]] | None" = None,
    ) -> None:
        self._forward = forward
        self._kernel = kernel
        self._longest = longest
        self._device = device
        self._record = record or _record
        self._lock = Lock()
        self._recorded: dict[Size, tuple[Tensor, Replay, Tensor] | None] = {}

    def __call__(self, tokens: "Ints", places: "Ints", lengths: Sequence[int]) -> Tensor:
        """(texts, dim), on the device. Threads take turns: a recording has one place for what it is given."""
        with self._lock:
            return self._one(tokens, places, lengths)

    def forget(self) -> None:
        """Gives the memory of every recording back."""
        with self._lock:
            self._recorded.clear()

    def _one(self, tokens: "Ints", places: "Ints", lengths: Sequence[int]) -> Tensor:
        fits = size(len(tokens), len(lengths))
        numbers = upload(torch.from_numpy(packed(tokens, places, lengths, fits)), self._device)
        if fits not in self._recorded:
            self._recorded[fits] = None
            return self._run(numbers, fits)[: len(lengths)]
        known = self._recorded[fits]
        if known is None:
            replay, found = self._record(lambda: self._run(numbers, fits), self._device)
            known = self._recorded[fits] = (numbers, replay, found)
        given, replay, found = known
        given.copy_(numbers)
        replay()
        return found[: len(lengths)].clone()

    def _run(self, numbers: Tensor, fits: Size) -> Tensor:
        rows, texts = fits
        tokens, places, starts = torch.split(numbers, [rows, rows, texts + 1])
        return self._forward(tokens, places, Varlen(starts, self._longest, self._kernel))


def size(tokens: int, texts: int) -> Size:
    """The smallest size that holds the batch."""
    rows = max(SMALLEST, 1 << (tokens - 1).bit_length())
    return rows, next(rows // share for share in SHARES if texts <= rows // share)


def packed(tokens: "Ints", places: "Ints", lengths: Sequence[int], fits: Size) -> "Ints":
    """int32 (2 * rows + texts + 1,): tokens, places and starts in one array, for one copy to the device."""
    rows, texts = fits
    numbers = np.zeros(2 * rows + texts + 1, np.int32)
    numbers[: len(tokens)] = tokens
    numbers[rows : rows + len(places)] = places
    starts = numbers[2 * rows + 1 :]
    starts[: len(lengths)] = np.cumsum(lengths)
    starts[len(lengths) :] = sum(lengths)
    return numbers


def _record(run: Callable[[], Tensor], device: torch.device) -> tuple[Replay, Tensor]:
    graph = torch.cuda.CUDAGraph()
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    with torch.cuda.device(device), torch.cuda.graph(graph, stream=stream):
        found = run()
    return graph.replay, found
