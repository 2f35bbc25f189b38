"""Questions of one's own: JSON Lines, a case a line. docs/eval.md describes the form.

    {"id": "trip",
     "history": [{"id": "m1", "text": "We fly to Lisbon.", "role": "user", "author": "Ana",
                  "at": "2026-03-02T10:00", "section": "1"}],
     "documents": [{"name": "guide", "text": "The library opens at nine."}],
     "questions": [{"question": "When does the library open?", "answers": ["at nine"], "category": "hours",
                    "gold": [{"document": "guide", "quote": "opens at nine"}]}]}

A line with one question may hold its fields itself. What is wrong is told by line and field.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import vctx
from vctx.eval.case import Ask, Case, Said, Task, sha

BUDGETS = (512, 1024, 2048, 4096)
TEXT = 4_000_000
"""Characters that one text may have."""
LINE = 256 * 2**20
"""Bytes that a line may have."""
ASKED = ("question", "gold", "answers", "category", "before")


class Bad(vctx.InputError):
    """What is wrong with a line: where, and what."""


def load(path: Path, skipped: Callable[[str], object] | None = None) -> Task:
    """The cases of a file. Raises vctx.InputError for the first bad line; where `skipped` is given, it is
    told of each, and the rest is taken."""
    cases: list[Case] = []
    for number, raw in enumerate(_lines(path), 1):
        try:
            case = _case(raw, number)
            if case and case.name in {other.name for other in cases}:
                raise Bad(f"id: another line is called {case.name!r}")
        except Bad as error:
            told = f"{path.name}, line {number}: {error}"
            if skipped is None:
                raise vctx.InputError(f"{told} (--skip-bad takes the rest)") from error
            skipped(told)
        else:
            cases += [case] if case else []
    if not cases:
        raise vctx.InputError(f"{path} holds no case that can be asked")
    return Task("jsonl", tuple(cases), BUDGETS, {"data": path.name, "sha256": sha(path)})


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while raw := file.readline(LINE):
                whole = raw.endswith(b"\n") or len(raw) < LINE
                yield raw if whole else b""
                while not whole:
                    rest = file.readline(LINE)
                    whole = not rest or rest.endswith(b"\n")
    except OSError as error:
        raise vctx.InputError(f"cannot read {path}: {error}") from error


def _case(raw: bytes, number: int) -> Case | None:
    if not raw:
        raise Bad(f"longer than {LINE:,} bytes")
    if not raw.strip():
        return None
    try:
        data = json.loads(raw)
    except ValueError as error:
        raise Bad(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Bad("not an object")
    name = _text(data, "id", "", f"line-{number}")
    said = tuple(_said(item, f"history[{n}]", n) for n, item in enumerate(_list(data, "history", "", [])))
    readings = tuple(
        _reading(item, f"documents[{n}]") for n, item in enumerate(_list(data, "documents", "", []))
    )
    if not said and not readings:
        raise Bad(f"history: empty, and there are no documents; the line has {', '.join(data) or 'nothing'}")
    names = [s.name for s in said]
    if len(set(names)) < len(names):
        raise Bad(f"history: two messages are called {next(n for n in names if names.count(n) > 1)!r}")
    texts = {reading.name: reading.text for reading in readings}
    given = (
        _list(data, "questions", "") if "questions" in data else [{k: data[k] for k in ASKED if k in data}]
    )
    asks = tuple(
        _ask(item, f"questions[{n}]." if "questions" in data else "", f"{name}/{n}", set(names), texts)
        for n, item in enumerate(given)
    )
    sections = dict.fromkeys(s.section for s in said if s.section)
    return Case(name, asks, said, {section: section for section in sections}, readings)


def _said(item: Any, where: str, number: int) -> Said:
    _object(item, where)
    role = _text(item, "role", f"{where}.", "user")
    if role not in ("user", "assistant"):
        raise Bad(f"{where}.role: user or assistant, not {role!r}")
    at = _text(item, "at", f"{where}.", "")
    try:
        when = datetime.fromisoformat(at) if at else None
    except ValueError as error:
        raise Bad(f"{where}.at: {error}; write it as 2026-03-02T10:00") from error
    return Said(
        _text(item, "id", f"{where}.", str(number)),
        _text(item, "text", f"{where}."),
        "user" if role == "user" else "assistant",
        _text(item, "author", f"{where}.", ""),
        when.replace(tzinfo=UTC) if when and when.tzinfo is None else when,
        _text(item, "section", f"{where}.", ""),
    )


def _reading(item: Any, where: str) -> vctx.Reading:
    _object(item, where)
    text = _text(item, "text", f"{where}.")
    if not text.strip():
        raise Bad(f"{where}.text: empty")
    return vctx.Reading(_text(item, "name", f"{where}."), text)


def _ask(item: Any, where: str, name: str, said: set[str], texts: Mapping[str, str]) -> Ask:
    _object(item, where)
    gold = _list(item, "gold", where)
    if not gold:
        raise Bad(f"{where}gold: empty; name what answers")
    return Ask(
        name,
        _text(item, "question", where),
        _text(item, "category", where, "all"),
        frozenset(_gold(one, f"{where}gold[{n}]", said, texts) for n, one in enumerate(gold)),
        tuple(_strings(item, "answers", where)),
        tuple(_strings(item, "before", where)),
    )


def _gold(one: Any, where: str, said: set[str], texts: Mapping[str, str]) -> str:
    if isinstance(one, str):
        if one not in said:
            raise Bad(f"{where}: no message is called {one!r}")
        return one
    _object(one, where)
    document, quote = _text(one, "document", f"{where}."), _text(one, "quote", f"{where}.")
    if document not in texts:
        raise Bad(f"{where}.document: no document is called {document!r}")
    if (at := texts[document].find(quote)) < 0:
        raise Bad(f"{where}.quote: {document!r} does not say {quote[:80]!r}")
    return f"{document}@{at}"


def _object(item: Any, where: str) -> None:
    if not isinstance(item, dict):
        raise Bad(f"{where.rstrip('.') or 'question'}: an object, not {type(item).__name__}")


def _text(item: Mapping[str, Any], name: str, where: str, default: str | None = None) -> str:
    value = item.get(name, default)
    if value is None:
        raise Bad(f"{where}{name}: missing")
    if not isinstance(value, str):
        raise Bad(f"{where}{name}: a string, not {type(value).__name__}")
    if len(value) > TEXT:
        raise Bad(f"{where}{name}: {len(value):,} characters; at most {TEXT:,} are taken, so split it")
    return value


def _list(item: Mapping[str, Any], name: str, where: str, default: Sequence[Any] | None = None) -> list[Any]:
    value = item.get(name, default)
    if value is None:
        raise Bad(f"{where}{name}: missing")
    if not isinstance(value, list):
        raise Bad(f"{where}{name}: a list, not {type(value).__name__}")
    return value


def _strings(item: Mapping[str, Any], name: str, where: str) -> list[str]:
    values = _list(item, name, where, [])
    for n, value in enumerate(values):
        if not isinstance(value, str):
            raise Bad(f"{where}{name}[{n}]: a string, not {type(value).__name__}")
    return values
