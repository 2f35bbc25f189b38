"""Search by meaning: FAISS over the spans of one session, in RAM, exact, derived from the file.

The codes of its fp16 quantizer are the blobs on disk, so loading is a copy: no training, no conversion.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from vctx.errors import DiskError, MismatchError
from vctx.storage.codec import Row
from vctx.types import Span


@contextmanager
def _one_thread() -> Iterator[None]:
    """FAISS shares work out by the query: for one query, its other threads would only spin."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _only(rows: NDArray[np.int64]) -> Any:
    # FAISS's own types know its keyword arguments not.
    parameters: Any = faiss.SearchParameters
    return parameters(sel=faiss.IDSelectorBatch(rows))


class SpanIndex:
    """Row i of the index is the span `span(i)` of the page `page(i)`."""

    def __init__(self, dim: int) -> None:
        self.watermark = 0
        """The last span taken in: its id in the file."""
        self._dim = dim
        self._faiss: Any = faiss.IndexScalarQuantizer(
            dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._spans: list[tuple[int, Span]] = []
        self._rows: defaultdict[int, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._spans)

    def add(self, rows: Sequence[Row]) -> None:
        """Takes in (id, page, start, stop, fp16 bytes), in order of id."""
        if not rows:
            return
        self._faiss.add_sa_codes(self._codes(rows))
        for id, page, start, stop, _ in rows:
            self._rows[page].append(len(self._spans))
            self._spans.append((page, (start, stop)))
            self.watermark = id

    def nearest(
        self, vector: NDArray[np.float32], k: int, pages: Container[int] | None = None
    ) -> list[tuple[int, float]]:
        """The best `k` rows with their cosines, best first; only those of `pages`, where given."""
        query = self._query(vector)
        among = self._among(pages)
        if not (k := min(k, len(self) if among is None else len(among))):
            return []
        more = {} if among is None else {"params": _only(among)}
        with _one_thread():
            cosines, rows = self._faiss.search(query, k, **more)
        return list(zip(rows[0].tolist(), cosines[0].tolist(), strict=True))

    def best(self, pages: Iterable[int], vector: NDArray[np.float32]) -> dict[int, tuple[int, float]]:
        """The best row of each of those pages that are embedded, with its cosine."""
        rows = [row for page in pages for row in self._rows.get(page, ())]
        if not rows:
            return {}
        cosines = self._faiss.reconstruct_batch(np.array(rows)) @ self._query(vector)[0]
        # Ascending, so that the best row of a page is the last to be written.
        order = cosines.argsort(kind="stable")
        return {self.page(rows[i]): (rows[i], float(cosines[i])) for i in order.tolist()}

    def page(self, row: int) -> int:
        """The page that a row belongs to."""
        return self._spans[row][0]

    def span(self, row: int) -> Span | None:
        """The span of a row; None where it is the only one of its page."""
        page, span = self._spans[row]
        return None if len(self._rows[page]) == 1 else span

    def _among(self, pages: Container[int] | None) -> NDArray[np.int64] | None:
        if pages is None:
            return None
        return np.array([row for row, (page, _) in enumerate(self._spans) if page in pages], np.int64)

    def _query(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vector, (dim,) or (1, dim), as FAISS wants it."""
        if vector.size != self._dim:
            raise MismatchError(
                f"the session's vectors have {self._dim} dimensions, the query has {vector.size}"
            )
        return np.ascontiguousarray(vector, np.float32).reshape(1, -1)

    def _codes(self, rows: Sequence[Row]) -> NDArray[np.uint8]:
        size = 2 * self._dim
        for id, *_, code in rows:
            if len(code) != size:
                raise DiskError(f"the vector of span {id} has {len(code)} bytes, not {size}; restore a copy")
        return np.frombuffer(b"".join(row[-1] for row in rows), np.uint8).reshape(len(rows), size)
