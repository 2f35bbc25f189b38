"""What tells one run's configuration from another's, in words. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 60
"""Characters of a value that are shown."""
FOLLOWS = ("asked", "questions")
"""What differs because something else does: told only where nothing else is found."""
_HASHED = re.compile(r"(.+) [0-9a-f]{16}")
"""A file's name, and what tells its content from another's."""


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Each setting that differs, with both values; of a table within, only its keys that do. No hashes."""
    told = [line for key, line in _told(before, now) if key not in FOLLOWS]
    if not told and any(before.get(key) != now.get(key) for key in FOLLOWS):
        told.append(f"other questions: {before.get('questions')} there, {now.get('questions')} now")
    return told


def _told(before: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _told(old, new, "" if key in ("about", "systems") else f"{key}'s ")
        else:
            yield key, _line(f"{within}{key}", old, new)


def _line(name: str, old: Any, new: Any) -> str:
    if name == "sha256":
        return "the data has another content"
    if _bare(old) == _bare(new):
        return f"{name}: {_bare(old)} has another content"
    return f"{name}: {_shown(old)} there, {_shown(new)} now"


def _bare(value: Any) -> Any:
    """Without the hash that stands behind a file's name."""
    found = _HASHED.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else value


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("name", "set")
    text = "none" if value in (None, [], {}) else str(_bare(value)) if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
