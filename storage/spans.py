"""Spans and their vectors on disk. A vector is stored once for each text, as little-endian fp16."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from vctx.errors import DiskError, InputError, MismatchError
from vctx.storage.codec import Row, span_sum, vector_sum
from vctx.storage.counts import Counts
from vctx.storage.file import File
from vctx.storage.meta import Meta
from vctx.types import Vector

_SINCE = (
    "SELECT spans.id, page, start, stop, vector, spans.sum, hash, vectors.sum, vec FROM spans"
    " LEFT JOIN vectors ON vectors.id = vector WHERE spans.id > ? ORDER BY spans.id"
)
_VECTOR = "INSERT INTO vectors (hash, sum, vec) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_SPAN = (
    "INSERT INTO spans (id, page, start, stop, vector, sum) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (page, start, stop) DO NOTHING"
)


class Spans:
    """The tables `spans` and `vectors`; takes pages off `pending`."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._counts = Counts(file)
        self._meta = Meta(file)

    def known(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the hashes whose vector is stored."""
        return set(self._ids(hashes))

    def index(
        self, rows: Sequence[Vector], hashes: Sequence[bytes], vectors: NDArray[np.float32], embedder: str
    ) -> None:
        """Stores vectors (len(hashes), dim) and spans. What another process stored first is left as it is."""
        codes = _codes(hashes, vectors)
        # Derived: a power cut may take the last of them, and the queue still names the pages then.
        with self._file.transaction(durable=False):
            self._admit(embedder, vectors.shape[1] if len(hashes) else None)
            stored = ((hash, vector_sum(hash, code), code) for hash, code in zip(hashes, codes, strict=True))
            self._file.write_all(_VECTOR, stored)
            self._refer(rows)
            pages = dict.fromkeys(row.page for row in rows)
            self._file.write_all("DELETE FROM pending WHERE page = ?", ((page,) for page in pages))

    def since(self, span: int) -> list[Row]:
        """(id, page, start, stop, fp16 bytes) of the spans written after span `span`, in order.

        Writers take turns, and no id is given twice, so the last one seen is a watermark.
        """
        return [_true(row) for row in self._file.rows(_SINCE, (span,))]

    def drop(self, pages: Iterable[int]) -> None:
        """Deletes the spans of pages, and the vectors that no other page uses. Inside a transaction."""
        asked = list(pages)
        used = {row[0] for row in self._file.among("SELECT vector FROM spans WHERE page IN", asked)}
        self._file.write_all("DELETE FROM spans WHERE page = ?", ((page,) for page in asked))
        # A text that many pages share has many spans, and no index leads from a vector to them.
        kept = {row[0] for row in self._file.rows("SELECT vector FROM spans")} if used else set()
        self._file.write_all("DELETE FROM vectors WHERE id = ?", ((id,) for id in used - kept))

    def clear(self) -> None:
        """Deletes every vector. Inside a transaction."""
        for table in ("spans", "vectors"):
            self._file.write(f"DELETE FROM {table}")

    def _ids(self, hashes: Sequence[bytes]) -> dict[bytes, int]:
        return dict(self._file.among("SELECT hash, id FROM vectors WHERE hash IN", hashes))

    def _refer(self, rows: Sequence[Vector]) -> None:
        ids = self._ids([row.hash for row in rows])
        if missing := [row for row in rows if row.hash not in ids]:
            raise DiskError(
                f"a span of page {missing[0].page} contradicts what {self._file.path} holds:"
                " its vector is not there; embed it, and index again"
            )
        [last] = self._counts.get("span")
        self._file.write_all(_SPAN, (_row(id, row, ids[row.hash]) for id, row in enumerate(rows, last + 1)))
        self._counts.set({"span": last + len(rows)})

    def _admit(self, embedder: str, dim: int | None) -> None:
        """Records the first embedder; MismatchError for any other."""
        made = self._meta.embedder()
        if made is None and dim is not None:
            self._meta.record(embedder, dim)
        elif made is not None and made != (embedder, made[1] if dim is None else dim):
            raise MismatchError(
                f"{self._file.path} was embedded by {made[0]} (dim {made[1]}), not by {embedder} (dim {dim});"
                f" use {made[0]}, or embed it anew: vctx reembed"
            )


def _row(id: int, span: Vector, vector: int) -> Row:
    row = (id, span.page, *span.span, vector)
    return (*row, span_sum(row))


def _true(row: Row) -> Row:
    """A row of _SINCE as the index takes it; DiskError where a checksum does not match."""
    id, page, start, stop, vector, sum, hash, kept, code = row
    if span_sum((id, page, start, stop, vector)) != sum:
        raise DiskError(f"span {id} is garbled on disk: its checksum does not match; check the session")
    if code is None or vector_sum(hash, code) != kept:
        raise DiskError(
            f"the vector of page {page} is garbled on disk; check the session, and embed it again"
        )
    return id, page, start, stop, code


def _codes(hashes: Sequence[bytes], vectors: NDArray[np.float32]) -> list[bytes]:
    if len(vectors) != len(hashes) or (len(hashes) and vectors.ndim != 2):
        raise InputError(f"{len(hashes)} hashes need as many vectors, not an array of shape {vectors.shape}")
    # A number that fp16 cannot hold would poison every later search.
    half = vectors.astype("<f2")
    if not np.isfinite(half).all():
        raise InputError("a vector holds NaN or numbers beyond fp16; vectors must be of unit length")
    return [row.tobytes() for row in half]
