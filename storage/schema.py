"""The numbered migrations that bring a file to the present schema.

A migration is never edited once released: what comes later is a new function at the end of the list.
`PRAGMA user_version` counts the migrations that a file has had, and changes in their transaction.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from vctx.errors import DiskError
from vctx.storage.codec import meta_sum, span_sum, vector_sum
from vctx.storage.connection import APPLICATION


def version(raw: sqlite3.Connection) -> int:
    """The migrations that the file has had."""
    return int(raw.execute("PRAGMA user_version").fetchone()[0])


def current(raw: sqlite3.Connection, path: Path) -> bool:
    """Whether the file has the present schema; DiskError for a newer one."""
    made = version(raw)
    if made > len(MIGRATIONS):
        raise DiskError(
            f"{path} has schema version {made}, this vctx reads up to {len(MIGRATIONS)}; upgrade vctx"
        )
    return made == len(MIGRATIONS)


def migrate(raw: sqlite3.Connection, path: Path) -> None:
    """Every migration that is due, after a copy of what stands. Under the write lock."""
    if not (due := version(raw)):
        with _transaction(raw):
            for sql in _made(tuple(MIGRATIONS)):
                raw.execute(sql)
        return
    if due < len(MIGRATIONS):
        copy(raw, path.with_name(f"{path.name}.schema{due}"))
    while not current(raw, path):
        _step(raw, version(raw))


def copies(path: Path) -> list[Path]:
    """The copies that migrations of the session have left beside it."""
    names = (path.with_name(f"{path.name}.schema{made}") for made in range(1, len(MIGRATIONS) + 1))
    return [name for name in names if name.exists()]


def copy(raw: sqlite3.Connection, target: Path) -> None:
    """A durable copy of one snapshot of the database, without its free pages; whole or absent."""
    half = target.with_name(target.name + ".part")
    half.unlink(missing_ok=True)
    try:
        raw.execute("VACUUM INTO ?", (str(half),))
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    sync(target.parent)


def sync(folder: Path) -> None:
    """Makes the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _step(raw: sqlite3.Connection, made: int) -> None:
    """One migration and its record in one transaction."""
    with _transaction(raw):
        MIGRATIONS[made](Database(raw, execute_plugins=False))
        raw.execute(f"PRAGMA user_version = {made + 1}")


@contextmanager
def _transaction(raw: sqlite3.Connection) -> Iterator[None]:
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
        raw.execute("COMMIT")
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")


@cache
def _made(migrations: Sequence[Callable[[Database], None]]) -> tuple[str, ...]:
    """What makes a new file as all migrations would: their result, without the way there."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as raw:
        for migration in migrations:
            migration(Database(raw, execute_plugins=False))
        # FTS5 makes the tables behind its own.
        tables = raw.execute(
            "SELECT sql FROM sqlite_master WHERE sql <> '' AND name NOT LIKE 'words\\_%' ESCAPE '\\'"
        )
        counts = raw.execute("SELECT printf('INSERT INTO counts VALUES (%Q, %d)', name, value) FROM counts")
        marks = (f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {len(migrations)}")
        return (*marks, *(sql for [sql] in [*tables, *counts]))


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


def _second(db: Database) -> None:
    """Ids that outlive what they named, branches, checksums for vectors, spans and meta; smaller rows."""
    _counts(db)
    _numbered_vectors(db)
    _checked_meta(db)
    columns = {"id": int, "parent": int, "at": int}
    db.table("branches").create(columns, pk="id", not_null=set(columns))
    for index in ("idx_pages_branch_seq", "idx_pages_kind"):
        db.execute(f"DROP INDEX {index}")
    # Most pages are messages: found by walking the pages, they need no entry of their own.
    db.execute("CREATE INDEX idx_pages_kind ON pages (kind) WHERE kind <> 'message'")


def _counts(db: Database) -> None:
    """Totals and high-water marks in one place: every append changes several of them.

    page, span: the last id ever given; `seq B`: the last seq of branch B; pages, characters: totals;
    forgotten: how often something was; purged: the last of these whose bytes are known to be gone.
    """
    db.execute("CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID")
    db.execute(
        "INSERT INTO counts SELECT 'pages', pages FROM totals UNION ALL SELECT 'characters', characters"
        " FROM totals UNION ALL SELECT 'page', coalesce(max(id), 0) FROM pages UNION ALL"
        " SELECT 'span', coalesce(max(id), 0) FROM spans UNION ALL SELECT 'forgotten', 0 UNION ALL"
        " SELECT 'purged', 0 UNION ALL SELECT 'seq ' || branch, max(seq) FROM pages GROUP BY branch"
    )
    db.execute("DROP TABLE totals")


def _numbered_vectors(db: Database) -> None:
    """A span names its vector by number: a hash of sixteen bytes beside each span was most of its row."""
    db.execute("ALTER TABLE spans RENAME TO old_spans")
    db.execute("ALTER TABLE vectors RENAME TO old_vectors")
    db.execute("DROP INDEX idx_spans_page_start_stop")
    columns = {"id": int, "hash": bytes, "sum": bytes, "vec": bytes}
    db.table("vectors").create(columns, pk="id", not_null=set(columns) - {"id"})
    db.table("vectors").create_index(["hash"], unique=True)
    columns = {"id": int, "page": int, "start": int, "stop": int, "vector": int, "sum": int}
    keys = [("page", "pages", "id"), ("vector", "vectors", "id")]
    db.table("spans").create(columns, pk="id", not_null=set(columns) - {"id"}, foreign_keys=keys)
    db.table("spans").create_index(["page", "start", "stop"], unique=True)
    raw = db.conn
    raw.executemany("INSERT INTO vectors (id, hash, sum, vec) VALUES (?, ?, ?, ?)", _summed_vectors(raw))
    raw.executemany(
        "INSERT INTO spans (id, page, start, stop, vector, sum) VALUES (?, ?, ?, ?, ?, ?)", _summed_spans(raw)
    )
    db.execute("DROP TABLE old_spans")
    db.execute("DROP TABLE old_vectors")


def _summed_vectors(raw: sqlite3.Connection) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    for id, hash, vec in raw.execute("SELECT rowid, hash, vec FROM old_vectors ORDER BY rowid"):
        yield id, hash, vector_sum(hash, vec), vec


def _summed_spans(raw: sqlite3.Connection) -> Iterator[tuple[int, ...]]:
    sql = (
        "SELECT old_spans.id, page, start, stop, vectors.id FROM old_spans JOIN vectors USING (hash)"
        " ORDER BY old_spans.id"
    )
    for row in raw.execute(sql):
        yield (*row, span_sum(row))


def _checked_meta(db: Database) -> None:
    pairs = list(db.execute("SELECT key, value FROM meta"))
    db.execute("DROP TABLE meta")
    db.execute(
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, sum BLOB NOT NULL) WITHOUT ROWID"
    )
    rows = [(key, value, meta_sum(key, value)) for key, value in pairs]
    db.conn.executemany("INSERT INTO meta VALUES (?, ?, ?)", rows)


def _third(db: Database) -> None:
    """Versions of memory blocks are not searched, either."""
    db.execute("DROP VIEW worded")
    db.create_view("worded", "SELECT id, author, text FROM pages WHERE kind NOT IN ('summary', 'block')")


MIGRATIONS: list[Callable[[Database], None]] = [_first, _second, _third]
