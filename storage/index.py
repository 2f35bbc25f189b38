"""Search by meaning: FAISS over spans, in RAM, derived from the file.

The codes of its fp16 quantizer are the blobs on disk, so loading is a copy: no training, no conversion. Up
to LARGE rows it compares every one of them. Above, a product quantizer of four bits chooses candidates
(André et al. 2017, Quicker ADC; 48 bytes a row at 384 dimensions), and only these are compared exactly.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from vctx.candidates import WHOLE
from vctx.errors import DiskError, MismatchError
from vctx.storage.codec import Row

LARGE = 100_000
"""Rows above which candidates are chosen first: below, training (0.5 s) would hardly ever pay for itself."""

SAMPLE = 20_000
"""Rows that the product quantizer is trained on."""

DEPTH = 200
TIMES = 20
EACH = 20_000
"""Candidates that are compared exactly: DEPTH at least, and for each of the `k` so many as the larger of
TIMES and rows / EACH. That finds all of the 200 nearest of 200,000, and .995 of those of a million, where
twenty times `k` find .953 (bench/disk.py)."""

Places = NDArray[np.int64]
"""Rows of (page, start, stop)."""

Found = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Rows and their cosines."""

NOTHING: Found = (np.empty(0, np.int64), np.empty(0, np.float32))

HALVES = np.arange(2**16, dtype="<u2").view("<f2").astype(np.float32)
"""What each fp16 number is: looking it up takes a third of converting it."""


@contextmanager
def _one_thread() -> Iterator[None]:
    """FAISS shares work out by the query: for one query, its other threads would only spin."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


class SpanIndex:
    """Row i of the index is the i-th span that was taken in."""

    def __init__(self, dim: int, large: int = LARGE) -> None:
        self.watermark = 0
        """The last span taken in: its id in the file."""
        self.dim = dim
        self._large = large
        self._flat: Any = faiss.IndexScalarQuantizer(
            dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._coarse: Any = None
        self._places: list[Places] = []
        self._order: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    @property
    def places(self) -> Places:
        """Page and span of each row, (n, 3)."""
        if len(self._places) != 1:
            # Joined when they are looked at: many small additions would copy all of it each time.
            self._places = [np.concatenate([np.empty((0, 3), np.int64), *self._places])]
        return self._places[0]

    def add(self, rows: Sequence[Row]) -> None:
        """Takes in (id, page, start, stop, fp16 bytes), in order of id."""
        if rows:
            places = np.array([row[1:4] for row in rows], np.int64)
            self.take(places, self._codes(rows), rows[-1][0])

    def take(self, places: Places, codes: NDArray[np.uint8], watermark: int) -> None:
        """Takes in rows of which `codes` are the fp16 bytes, (n, 2 * dim)."""
        self._flat.add_sa_codes(codes)
        self._places.append(places)
        self.watermark = watermark
        self._order = None
        if self._coarse is not None:
            self._coarse.add(codes.view("<f2").astype(np.float32))
        elif len(self) > self._large and self.dim % 4 == 0:
            self._train()

    def room(self, size: int) -> NDArray[np.uint8]:
        """Where, while it is empty, `size` fp16 bytes of its rows are to be written, before `restore`."""
        self._flat.codes.resize(size)
        room: NDArray[np.uint8] = faiss.rev_swig_ptr(self._flat.codes.data(), size)
        return room

    def restore(self, places: Places, watermark: int, quantizer: NDArray[np.uint8]) -> None:
        """Takes in what `places`, `watermark` and `quantizer` were; the codes stand in `room` already."""
        self._flat.ntotal = len(places)
        self._places, self.watermark = [places], watermark
        if len(quantizer):
            self._coarse = faiss.deserialize_index(quantizer)

    def drop(self, rows: NDArray[np.bool_]) -> None:
        """Takes those rows out; the others move up."""
        self._places = [self.places[~rows]]
        for part in (self._flat, self._coarse):
            if part is not None:
                part.remove_ids(_selector(rows))
        self._order = None

    def codes(self) -> NDArray[np.uint8]:
        """The fp16 bytes of all rows, (n, 2 * dim)."""
        flat: NDArray[np.uint8] = faiss.vector_to_array(self._flat.codes)
        return flat.reshape(len(self), 2 * self.dim)

    def quantizer(self) -> NDArray[np.uint8]:
        """The product quantizer with its codes, as FAISS writes them; empty where there is none."""
        if self._coarse is None:
            return np.empty(0, np.uint8)
        written: NDArray[np.uint8] = faiss.serialize_index(self._coarse)
        return written

    def nearest(self, vector: NDArray[np.float32], k: int, pages: NDArray[np.bool_] | None = None) -> Found:
        """The best `k` rows and their cosines, best first; only rows of page i where `pages[i]`."""
        query = self._query(vector)
        more = {}
        among = len(self)
        if pages is not None:
            rows = pages[self.places[:, 0]]
            among = int(rows.sum())
            # FAISS's own types know its keyword arguments not.
            parameters: Any = faiss.SearchParameters
            more = {"params": parameters(sel=_selector(rows))}
        if not (k := min(k, among)):
            return NOTHING
        with _one_thread():
            if self._coarse is not None and not more:
                cosines, found = self._refined(query, k)
            else:
                cosines, found = self._flat.search(query, k, **more)
        return found[0], cosines[0]

    def best(self, pages: NDArray[np.int64], vector: NDArray[np.float32]) -> Found:
        """The best row of each of those pages that are embedded, and its cosine."""
        rows = self._of(pages)
        if not len(rows):
            return NOTHING
        cosines = self._vectors(rows) @ self._query(vector)[0]
        # By page, and the best row of a page first.
        order = np.lexsort((-cosines, pages := self.places[rows, 0]))
        first = order[np.diff(pages[order], prepend=-1) != 0]
        return rows[first], cosines[first]

    def cosines(self, pages: NDArray[np.int64], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The cosine of each page, by its best row, to each vector, (vectors, pages); NaN without a row."""
        best = np.full((len(vectors), len(pages)), np.nan, np.float32)
        count = self._count(pages)
        if len(rows := self._of(pages)):
            found = vectors @ self._vectors(rows).T
            starts = (count.cumsum() - count)[count > 0]
            best[:, count > 0] = np.maximum.reduceat(found, starts, axis=1)
        return best

    def named(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Places]:
        """The page of each row, and its span, (n, 2); WHOLE where it is the only one of its page."""
        places = self.places[rows]
        alone = self._count(places[:, 0]) == 1
        return places[:, 0], np.where(alone[:, None], WHOLE, places[:, 1:])

    def _vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of rows, (n, dim): FAISS would decode them one by one."""
        codes = faiss.rev_swig_ptr(self._flat.codes.data(), self._flat.codes.size())
        found: NDArray[np.float32] = HALVES.take(codes.view("<u2").reshape(-1, self.dim)[rows])
        return found

    def _of(self, pages: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of pages, page by page."""
        order, ordered = self._by_page()
        count = self._count(pages)
        first = ordered.searchsorted(pages, "left")
        steps = np.arange(count.sum()) - np.repeat(count.cumsum() - count, count)
        found: NDArray[np.int64] = order[np.repeat(first, count) + steps]
        return found

    def _count(self, pages: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many rows each of the pages has."""
        _, ordered = self._by_page()
        found: NDArray[np.int64] = ordered.searchsorted(pages, "right") - ordered.searchsorted(pages, "left")
        return found

    def _by_page(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows in order of their pages, and these pages."""
        if self._order is None:
            # Nearly sorted as it is: this is linear.
            order = self.places[:, 0].argsort(kind="stable")
            self._order = order, self.places[order, 0]
        return self._order

    def _refined(self, query: NDArray[np.float32], k: int) -> Any:
        depth: Any = faiss.IndexRefineSearchParameters
        factor = max(DEPTH / k, TIMES, len(self) / EACH)
        two: Any = faiss.IndexRefine(self._coarse, self._flat)
        return two.search(query, k, params=depth(k_factor=factor))

    def _train(self) -> None:
        """Every row in four bits a quarter of the dimensions. The same rows give the same quantizer."""
        vectors = self.codes().view("<f2")
        picked = np.linspace(0, len(self) - 1, min(SAMPLE, len(self))).astype(np.int64)
        self._coarse = faiss.IndexPQFastScan(self.dim, self.dim // 4, 4, faiss.METRIC_INNER_PRODUCT)
        self._coarse.pq.cp.niter = 8
        self._coarse.train(vectors[picked].astype(np.float32))
        for start in range(0, len(self), SAMPLE):
            self._coarse.add(vectors[start : start + SAMPLE].astype(np.float32))

    def _query(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vector, (dim,) or (1, dim), as FAISS wants it."""
        if vector.size != self.dim:
            raise MismatchError(
                f"the session's vectors have {self.dim} dimensions, the query has {vector.size}"
            )
        return np.ascontiguousarray(vector, np.float32).reshape(1, -1)

    def _codes(self, rows: Sequence[Row]) -> NDArray[np.uint8]:
        size = 2 * self.dim
        for id, *_, code in rows:
            if len(code) != size:
                raise DiskError(f"the vector of span {id} has {len(code)} bytes, not {size}; restore a copy")
        return np.frombuffer(b"".join(row[-1] for row in rows), np.uint8).reshape(len(rows), size)


def _selector(rows: NDArray[np.bool_]) -> Any:
    # FAISS's own types know its arrays not.
    bitmap: Any = faiss.IDSelectorBitmap
    return bitmap(np.packbits(rows, bitorder="little"))
