"""Export and import: JSON Lines, one row a line, without loss.

The first line says what it is; the last, how many rows there were and their checksum, so that a file
which was cut short or changed is refused. Lone surrogates stay (as JSON escapes), vectors are base64 of
little-endian fp16. The words are not written: they are found anew.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Any, TextIO

from vctx.errors import DiskError, InputError
from vctx.storage.codec import DOCUMENT, ENTRY, PAGE, Row, meta_sum, plain, span_sum, stored, vector_sum
from vctx.storage.file import File
from vctx.storage.words import Words

FORMAT = 1
"""The version of the lines."""

_BATCH = 1000

# In an order in which each row finds what it refers to; every table's key stands first.
_COLUMNS = {
    "branches": "id, parent, at",
    "pages": PAGE,
    "documents": f"id, {DOCUMENT}",
    "journal": ENTRY,
    "meta": "key, value",
    "vectors": "id, hash, vec",
    "spans": "id, page, start, stop, vector",
    "pending": "page",
    "counts": "name, value",
}

# The checksum that a table keeps beside the row, from the row as it is exported.
_SUMS: dict[str, Callable[[Row], Any]] = {
    "pages": lambda row: stored(row)[-1],
    "documents": lambda row: stored(row[1:])[-1],
    "journal": lambda row: stored(row)[-1],
    "meta": lambda row: meta_sum(*row),
    "vectors": lambda row: vector_sum(*row[1:]),
    "spans": span_sum,
}


class Dump:
    """Reads all tables of one moment; writes them into an empty session."""

    def __init__(self, file: File, found: Words) -> None:
        self._file = file
        self._words = found

    def write(self, stream: TextIO) -> int:
        """Writes the session, and returns how many rows it has. DiskError for a garbled row."""
        stream.write(_line({"vctx": FORMAT}))
        total, count = blake2b(digest_size=16), 0
        with self._file.snapshot():
            for table in _COLUMNS:
                for row in self._rows(table):
                    line = _line({table: [_encoded(value) for value in row]})
                    stream.write(line)
                    total.update(line.encode())
                    count += 1
        stream.write(_line({"rows": count, "sum": total.hexdigest()}))
        return count

    def read(self, stream: TextIO) -> int:
        """Fills an empty session, wholly or not at all, and returns how many rows it has. InputError."""
        with self._file.transaction():
            if self._file.value("SELECT (SELECT count(*) FROM pages) + (SELECT count(*) FROM journal)"):
                raise InputError(f"{self._file.path} is not empty; import into a new session")
            count = 0
            rows = _read(stream)
            while part := list(islice(rows, _BATCH)):
                for table in _COLUMNS:
                    self._restore(table, [row for name, row in part if name == table])
                count += len(part)
            self._words.rebuild()
        return count

    def _rows(self, table: str) -> Iterator[Row]:
        """The rows of a table, without their checksums, once these have been found true."""
        key = _COLUMNS[table].partition(",")[0]
        sums = ", sum" if table in _SUMS else ""
        sql = f"SELECT {_COLUMNS[table]}{sums} FROM {table}"
        where, args = "", tuple[Any, ...]()
        while found := self._file.rows(f"{sql}{where} ORDER BY {key} LIMIT {_BATCH}", args):
            where, args = f" WHERE {key} > ?", found[-1][:1]
            yield from (_true(table, row) for row in found)

    def _restore(self, table: str, rows: list[Row]) -> None:
        marks = ",".join("?" * (_COLUMNS[table].count(",") + 1 + (table in _SUMS)))
        columns = _COLUMNS[table] + (", sum" if table in _SUMS else "")
        sql = f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})"
        try:
            self._file.write_all(sql, [_sealed(table, row) for row in rows])
        except (TypeError, ValueError) as error:
            raise InputError(f"a line of {table} is malformed ({error}); export the session again") from error


def _true(table: str, row: Row) -> Row:
    if table not in _SUMS:
        return row
    try:
        values = row[:-1] if table == "vectors" else plain(row[:-1])
        if _SUMS[table](values) == row[-1]:
            return values
    except UnicodeDecodeError:
        pass
    raise DiskError(f"{table}: the row of {row[0]!r} is garbled; check the session, or restore a copy")


def _sealed(table: str, row: Row) -> Row:
    if table == "vectors":
        row = (row[0], *(b64decode(value, validate=True) for value in row[1:]))
    if table not in _SUMS:
        return row
    texts = {"pages": row, "journal": row, "documents": row[1:]}
    if table in texts:
        # Lone surrogates are kept as bytes.
        return (*row[: len(row) - len(texts[table])], *stored(texts[table]))
    return (*row, _SUMS[table](row))


def _read(stream: TextIO) -> Iterator[tuple[str, Row]]:
    """(table, row) of each line between the first and the last, which must agree with them."""
    if _parsed(stream.readline()) != {"vctx": FORMAT}:
        raise InputError(f"this is no export of vctx, or one of another version than {FORMAT}")
    total = blake2b(digest_size=16)
    for count, line in enumerate(stream):
        data = _parsed(line)
        if "rows" in data:
            if data != {"rows": count, "sum": total.hexdigest()}:
                raise InputError("the export was changed, or is not whole: its checksum does not match")
            return
        for table, row in data.items():
            if table not in _COLUMNS or not isinstance(row, list):
                raise InputError(f"line {count + 2} of the export is of no known table")
            yield table, tuple(row)
        total.update(line.encode())
    raise InputError("the export was cut short: its last line is missing")


def _parsed(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise InputError(f"a line of the export is no JSON ({error}); export the session again") from error
    if not isinstance(data, dict):
        raise InputError("a line of the export is no JSON object; export the session again")
    return data


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":")) + "\n"


def _encoded(value: Any) -> Any:
    return b64encode(value).decode() if isinstance(value, bytes) else value
