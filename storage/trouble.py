"""SQLite's errors in our words. The only place where sqlite3.Error is caught."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from time import monotonic, sleep
from typing import Any

from vctx.errors import DiskError, InputError

# The start of SQLite's error name, and what it means to whoever reads it.
_CAUSES = {
    "SQLITE_BUSY": "another process holds {path} for more than {busy:g} s; close it there or try again",
    "SQLITE_LOCKED": "another connection holds {path}; close it or try again",
    "SQLITE_FULL": "no space left for {path}; free some and try again: what was acknowledged is safe",
    "SQLITE_NOTADB": "{path} is no vctx session, or its head is damaged; name another file or restore a copy",
    "SQLITE_CORRUPT": "{path} is damaged ({error}); restore a copy",
    "SQLITE_READONLY": "{path} cannot be written; allow writing to the file and to its folder",
    "SQLITE_CANTOPEN": "{path} cannot be opened; allow reading and writing the file and its folder",
    "SQLITE_PERM": "{path} cannot be opened; allow reading and writing the file and its folder",
    "SQLITE_IOERR": "reading or writing {path} failed ({error}); check the disk that holds it",
    "SQLITE_TOOBIG": "a value is too large for {path} ({error}); cut it into smaller pages",
    "SQLITE_CONSTRAINT": "{path} refused a row that contradicts what it holds ({error})",
}

# Seconds between two tries.
_PAUSE = 0.01

# Bytes: SQLite's shared memory grows by so much.
_LITTLE = 32_768


@contextmanager
def translated(path: Path, busy: float) -> Iterator[None]:
    """Raises DiskError for whatever SQLite raises inside; `busy` is the wait for a lock in seconds."""
    try:
        yield
    except sqlite3.Error as error:
        raise DiskError(explain(path, error, busy)) from error
    except UnicodeDecodeError as error:
        # sqlite3 fails to decode its own message when that quotes a garbled schema.
        raise DiskError(f"{path} is damaged (its schema is no text); restore a copy") from error


def fetched(raw: sqlite3.Connection, sql: str, args: Any) -> list[tuple[Any, ...]]:
    """All rows of a query. A flipped byte reaches its row's checksum, and is no decoding error here."""
    try:
        return raw.execute(sql, args).fetchall()
    except sqlite3.OperationalError as error:
        if hasattr(error, "sqlite_errorcode"):
            raise  # SQLite's own: only the module beside it fails to decode
    usual, raw.text_factory = raw.text_factory, _text
    try:
        return raw.execute(sql, args).fetchall()
    finally:
        raw.text_factory = usual


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def patiently(busy: float, run: Callable[[], object]) -> None:
    """Runs what SQLite may send away at once though it was told to wait; tries again for `busy` seconds."""
    until = monotonic() + busy
    while True:
        try:
            run()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
        sleep(_PAUSE)


def explain(path: Path, error: sqlite3.Error, busy: float) -> str:
    """One line: which file, what is wrong, what to do."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_IOERR") and _full(path):
        name = "SQLITE_FULL"  # SQLite says otherwise of its shared memory
    for start, line in _CAUSES.items():
        if name.startswith(start):
            return line.format(path=path, error=error, busy=busy)
    return f"{path} cannot be used ({error}); if it comes again, restore a copy"


def _full(path: Path) -> bool:
    try:
        return disk_usage(path.parent).free < _LITTLE
    except OSError:
        return False


def usable(path: Path) -> None:
    """Raises for a path that can hold no session: DiskError, or InputError for a malformed one."""
    if "\0" in str(path):
        raise InputError(f"{str(path)!r} holds a NUL; no file can have that name")
    try:
        if path.exists() and not path.is_file():
            raise DiskError(f"{path} is a folder or a device, not a session's file; name a file")
        if not path.parent.is_dir():
            raise DiskError(f"the folder {path.parent} does not exist; make it, or name another file")
    except OSError as error:
        raise DiskError(
            f"{path} cannot be reached ({error.strerror}); check the path and its rights"
        ) from error
