"""What makes faults: SQLite through apsw with a VFS that records, or fails; writers to be killed.

The code under test is the one that ships: only its connection comes from here.
"""

import itertools
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import apsw

SECTOR = 512
_NAMES = itertools.count()


class Cursor:
    """An apsw cursor with sqlite3's errors."""

    # sqlite-utils asks for these, and needs them not.
    lastrowid = None
    rowcount = -1

    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())

    def fetchall(self) -> list[Any]:
        return list(_translated(self._cursor.fetchall))

    def fetchone(self) -> Any:
        return _translated(self._cursor.fetchone)


class Connection:
    """As much of sqlite3.Connection as the storage uses, on apsw's newer SQLite."""

    def __init__(self, uri: str, busy: float, vfs: str | None = None) -> None:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
        self._raw = _translated(lambda: apsw.Connection(uri, flags=flags, vfs=vfs))
        self._raw.set_busy_timeout(int(busy * 1000))

    @property
    def in_transaction(self) -> bool:
        return bool(self._raw.in_transaction)

    def execute(self, sql: str, args: Sequence[Any] | Mapping[str, Any] = ()) -> Cursor:
        return Cursor(_translated(lambda: self._raw.execute(sql, args)))

    def executemany(self, sql: str, rows: Iterable[Any]) -> Cursor:
        return Cursor(_translated(lambda: self._raw.executemany(sql, rows)))

    def close(self) -> None:
        _translated(lambda: self._raw.close(True))


def _translated(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except apsw.Error as error:
        known = sqlite3.OperationalError(str(error))
        code = getattr(error, "extendedresult", 0) or getattr(error, "result", 1)
        names = {**apsw.mapping_result_codes, **apsw.mapping_extended_result_codes}
        known.sqlite_errorcode = code & 0xFF
        known.sqlite_errorname = str(names.get(code, names.get(code & 0xFF, "SQLITE_IOERR")))
        raise known from None


def opener(vfs: str | None = None) -> Callable[[str, float], sqlite3.Connection]:
    """For SqliteDisk's `connect`."""
    return lambda uri, busy: cast(sqlite3.Connection, Connection(uri, busy, vfs))


class Op(NamedTuple):
    """One thing that was done to a file, or an acknowledgement (a file named "")."""

    kind: Literal["write", "truncate", "sync", "delete", "ack"]
    file: str
    at: int = 0
    data: bytes = b""


class Recorder(apsw.VFS):
    """Passes everything on to the operating system, and keeps a log of it."""

    def __init__(self) -> None:
        self.name = f"recorder{next(_NAMES)}"
        self.log: list[Op] = []
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: Any) -> Any:
        return _Recorded(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.log.append(Op("delete", Path(filename).name))


class _Recorded(apsw.VFSFile):
    def __init__(self, vfs: Recorder, name: Any, flags: Any) -> None:
        super().__init__("", name, flags)
        self._vfs = vfs
        self._name = Path(name if isinstance(name, str) else name.filename()).name

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._vfs.log.append(Op("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._vfs.log.append(Op("truncate", self._name, newsize))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._vfs.log.append(Op("sync", self._name))


def after_power_cut(log: Sequence[Op], cut: int, folder: Path, pick: random.Random) -> None:
    """The files as a power cut before operation `cut` may leave them.

    What was synced is there. Of what was not, each sector is there or not, as chance will have it.
    """
    durable: dict[str, bytearray] = {}
    waiting: dict[str, list[Op]] = {}
    for op in log[:cut]:
        if op.kind == "sync":
            for old in waiting.pop(op.file, []):
                _apply(durable.setdefault(op.file, bytearray()), old)
        elif op.kind == "delete":
            durable.pop(op.file, None)
            waiting.pop(op.file, None)
        elif op.kind != "ack":
            waiting.setdefault(op.file, []).append(op)
    for file, ops in waiting.items():
        data = durable.setdefault(file, bytearray())
        for op in ops:
            for part in _sectors(op):
                if pick.random() < 0.5:
                    _apply(data, part)
    for file, data in durable.items():
        (folder / file).write_bytes(data)


def _sectors(op: Op) -> Iterator[Op]:
    if op.kind != "write":
        yield op
        return
    start = 0
    while start < len(op.data):
        stop = start + SECTOR - (op.at + start) % SECTOR
        yield op._replace(at=op.at + start, data=op.data[start:stop])
        start = stop


def _apply(data: bytearray, op: Op) -> None:
    if op.kind == "truncate":
        del data[op.at :]
        data.extend(bytes(op.at - len(data)))
    else:
        data.extend(bytes(max(0, op.at - len(data))))
        data[op.at : op.at + len(op.data)] = op.data


class Failing(apsw.VFS):
    """The n-th write, sync or truncate fails; once, or every one from then on."""

    def __init__(self, n: int, sticky: bool) -> None:
        self.name = f"failing{next(_NAMES)}"
        self.left = n
        self.sticky = sticky
        self.failures = 0
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: Any) -> Any:
        return _Failing(self, name, flags)

    def step(self) -> None:
        self.left -= 1
        if self.left == 0 or (self.sticky and self.left < 0):
            self.failures += 1
            raise apsw.IOError("injected")


class _Failing(apsw.VFSFile):
    def __init__(self, vfs: Failing, name: Any, flags: Any) -> None:
        super().__init__("", name, flags)
        self._vfs = vfs

    def xWrite(self, data: bytes, offset: int) -> None:
        self._vfs.step()
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._vfs.step()
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._vfs.step()
        super().xSync(flags)
