"""Rows <-> dataclasses. Exact both ways; whatever does not fit is an error, never a guess.

A row's checksum tells a flipped byte from what was written: SQLite itself has none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as escaped
from typing import Any
from zlib import crc32

from vctx.errors import DiskError, InputError
from vctx.types import Document, Entry, Fold, Form, Frame, Page, Plan, Slot, Source

Row = tuple[Any, ...]
"""A row of a table, as SQLite takes and gives it."""

PAGE = "id, branch, seq, kind, role, author, created_at, origin, source, grp, parents, text"
"""The columns that `page_row` writes and `page_of` reads, with `sum` at the end."""

SOURCE = PAGE.split(", ").index("source")
"""The place of the column `source` among them."""

ENTRY = "tick, cause, at, request, policy, plan, outcome"
"""The columns that `entry_row` writes and `entry_of` reads, with `sum` at the end."""


DOCUMENT = "name, sha, chunks"
"""The columns that `document_row` writes and `document_of` reads, with `sum` at the end."""


_PLAIN = frozenset({str, int, type(None)})


def page_row(page: Page) -> Row:
    """A page with its id and seq as a row of PAGE and sum."""
    return stored(
        (
            page.id,
            page.branch,
            page.seq,
            page.kind,
            page.role,
            page.author,
            _moment(page.created_at),
            # What nearly every page has is left out: it would stand there a million times.
            "" if page.origin == page.role else page.origin,
            _origin(page),
            page.group,
            _json(page.parents, "parents") if page.parents else "",
            page.text,
        )
    )


def page_of(row: Row) -> Page:
    """A row of PAGE and sum as the page that was written; DiskError names a garbled one."""
    values = _checked(row, "page")
    id, branch, seq, kind, role, author, at, origin, source, group, parents, text = values
    place, call = (None, "") if source is None else _source_of(source, id)
    made = tuple(json.loads(parents)) if parents else ()
    written = datetime.fromisoformat(at)
    # By position: a recall reads hundreds of rows.
    return Page(kind, role, text, written, origin or role, author, place, group, made, branch, id, seq, call)


def entry_row(entry: Entry) -> Row:
    """A journal entry as a row of ENTRY and sum; InputError where request or outcome are not JSON."""
    at = entry.at.isoformat()
    request, plan = _json(dict(entry.request), "request"), _json(_plan(entry), "plan")
    outcome = _json(dict(entry.outcome), "outcome")
    return stored((entry.tick, entry.cause, at, request, entry.policy, plan, outcome))


def entry_of(row: Row) -> Entry:
    """A row of ENTRY and sum as the entry that was written; JSON turns tuples in a request into lists."""
    tick, cause, at, request, policy, plan, outcome = _checked(row, "journal entry")
    data = json.loads(plan)
    branch = data.pop("branch", 0)
    return Entry(
        tick=tick,
        cause=cause,
        at=datetime.fromisoformat(at),
        request=json.loads(request),
        policy=policy,
        plan=_plan_of(data, tick),
        outcome=json.loads(outcome),
        branch=branch,
    )


def document_row(document: Document) -> Row:
    """A document as a row of DOCUMENT and sum."""
    return stored((document.name, document.sha, document.chunks))


def document_of(row: Row) -> Document:
    """A row of DOCUMENT and sum as the document that was written."""
    return Document(*_checked(row, "document"))


def meta_sum(key: str, value: str) -> bytes:
    """The checksum of a row of `meta`."""
    return _sum(repr((key, value)))


def vector_sum(hash: bytes, code: bytes) -> bytes:
    """The checksum of a vector, bound to the hash of the text that it stands for."""
    if type(hash) is not bytes or type(code) is not bytes:
        return b""  # garbled: no checksum is as short
    return blake2b(hash + code, digest_size=8).digest()


def span_sum(span: Sequence[int]) -> int:
    """The checksum of a span (id, page, start, stop, vector), signed, as SQLite stores it in four bytes."""
    return crc32(repr(tuple(span)).encode()) - 2**31


def source_document(source: str | bytes) -> str:
    """The document that a page's column `source` names."""
    return str(json.loads(plain((source,))[0])["document"])


def source_place(source: str | bytes) -> tuple[str, int] | None:
    """The document that a page's column `source` names, and where in its text the page begins.

    None for a garbled one: whoever reads the page is told.
    """
    try:
        data = json.loads(plain((source,))[0])
        return str(data["document"]), int(data["start"])
    except (ValueError, KeyError, TypeError):
        return None


def raw_text(value: str | bytes) -> str:
    """A column of text as it was written, garbled or not."""
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace")


def sealed(row: Row) -> bool:
    """Whether a row that ends in its checksum is what was written."""
    try:
        return bool(_sum(_written(plain(row[:-1]))) == row[-1])
    except UnicodeDecodeError:
        return False


def _moment(at: datetime) -> str:
    written = at.isoformat()
    return written[:-6] + "Z" if at.tzinfo is UTC else written


def plain(row: Row) -> Row:
    """A row of texts as they were written: what stands as bytes holds lone surrogates."""
    if bytes not in map(type, row):
        return row
    return tuple(value.decode("utf-8", "surrogatepass") if type(value) is bytes else value for value in row)


def _storable(text: str) -> str | bytes:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def stored(row: Row) -> Row:
    """The row with its checksum; texts with lone surrogates, which SQLite stores none of, as bytes."""
    written = _written(row)
    # Only a row with such an escape can hold a surrogate; most rows are spared the look at each text.
    if "\\ud" in written:
        row = tuple(_storable(value) if type(value) is str else value for value in row)
    return (*row, _sum(written))


def _checked(row: Row, what: str) -> Row:
    try:
        values = plain(row[:-1])
    except UnicodeDecodeError:
        values = ()
    if not values or _sum(_written(values)) != row[-1]:
        raise DiskError(f"{what} {row[0]} is garbled on disk: its checksum does not match; restore a copy")
    return values


def _written(row: Row) -> str:
    # JSON in ASCII: the same for the same row, whatever the version of Python. What json.dumps gives, in
    # half its time: a recall checks hundreds of rows.
    if not _PLAIN.issuperset(map(type, row)):
        return json.dumps(row)
    parts = [
        escaped(value) if type(value) is str else "null" if value is None else str(value) for value in row
    ]
    return f"[{', '.join(parts)}]"


def _sum(written: str) -> bytes:
    return blake2b(written.encode(), digest_size=8).digest()


def _json(value: Any, what: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be written as JSON ({error}); use plain values") from error


def _changed(value: Source | Frame | Fold | Plan) -> dict[str, Any]:
    """A dataclass without the fields that have their default: a line of the journal is written at every turn.

    So a default is part of the file format; a test holds it.
    """
    pairs = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: mine for field, mine in pairs if mine != field.default}


def _plan(entry: Entry) -> dict[str, Any]:
    """A plan, and the branch whose it is."""
    plan = entry.plan
    data = _changed(plan)
    if entry.branch:
        data["branch"] = entry.branch
    if plan.evict:
        data["evict"] = [page if span is None else [page, *span] for page, span in plan.evict]
    if plan.load:
        data["load"] = [_changed(frame) for frame in plan.load]
    if plan.fold is not None:
        data["fold"] = _changed(plan.fold)
    return data


def _origin(page: Page) -> str | None:
    """The column `source`: the place in a document, or the tool call."""
    if page.source is None:
        return _json({"call": page.call}, "call") if page.call else None
    return _json(_changed(page.source), "source")


def _source_of(text: str, id: int) -> tuple[Source | None, str]:
    """The place in a document and the tool call that the column `source` holds."""
    try:
        data = json.loads(text)
        return (None, data["call"]) if "call" in data else (Source(**data), "")
    except TypeError as error:
        raise DiskError(f"page {id} was written by another version of vctx ({error}); upgrade") from error


def _plan_of(data: dict[str, Any], tick: int) -> Plan:
    try:
        data["load"] = tuple(_frame_of(frame) for frame in data.get("load", ()))
        data["fold"] = _fold_of(data.get("fold"))
        data["evict"] = tuple(_slot_of(slot) for slot in data.get("evict", ()))
        return Plan(**_tupled(data, "touch"))
    except (TypeError, ValueError) as error:
        raise DiskError(
            f"journal entry {tick} was written by another version of vctx ({error}); upgrade"
        ) from error


def _frame_of(data: Mapping[str, Any]) -> Frame:
    known = _tupled(data, "span")
    if "form" in known:
        known["form"] = Form(known["form"])
    return Frame(**known)


def _slot_of(data: int | list[int]) -> Slot:
    """A frame's name: the page's number alone, or with the span's two."""
    if isinstance(data, int):
        return data, None
    page, start, stop = data
    return page, (start, stop)


def _fold_of(data: Mapping[str, Any] | None) -> Fold | None:
    return None if data is None else Fold(**_tupled(data, "pages"))


def _tupled(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: tuple(value) if name in names else value for name, value in data.items()}
