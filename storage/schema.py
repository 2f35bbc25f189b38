"""How a connection is made, and the numbered migrations that bring a file to the present schema.

A migration is never edited once released: what comes later is a new function at the end of the list.
`PRAGMA user_version` counts the migrations that a file has had, and changes in their transaction.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from vctx.errors import DiskError
from vctx.storage.trouble import patiently

APPLICATION = 0x76637478
"""`vctx` in ASCII: SQLite's application id, which tells a session from any other database."""


def connect(path: Path, busy: float) -> sqlite3.Connection:
    """A connection to the session at `path`, made or migrated where needed; `busy` in seconds."""
    raw = sqlite3.connect(path, timeout=busy, isolation_level=None, check_same_thread=False)
    try:
        # A flipped byte must reach the row's checksum, not end the query as a decoding error.
        raw.text_factory = _text
        _recognise(raw, path)
        _configure(raw, busy)
        _migrate(raw, path)
    except BaseException:
        raw.close()
        raise
    return raw


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _recognise(raw: sqlite3.Connection, path: Path) -> None:
    """Refuses a database of another program, before anything is changed in it."""
    # One statement is one snapshot: another process may be making the schema at this moment.
    made, tables = raw.execute(
        "SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id"
    ).fetchone()
    if tables and made != APPLICATION:
        raise DiskError(f"{path} is a database of another program, not a vctx session; name another file")


def _configure(raw: sqlite3.Connection, busy: float) -> None:
    """FULL: what is acknowledged survives a power cut. secure_delete: what is deleted is overwritten."""
    # Two processes that make the same file would wait for each other; SQLite sends one away at once.
    patiently(busy, lambda: raw.execute("PRAGMA journal_mode = WAL"))
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA secure_delete = ON")


def _migrate(raw: sqlite3.Connection, path: Path) -> None:
    while (version := _version(raw)) < len(MIGRATIONS):
        _step(raw, version)
    if version > len(MIGRATIONS):
        raise DiskError(
            f"{path} has schema version {version}, this vctx reads up to {len(MIGRATIONS)}; upgrade vctx"
        )


def _step(raw: sqlite3.Connection, version: int) -> None:
    """One migration and its record in one transaction, unless another process was first."""
    raw.execute("BEGIN IMMEDIATE")
    try:
        if _version(raw) == version:
            MIGRATIONS[version](Database(raw, execute_plugins=False))
            raw.execute(f"PRAGMA user_version = {version + 1}")
        raw.execute("COMMIT")
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")


def _version(raw: sqlite3.Connection) -> int:
    return int(raw.execute("PRAGMA user_version").fetchone()[0])


def _pages(db: Database) -> None:
    """Text stands last, so that reading the other columns of a long page touches one disk page."""
    columns = {
        "id": int,
        "branch": int,
        "seq": int,
        "kind": str,
        "role": str,
        "author": str,
        "created_at": str,
        "origin": str,
        "source": str,
        "grp": int,
        "parents": str,
        "sum": bytes,
        "text": str,
    }
    table = db.table("pages")
    table.create(columns, pk="id", not_null=set(columns) - {"id", "source", "grp"})
    table.create_index(["branch", "seq"], unique=True)
    table.create_index(["kind"])


def _totals(db: Database) -> None:
    """One row, kept by whoever writes pages: every recall asks for it, and a sum would read all text."""
    db.table("totals").insert({"id": 1, "pages": 0, "characters": 0}, pk="id")


def _words(db: Database) -> None:
    """FTS5 over a view, so that it holds no second copy of the text. Summaries are not searched."""
    db.create_view("worded", "SELECT id, author, text FROM pages WHERE kind <> 'summary'")
    db.execute(
        "CREATE VIRTUAL TABLE words USING fts5(author, text, content='worded', content_rowid='id',"
        " tokenize='porter unicode61')"
    )


def _vectors(db: Database) -> None:
    """`pending` is the queue of pages without spans: a look at it costs nothing in a large session."""
    db.table("pending").create({"page": int}, pk="page", foreign_keys=[("page", "pages", "id")])
    db.table("vectors").create({"hash": bytes, "vec": bytes}, pk="hash", not_null={"hash", "vec"})
    columns = {"id": int, "page": int, "start": int, "stop": int, "hash": bytes}
    spans = db.table("spans")
    keys = [("page", "pages", "id"), ("hash", "vectors", "hash")]
    spans.create(columns, pk="id", not_null=set(columns) - {"id"}, foreign_keys=keys)
    spans.create_index(["page", "start", "stop"], unique=True)


def _rest(db: Database) -> None:
    columns = {"id": int, "name": str, "sha": str, "chunks": int, "sum": bytes}
    db.table("documents").create(columns, pk="id", not_null=set(columns) - {"id"})
    columns = {
        "tick": int,
        "cause": str,
        "at": str,
        "request": str,
        "policy": str,
        "plan": str,
        "outcome": str,
        "sum": bytes,
    }
    db.table("journal").create(columns, pk="tick", not_null=set(columns) - {"tick"})
    db.table("meta").create({"key": str, "value": str}, pk="key", not_null={"key", "value"})


def _first(db: Database) -> None:
    db.execute(f"PRAGMA application_id = {APPLICATION}")
    _pages(db)
    _totals(db)
    _words(db)
    _vectors(db)
    _rest(db)


MIGRATIONS: list[Callable[[Database], None]] = [_first]
