"""What a disk found for a question, in columns: a recall weighs hundreds and shows few. Pure; numpy."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from vctx.types import Hit, Span

Numbers = NDArray[np.int64]
Column = NDArray[np.float64]

WHOLE = -1
"""Where a span would begin and end: the whole page was found."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates(Sequence[Hit]):
    """Hits that nobody has ranked yet: a sequence of them, and their columns, each of the same length."""

    page: Numbers
    span: Numbers
    """(n, 2): start and stop; WHOLE where there is none."""
    dense: Column
    """Cosine; NaN where there is none."""
    lexical: Column
    """BM25; NaN where there is none."""

    @classmethod
    def of(cls, hits: Iterable[Hit]) -> "Candidates":
        """The columns of hits."""
        hits = list(hits)
        return cls(
            np.array([hit.page for hit in hits], np.int64),
            np.array([hit.span or (WHOLE, WHOLE) for hit in hits], np.int64).reshape(-1, 2),
            np.array([np.nan if hit.dense is None else hit.dense for hit in hits], np.float64),
            np.array([np.nan if hit.lexical is None else hit.lexical for hit in hits], np.float64),
        )

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Candidates":
        """Those rows, in that order."""
        return Candidates(self.page[rows], self.span[rows], self.dense[rows], self.lexical[rows])

    def without(self, pages: Collection[int]) -> "Candidates":
        """Those of other pages."""
        return self.take(~np.isin(self.page, list(pages))) if pages else self

    def among(self, pages: Sequence[int]) -> "Candidates":
        """Those that are one of the pages; then every other of the pages."""
        asked = np.array(pages, np.int64)
        return self.take(np.isin(self.page, asked)).joined(asked[~np.isin(asked, self.page)].tolist())

    def joined(self, pages: Sequence[int]) -> "Candidates":
        """With these pages after the others: of them nothing is known but that they stand there."""
        nothing = np.full(len(pages), np.nan)
        return Candidates(
            np.concatenate([self.page, np.array(pages, np.int64)]),
            np.concatenate([self.span, np.full((len(pages), 2), WHOLE, np.int64)]),
            np.concatenate([self.dense, nothing]),
            np.concatenate([self.lexical, nothing]),
        )

    def order(self, *keys: Column) -> Numbers:
        """The rows by these keys, the first before all others; ties by page and span."""
        span = np.maximum(self.span, 0)
        found: Numbers = np.lexsort((span[:, 1], span[:, 0], self.page, *reversed(keys)))
        return found

    def blend(self, words: float) -> Numbers:
        """The rows by cosine and so much of BM25."""
        return self.order(-np.nan_to_num(self.dense) - np.nan_to_num(self.lexical) * words)

    def spans(self) -> list[Span | None]:
        """The span of each."""
        return [None if start == WHOLE else (start, stop) for start, stop in self.span.tolist()]

    def __len__(self) -> int:
        return len(self.page)

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Hit]: ...
    def __getitem__(self, at: int | slice) -> Hit | Sequence[Hit]:
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        [span] = self.take(np.array([at])).spans()
        return Hit(int(self.page[at]), span, known(self.dense[at]), known(self.lexical[at]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def known(value: float) -> float | None:
    """A value of a column; None where it is missing."""
    return None if value != value else float(value)
