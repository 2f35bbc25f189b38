"""A cache file: an index as it stood, so that opening need not read and verify every row again.

    magic | digest of the header | its length | header (JSON) | places (zlib) | fp16 codes | product quantizer

It is derived, and may be missing, old, cut short or garbled at any time: then it is not used. The header
holds the checksum of the rest, and what the owner stamps it with: whether it belongs to what stands in the
session.
"""

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from glob import escape
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

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
    known = {
        "dim": index.dim,
        "watermark": index.watermark,
        "sizes": [len(part) for part in parts],
        "sum": _sum(parts),
        "stamp": stamp,
    }
    header = json.dumps(known).encode()
    with path.open("wb") as file:
        file.write(_MAGIC + _digest(header) + len(header).to_bytes(4, "little") + header)
        for part in parts:
            file.write(part.data)


def load(path: Path) -> tuple[SpanIndex, dict[str, Any]] | None:
    """The index and its stamp; None where there is no such file, or it is not what was written."""
    # Read, not mapped: a file that somebody cuts short meanwhile would end the process.
    with suppress(OSError), path.open("rb") as file:
        if (known := _header(file)) and (index := _index(file, known)):
            return index, known["stamp"]
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


def _header(file: BinaryIO) -> dict[str, Any] | None:
    """What the header says, once it is known to be what was written, and all that it announces is there."""
    head = file.read(_HEAD)
    header = file.read(int.from_bytes(head[-4:], "little"))
    if head[:-4] != _MAGIC + _digest(header):
        return None
    known: dict[str, Any] = json.loads(header)
    return known if os.fstat(file.fileno()).st_size == file.tell() + sum(known["sizes"]) else None


def _index(file: BinaryIO, known: Mapping[str, Any]) -> SpanIndex | None:
    index = SpanIndex(known["dim"])
    sizes: list[int] = known["sizes"]
    # The vectors go where FAISS keeps them: a copy of a large cache took a third of its loading.
    parts = [np.empty(sizes[0], np.uint8), index.room(sizes[1]), np.empty(sizes[2], np.uint8)]
    if [file.readinto(part.data) for part in parts] != sizes or _sum(parts) != known["sum"]:  # type: ignore[attr-defined]
        return None
    rows = np.frombuffer(zlib.decompress(parts[0].tobytes()), "<i8").astype(np.int64).reshape(-1, 3)
    index.restore(rows, known["watermark"], parts[2])
    return index


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST).digest()


def _sum(parts: list[Bytes]) -> str:
    found = blake2b(digest_size=_DIGEST)
    for part in parts:
        whole = len(part) // (8 * _WORDS) * 8 * _WORDS
        found.update(part[:whole].view("<u8").reshape(-1, _WORDS).sum(axis=1, dtype=np.uint64).data)
        found.update(part[whole:].data)
    return found.hexdigest()
