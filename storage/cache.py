"""A cache file: an index as it stood, so that opening need not read and verify every row again.

    magic | digest | length of the header | header (JSON) | places (zlib) | fp16 codes | product quantizer

It is derived, and may be missing, old, cut short or garbled at any time: then it is not used. The header
ends in what the owner stamps it with, which says whether it belongs to what stands in the session.
"""

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from glob import escape
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vctx.storage.index import SpanIndex

_MAGIC = b"vctx cache 1\n"
_DIGEST = 16

ACROSS = ".vctx-index-"
"""How the names of caches across the sessions of a folder begin."""

_HEAD = len(_MAGIC) + _DIGEST + 4

# Words that are summed before they are hashed: hashing every byte of a large cache took most of its loading.
_WORDS = 512

Bytes = NDArray[np.uint8]


def save(path: Path, index: SpanIndex, stamp: Mapping[str, Any]) -> None:
    """Writes a file; the caller gives it its name once it is whole. Raises OSError."""
    places = np.frombuffer(zlib.compress(index.places.astype("<i8").tobytes(), 1), np.uint8)
    parts = [places, index.codes().reshape(-1), index.quantizer()]
    header = json.dumps(
        {
            "dim": index.dim,
            "watermark": index.watermark,
            "sizes": [len(part) for part in parts],
            "stamp": stamp,
        }
    ).encode()
    with path.open("wb") as file:
        file.write(_MAGIC + _digest(header, parts) + len(header).to_bytes(4, "little") + header)
        for part in parts:
            file.write(part.data)


def load(path: Path) -> tuple[SpanIndex, dict[str, Any]] | None:
    """The index and its stamp; None where there is no such file, or it is not what was written."""
    try:
        # Read, not mapped: a file that somebody cuts short would end the process.
        data: Bytes = np.fromfile(path, np.uint8)
    except OSError:
        return None
    if len(data) < _HEAD or data[: len(_MAGIC)].tobytes() != _MAGIC:
        return None
    start = _HEAD + int.from_bytes(data[_HEAD - 4 : _HEAD].tobytes(), "little")
    header = data[_HEAD:start].tobytes()
    with suppress(ValueError, KeyError, TypeError):
        known = json.loads(header)
        stops = start + np.cumsum([0, *known["sizes"]])
        parts = [data[a:b] for a, b in pairwise(stops)]
        if stops[-1] == len(data) and _digest(header, parts) == data[len(_MAGIC) : _HEAD - 4].tobytes():
            return _index(known, *parts), known["stamp"]
    return None


def beside(session: Path) -> Path:
    """The cache of a session."""
    return session.with_name(session.name + "-cache")


def half(path: Path) -> Path:
    """The name under which this process writes what becomes `path` once it is whole."""
    return path.with_name(f"{path.name}.{os.getpid()}.part")


def remove(session: Path) -> None:
    """Deletes every cache that may hold vectors of a session: its own, and those across its folder."""
    mine = beside(session)
    halves = session.parent.glob(f"{escape(mine.name)}.*.part")
    for file in (mine, *halves, *session.parent.glob(f"{ACROSS}*")):
        file.unlink(missing_ok=True)


def _index(known: Mapping[str, Any], places: Bytes, codes: Bytes, quantizer: Bytes) -> SpanIndex:
    rows = np.frombuffer(zlib.decompress(places.tobytes()), "<i8").astype(np.int64).reshape(-1, 3)
    index = SpanIndex(known["dim"])
    index.restore(rows, codes.reshape(len(rows), 2 * index.dim), known["watermark"], quantizer)
    return index


def _digest(header: bytes, parts: list[Bytes]) -> bytes:
    found = blake2b(header, digest_size=_DIGEST)
    for part in parts:
        whole = len(part) // (8 * _WORDS) * 8 * _WORDS
        found.update(part[:whole].view("<u8").reshape(-1, _WORDS).sum(axis=1, dtype=np.uint64).data)
        found.update(part[whole:].data)
    return found.digest()
