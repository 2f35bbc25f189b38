"""One session's file, open: its connection, transactions, statements, checkpoints. No table is known here."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from os import PathLike
from pathlib import Path
from threading import RLock
from time import monotonic, sleep
from typing import Any

from vctx.errors import DiskError
from vctx.storage.codec import Row
from vctx.storage.connection import Opener, connect, journalled, standard, use_wal, writable
from vctx.storage.lock import WriteLock
from vctx.storage.schema import copies, copy, current, migrate
from vctx.storage.trouble import fetched, translated, usable

Args = Sequence[Any] | Mapping[str, Any]

# The least that SQLite has allowed in one statement is 999 variables.
_VARIABLES = 900

# Bytes of the write-ahead log above which it is copied back: SQLite's own thousand pages.
_LOG = 4_096_000

# Seconds to wait for readers to let go of the log.
_READERS = 0.1


class File:
    """A session's file, open. Threads take turns; processes wait `busy` seconds for each other.

    A file that may not be written, or with `readonly`, is opened for reading: what is written then raises.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        busy: float = 5.0,
        *,
        readonly: bool = False,
        opener: Opener = standard,
    ) -> None:
        self.path = Path(path).absolute()
        self.lock = RLock()
        self.busy = busy
        usable(self.path)
        # SQLite keeps its log beside the file that a link names; so must the lock.
        self.real = self.path.resolve()
        self.readonly = readonly or (self.real.exists() and not writable(self.real))
        self._log = f"{self.real}-wal"
        self._writing = self._unsynced = False
        self._commits = 0
        self._moment: tuple[int, int] | None = None
        self._process = os.getpid()
        self._patience = _LOG
        self._turn = WriteLock(self.real)
        self._raw: sqlite3.Connection | None = None
        with translated(self.path, busy):
            try:
                self._raw = connect(self.real, busy, opener, readonly=self.readonly)
                self._prepare(self._raw)
                self._file = self.real.stat()
            except BaseException:
                self._discard()
                self._turn.close()
                raise

    @property
    def open(self) -> bool:
        """Whether it has not been closed, and no transaction is open."""
        return self._raw is not None and not self._writing and self._process == os.getpid()

    @property
    def writing(self) -> bool:
        """Whether a transaction is open, whose end may still undo what stands in it."""
        return self._writing

    @property
    def state(self) -> tuple[int, int] | None:
        """What differs once anybody has committed anything; None while a transaction is open."""
        with self.lock:
            if self._writing:
                return None
            # Other connections' commits, and this one's, which the first number does not count.
            return self._moment or (int(self.value("PRAGMA data_version")), self._commits)

    def close(self) -> None:
        """May be called again. Raises DiskError inside a transaction."""
        with self.lock:
            if self._writing:
                raise DiskError(f"{self.path} was closed inside a transaction; leave the transaction first")
            if self._raw is not None:
                self._part()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """The write lock: everything inside is kept at the end, or (on any exception) absent.

        What is kept survives a power cut; unless `durable` is False, when the end may come before the
        next durable one does.
        """
        with self.lock:
            if self._writing:
                raise DiskError(f"a transaction on {self.path} is open already; transactions do not nest")
            self._may_write()
            with self._turn.held(self.busy):
                self._there()
                with nullcontext() if durable else self.unsynced():
                    yield from self._begun("BEGIN IMMEDIATE")
                self._tidy()

    @contextmanager
    def unsynced(self) -> Iterator[None]:
        """Transactions inside may end before they are durable; the next after it makes them durable, too."""
        if self._unsynced:
            yield
            return
        self._run("PRAGMA synchronous = NORMAL")
        self._unsynced = True
        try:
            yield
        finally:
            self._unsynced = False
            if self._raw is not None:
                self._run("PRAGMA synchronous = FULL")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment; within a transaction or another snapshot, of theirs."""
        with self.lock:
            if self._writing or self._moment:
                yield
                return
            try:
                self._run("BEGIN")
                self._moment = self.state
                yield
            finally:
                self._moment = None
                self._undo()

    def rows(self, sql: str, args: Args = ()) -> list[Row]:
        """All rows of a query."""
        with self.lock, translated(self.path, self.busy):
            return fetched(self._open(), sql, args)

    def value(self, sql: str, args: Args = ()) -> Any:
        """The first column of the first row."""
        return self.rows(sql, args)[0][0]

    def among(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """All rows of a query that ends in `IN`, for any number of values."""
        found: list[Row] = []
        for start in range(0, len(values), _VARIABLES):
            part = values[start : start + _VARIABLES]
            found += self.rows(f"{sql} ({','.join('?' * len(part))})", part)
        return found

    def write(self, sql: str, args: Sequence[Any] = ()) -> None:
        """One statement; inside a transaction."""
        with self.lock, translated(self.path, self.busy):
            self._inside().execute(sql, args)

    def write_all(self, sql: str, rows: Iterable[Row]) -> None:
        """One statement for each row; inside a transaction."""
        with self.lock, translated(self.path, self.busy):
            self._inside().executemany(sql, rows)

    def emptied(self) -> bool:
        """Copies the whole log back and empties it; False where a reader still needs it."""
        with self.lock:
            self._may_write()
            with self._turn.held(self.busy):
                until = monotonic() + _READERS
                while not self._truncated():
                    if monotonic() > until:
                        return False
                    sleep(_READERS / 20)
                return True

    def copied(self, target: Path) -> None:
        """Copies the file of one moment to `target`, durable, whole or absent."""
        with self.lock, translated(self.path, self.busy):
            try:
                copy(self._open(), target)
            except OSError as error:
                raise DiskError(
                    f"{target} cannot be written ({error.strerror}); name another file"
                ) from error

    def files(self) -> list[Path]:
        """Every file of the session that holds, or may hold, what was written."""
        beside = [self.real.with_name(self.real.name + end) for end in ("", "-wal", "-shm")]
        return [path for path in beside if path.exists()] + copies(self.real)

    def _prepare(self, raw: sqlite3.Connection) -> None:
        """The present schema, and a log: made or migrated, where it is not, under the write lock."""
        if current(raw, self.path) and (self.readonly or journalled(raw)):
            return
        if self.readonly:
            raise DiskError(
                f"{self.path} has an older schema and cannot be written; copy it to a folder that can"
            )
        with self._turn.held(self.busy):
            use_wal(raw, self.busy)
            migrate(raw, self.real)

    def _begun(self, begin: str) -> Iterator[None]:
        try:
            self._run(begin)
            self._writing = True
            yield
            self._run("COMMIT")
        finally:
            self._writing = False
            self._commits += 1
            self._undo()

    def _tidy(self) -> None:
        """Copies the log back once it is long; while a reader needs it, only after it has grown again."""
        # What was committed is safe in the log: a failure here is the next writer's to report.
        with suppress(DiskError, OSError):
            size = os.stat(self._log).st_size  # noqa: PTH116
            if size > self._patience:
                self._patience = _LOG if self._truncated() else size + _LOG

    def _truncated(self) -> bool:
        self._run("PRAGMA busy_timeout = 0")
        try:
            return bool(self.value("PRAGMA wal_checkpoint(TRUNCATE)") == 0)
        finally:
            self._run(f"PRAGMA busy_timeout = {int(self.busy * 1000)}")

    def _part(self) -> None:
        """The last to leave copies the log back, so it leaves under the lock, unless another holds that."""
        try:
            if self.readonly:
                self._discard()
            else:
                with self._turn.held(0):
                    self._discard()
        except DiskError:
            # Who holds the lock has the file open, so we are not the last.
            self._discard()
        finally:
            if not self.readonly:
                # Its folder may be gone; then there is no lock to delete.
                with suppress(DiskError):
                    self._turn.remove()

    def _discard(self) -> None:
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def _run(self, sql: str) -> None:
        with translated(self.path, self.busy):
            self._open().execute(sql).fetchall()

    def _undo(self) -> None:
        # SQLite has rolled back by itself where the disk was full or failed.
        if self._raw is not None and self._raw.in_transaction:
            self._run("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        if self._raw is None:
            raise DiskError(f"{self.path} has been closed; open it again")
        if self._process != os.getpid():
            raise DiskError(f"{self.path} was opened before this process forked; open it again here")
        return self._raw

    def _inside(self) -> sqlite3.Connection:
        raw = self._open()
        if not self._writing:
            raise DiskError(f"writing to {self.path} needs a transaction: `with disk.transaction():`")
        return raw

    def _may_write(self) -> None:
        self._open()
        if self.readonly:
            raise DiskError(
                f"{self.path} is open for reading only; allow writing to the file and to its folder,"
                " or copy it to where you may write"
            )

    def _there(self) -> None:
        """What is written to a file that has lost its name would be lost with it."""
        try:
            same = os.path.samestat(self._file, self.real.stat())
        except FileNotFoundError:
            same = False
        if not same:
            raise DiskError(f"{self.path} was removed or replaced while it was open; open it again")
