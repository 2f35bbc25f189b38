"""A whole session: copied while it is in use, or deleted."""

from contextlib import closing
from pathlib import Path

from vctx.errors import DiskError, InputError
from vctx.storage import cache
from vctx.storage.connection import Opener, writable
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
    if not writable(target):
        raise DiskError(f"{target} cannot be written; allow writing to its folder, or name another file")
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
            _delete(real)
    finally:
        lock.remove()
    if path.is_symlink():
        path.unlink()


def unmake(path: Path, busy: float, opener: Opener) -> bool:
    """Deletes a session in which nothing was ever written, unless somebody has it open; says whether."""
    usable(path)
    real = path.resolve()
    lock = WriteLock(real)
    try:
        with lock.held(busy), translated(path, busy):
            # Who has it open keeps a log beside it; and nobody writes while the lock is held.
            if not real.exists() or _log(real).exists() or _written(real, busy, opener):
                return False
            _delete(real)
            return True
    finally:
        lock.remove()


def _log(real: Path) -> Path:
    return real.with_name(f"{real.name}-wal")


def _written(real: Path, busy: float, opener: Opener) -> bool:
    with closing(opener(f"{real.as_uri()}?immutable=1", busy)) as raw:
        if not raw.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return False  # whoever began to make it was interrupted
        [[written]] = raw.execute(
            "SELECT (SELECT sum(value) FROM counts) + (SELECT count(*) FROM journal)"
            " + (SELECT count(*) FROM meta)"
        )
    return bool(written)


def _delete(real: Path) -> None:
    """The session first: what is left without it is no session."""
    for name in (real, _log(real), real.with_name(f"{real.name}-shm"), *copies(real)):
        name.unlink(missing_ok=True)
    cache.remove(real)
    sync(real.parent)
