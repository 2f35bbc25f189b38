"""A whole session: copied while it is in use, or deleted."""

from pathlib import Path

from vctx.errors import DiskError, InputError
from vctx.storage import cache
from vctx.storage.connection import Opener
from vctx.storage.file import File
from vctx.storage.lock import WriteLock
from vctx.storage.schema import copies, sync
from vctx.storage.trouble import translated, usable


def backup(file: File, target: Path, opener: Opener) -> None:
    """Copies the session of one moment to `target`, on a connection of its own: nobody waits for it."""
    target = target.absolute()
    usable(target)
    if target.exists():
        raise InputError(f"{target} is there already; name a new file")
    own = File(file.path, file.busy, readonly=file.readonly, opener=opener)
    try:
        own.copied(target)
    finally:
        own.close()


def purge(path: Path, busy: float) -> None:
    """Deletes every file of the session, the names durably."""
    usable(path)
    real = path.resolve()
    if not real.exists():
        raise DiskError(f"{path} is not there; nothing was deleted")
    lock = WriteLock(real)
    try:
        with lock.held(busy), translated(path, busy):
            # The session first: what is left without it is no session.
            for name in (real, *(real.with_name(real.name + end) for end in ("-wal", "-shm")), *copies(real)):
                name.unlink(missing_ok=True)
            cache.remove(real)
            sync(real.parent)
    finally:
        lock.remove()
    if path.is_symlink():
        path.unlink()
