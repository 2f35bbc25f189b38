"""One connection to one session's file: lock, transactions, statements. No table is known here."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from threading import RLock
from typing import Any

from vctx.errors import DiskError
from vctx.storage.schema import connect
from vctx.storage.trouble import translated, usable

Row = tuple[Any, ...]

# The least that SQLite has allowed in one statement is 999 variables.
_VARIABLES = 900


class File:
    """A session's file, open. Threads take turns; processes wait `busy` seconds for each other."""

    def __init__(self, path: str | PathLike[str], busy: float = 5.0) -> None:
        self.path = Path(path).absolute()
        self.lock = RLock()
        self._busy = busy
        self._writing = False
        usable(self.path)
        with translated(self.path, busy):
            self._raw: sqlite3.Connection | None = connect(self.path, busy)

    def close(self) -> None:
        """May be called again. Raises DiskError inside a transaction."""
        with self.lock:
            if self._writing:
                raise DiskError(f"{self.path} was closed inside a transaction; leave the transaction first")
            if self._raw is not None:
                self._raw.close()
                self._raw = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """The write lock: everything inside is durable at the end, or (on any exception) absent."""
        with self.lock:
            if self._writing:
                raise DiskError(f"a transaction on {self.path} is open already; transactions do not nest")
            try:
                self._run("BEGIN IMMEDIATE")
                self._writing = True
                yield
                self._run("COMMIT")
            finally:
                self._writing = False
                self._undo()

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        with self.lock, translated(self.path, self._busy):
            return self._open().execute(sql, args).fetchall()

    def among(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """All rows of a query that ends in `IN`, for any number of values."""
        found: list[Row] = []
        for start in range(0, len(values), _VARIABLES):
            part = values[start : start + _VARIABLES]
            found += self.rows(f"{sql} ({','.join('?' * len(part))})", part)
        return found

    def write(self, sql: str, args: Sequence[Any] = ()) -> None:
        """One statement; inside a transaction."""
        with self.lock, translated(self.path, self._busy):
            self._inside().execute(sql, args)

    def write_all(self, sql: str, rows: Iterable[Row]) -> None:
        """One statement for each row; inside a transaction."""
        with self.lock, translated(self.path, self._busy):
            self._inside().executemany(sql, rows)

    def _run(self, sql: str) -> None:
        with translated(self.path, self._busy):
            self._open().execute(sql)

    def _undo(self) -> None:
        # SQLite has rolled back by itself where the disk was full or failed.
        if self._raw is not None and self._raw.in_transaction:
            self._run("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        if self._raw is None:
            raise DiskError(f"{self.path} has been closed; open it again")
        return self._raw

    def _inside(self) -> sqlite3.Connection:
        raw = self._open()
        if not self._writing:
            raise DiskError(f"writing to {self.path} needs a transaction: `with disk.transaction():`")
        return raw
