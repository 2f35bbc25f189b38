"""The cache of converted GGUF files: each is turned into a transformers folder once. No torch unless it must.

A folder is written beside its place and renamed into it, so what stands there is whole, whoever else
writes at the same time and whenever a process dies.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from vctx.errors import DiskError, InputError, MissingError

DTYPE = "float32"
"""What weights are unpacked to. On a CPU with bfloat16 instructions (AMD EPYC, 1 thread, 1,700 tokens) it
decodes 15 tokens/s where bfloat16 decodes 10, and reads 290 where bfloat16 reads 467; a prompt that grows is
read once, so decoding weighs more. And rounding: read in four pieces over the KV cache instead of at once,
400 random tokens changed no greedy choice in float32, and 22 in bfloat16."""
FORMAT = 1
"""Raised when the conversion changes: older folders are then no longer found."""
SAMPLE = 1 << 20
ABANDONED = 3600.0
"""Seconds after which an unfinished folder belongs to nobody."""


def folder(gguf: Path, *, notice: Callable[[str], object] = lambda text: None) -> Path:
    """The transformers folder of a GGUF file, converted now if it is not yet there.

    Raises InputError for a file that is no GGUF or of an architecture that transformers cannot read.
    """
    target = place(gguf)
    if target.is_dir():
        return target
    notice(f"converting {gguf.name} for transformers (once, some 20 seconds)")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    except OSError as error:
        return _for_this_process(gguf, error)
    try:
        _convert(gguf, unfinished)
        return _publish(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def place(gguf: Path) -> Path:
    """Where its transformers folder stands, or will."""
    return root() / "models" / key(gguf)


def root() -> Path:
    """$VCTX_CACHE, else $XDG_CACHE_HOME/vctx, else ~/.cache/vctx."""
    if own := os.environ.get("VCTX_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vctx"


def key(gguf: Path) -> str:
    """Names a file by its content: size, first and last MiB (the header, and the last tensors)."""
    try:
        with gguf.open("rb") as file:
            head = file.read(SAMPLE)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - SAMPLE))
            tail = file.read()
    except OSError as error:
        raise MissingError(f"cannot read {gguf}: {error.strerror}") from error
    if not head.startswith(b"GGUF"):
        raise InputError(f"{gguf} is no GGUF file")
    digest = hashlib.sha256(b"%d:%d:" % (FORMAT, size) + head + tail).hexdigest()
    return f"{gguf.stem}-{DTYPE}-{digest[:16]}"


def _convert(gguf: Path, target: Path) -> None:
    from vctx.models.gguf import convert  # noqa: PLC0415 - torch and transformers, only to convert

    try:
        convert(gguf, target, DTYPE)
    except OSError as error:
        raise DiskError(
            f"cannot write the converted model: {error}; set VCTX_CACHE to a roomy folder"
        ) from error


def _publish(unfinished: Path, place: Path) -> Path:
    unfinished.chmod(0o755)
    try:
        unfinished.rename(place)
    except OSError as error:
        if not place.is_dir():  # else another process was first, and made the same
            raise DiskError(f"cannot write {place}: {error.strerror}; set VCTX_CACHE") from error
    return place


def _sweep(place: Path) -> None:
    """Removes what killed conversions of this file have left."""
    for left in place.parent.glob(f"{place.name}.*"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _for_this_process(gguf: Path, error: OSError) -> Path:
    warnings.warn(
        f"the cache {root()} cannot be written ({error.strerror}): {gguf.name} is converted for this "
        "process only; set VCTX_CACHE to a writable folder to convert it once",
        stacklevel=3,
    )
    target = Path(tempfile.mkdtemp(prefix="vctx-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    _convert(gguf, target)
    return target
