"""The index of one session: from the cache beside it or from the file, caught up, and kept for next time."""

from pathlib import Path
from secrets import randbits

from vctx.errors import DiskError
from vctx.storage import cache
from vctx.storage.counts import Counts
from vctx.storage.file import File
from vctx.storage.index import SpanIndex
from vctx.storage.meta import Meta
from vctx.storage.settled import Settled
from vctx.storage.spans import Spans

KEPT = 2000
"""Rows below which a session opens as fast without a cache."""


class Dense:
    """Search by meaning within one session."""

    def __init__(self, file: File, spans: Spans) -> None:
        self._file = file
        self._spans = spans
        self._counts = Counts(file)
        self._meta = Meta(file)
        self._settled = Settled(file)
        self._index: SpanIndex | None = None
        self._forgotten = 0
        self._cached = 0

    def caught_up(self) -> SpanIndex | None:
        """The index with all that has been committed, by any process; None while nothing is embedded.

        Inside a snapshot.
        """
        return self._settled.get("index", self._caught_up)

    def keep(self) -> None:
        """Writes the cache, where there is much that it lacks. What fails costs no more than time."""
        new = 0 if self._index is None else len(self._index) - self._cached
        if (
            self._index is None
            or self._file.readonly
            or len(self._index) < KEPT
            or 8 * new < len(self._index)
        ):
            return
        part, token = cache.half(self._path), randbits(62) + 1
        try:
            cache.save(part, self._index, {"token": token, "forgotten": self._forgotten})
            # Under the lock, so that nothing is forgotten between the look and the new name. The session
            # says which cache is its own: an older copy of it, put back, knows this one not.
            with self._file.transaction(durable=False):
                if self._counts.get("forgotten") == [self._forgotten]:
                    self._counts.set({"cache": token})
                    part.replace(self._path)
        except (OSError, DiskError):
            return
        finally:
            part.unlink(missing_ok=True)

    def _caught_up(self) -> SpanIndex | None:
        forgotten, token = self._counts.get("forgotten", "cache")
        if forgotten != self._forgotten:
            self._index, self._forgotten = None, forgotten
        if self._index is None and (made := self._meta.embedder()):
            self._index = self._kept(made[1], token) or SpanIndex(made[1])
            self._cached = len(self._index)
        if self._index is not None:
            self._index.add(self._spans.since(self._index.watermark))
        return self._index

    @property
    def _path(self) -> Path:
        return cache.beside(self._file.real)

    def _kept(self, dim: int, token: int) -> SpanIndex | None:
        found = cache.load(self._path) if token else None
        if found is None or found[1] != {"token": token, "forgotten": self._forgotten}:
            return None
        return found[0] if found[0].dim == dim else None
