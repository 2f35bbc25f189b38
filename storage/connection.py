"""How a connection is made, for reading and writing or for reading only. No table is known here."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from vctx.errors import DiskError
from vctx.storage.trouble import patiently

APPLICATION = 0x76637478
"""`vctx` in ASCII: SQLite's application id, which tells a session from any other database."""

Opener = Callable[[str, float], sqlite3.Connection]
"""Opens a database by its URI; the second argument is the wait for SQLite's own locks in seconds.

What it returns commits by itself unless told to begin, and may be used by several threads in turn.
"""


def standard(uri: str, busy: float) -> sqlite3.Connection:
    """The standard library's SQLite."""
    return sqlite3.connect(uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False)


def writable(path: Path) -> bool:
    """Whether this process may write the session, or make it: the file, and the folder for its log."""
    return os.access(path if path.exists() else path.parent, os.W_OK) and os.access(path.parent, os.W_OK)


def connect(path: Path, busy: float, opener: Opener, *, readonly: bool) -> sqlite3.Connection:
    """A connection to the database at `path`, once it is known to be ours, or empty."""
    raw = opener(_uri(path, readonly), busy)
    try:
        _recognise(raw, path)
        _configure(raw)
    except BaseException:
        raw.close()
        raise
    return raw


def journalled(raw: sqlite3.Connection) -> bool:
    """Whether the file keeps a write-ahead log already."""
    return bool(raw.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def use_wal(raw: sqlite3.Connection, busy: float) -> None:
    """Makes the file keep a write-ahead log, for good."""
    # Two processes that make the same file would wait for each other; SQLite sends one away at once.
    patiently(busy, lambda: raw.execute("PRAGMA journal_mode = WAL").fetchall())


def _uri(path: Path, readonly: bool) -> str:
    if not readonly:
        return path.as_uri()
    # A log that holds something must be read, and SQLite can if it may see or make the files beside.
    log = path.with_name(path.name + "-wal")
    alone = not (log.exists() and log.stat().st_size) and not os.access(path.parent, os.W_OK)
    return path.as_uri() + ("?immutable=1" if alone else "?mode=ro")


def _recognise(raw: sqlite3.Connection, path: Path) -> None:
    """Refuses a database of another program, before anything is changed in it."""
    # One statement is one snapshot: another process may be making the schema at this moment.
    made, tables = raw.execute(
        "SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id"
    ).fetchone()
    if tables and made != APPLICATION:
        raise DiskError(f"{path} is a database of another program, not a vctx session; name another file")


def _configure(raw: sqlite3.Connection) -> None:
    """FULL: what is acknowledged survives a power cut. secure_delete: what is deleted is overwritten.

    No checkpoint by SQLite itself: `File` makes them, under the write lock.
    """
    raw.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA secure_delete = ON").fetchall()
