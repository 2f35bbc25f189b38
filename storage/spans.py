"""Spans and their vectors on disk. A vector is stored once for each text, as little-endian fp16."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vctx.errors import InputError, MismatchError
from vctx.storage.file import File, Row
from vctx.types import Vector

_SINCE = (
    "SELECT spans.id, page, start, stop, vec FROM spans JOIN vectors USING (hash)"
    " WHERE spans.id > ? ORDER BY spans.id"
)


class Spans:
    """The tables `spans`, `vectors` and `meta`; takes pages off `pending`."""

    def __init__(self, file: File) -> None:
        self._file = file

    def embedder(self) -> tuple[str, int] | None:
        """Name and dimension of the embedder that made the vectors; None before the first."""
        found: dict[str, str] = dict(
            self._file.rows("SELECT key, value FROM meta WHERE key IN ('embedder', 'dim')")
        )
        return (found["embedder"], int(found["dim"])) if found else None

    def known(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the hashes whose vector is stored."""
        return {row[0] for row in self._file.among("SELECT hash FROM vectors WHERE hash IN", hashes)}

    def index(
        self, rows: Sequence[Vector], hashes: Sequence[bytes], vectors: NDArray[np.float32], embedder: str
    ) -> None:
        """Stores vectors (len(hashes), dim) and spans. What another process stored first is left as it is."""
        codes = _codes(hashes, vectors)
        with self._file.transaction():
            self._admit(embedder, vectors.shape[1] if len(hashes) else None)
            sql = "INSERT OR IGNORE INTO vectors (hash, vec) VALUES (?, ?)"
            self._file.write_all(sql, zip(hashes, codes, strict=True))
            sql = "INSERT OR IGNORE INTO spans (page, start, stop, hash) VALUES (?, ?, ?, ?)"
            self._file.write_all(sql, ((row.page, *row.span, row.hash) for row in rows))
            pages = dict.fromkeys(row.page for row in rows)
            self._file.write_all("DELETE FROM pending WHERE page = ?", ((page,) for page in pages))

    def since(self, span: int) -> list[Row]:
        """(id, page, start, stop, fp16 bytes) of the spans written after span `span`, in order.

        Writers take turns, so ids grow in the order of commits and the last one seen is a watermark.
        """
        return self._file.rows(_SINCE, (span,))

    def _admit(self, embedder: str, dim: int | None) -> None:
        """Records the first embedder; MismatchError for any other."""
        made = self.embedder()
        if made is None and dim is not None:
            pairs = [("embedder", embedder), ("dim", str(dim))]
            self._file.write_all("INSERT INTO meta (key, value) VALUES (?, ?)", pairs)
        elif made is not None and made != (embedder, made[1] if dim is None else dim):
            raise MismatchError(
                f"{self._file.path} was embedded by {made[0]} (dim {made[1]}), not by {embedder} (dim {dim});"
                f" use {made[0]}, or start another session"
            )


def _codes(hashes: Sequence[bytes], vectors: NDArray[np.float32]) -> list[bytes]:
    if len(vectors) != len(hashes) or (len(hashes) and vectors.ndim != 2):
        raise InputError(f"{len(hashes)} hashes need as many vectors, not an array of shape {vectors.shape}")
    # A number that fp16 cannot hold would poison every later search.
    half = vectors.astype("<f2")
    if not np.isfinite(half).all():
        raise InputError("a vector holds NaN or numbers beyond fp16; vectors must be of unit length")
    return [row.tobytes() for row in half]
