"""Histories of chats -> readings of turns: JSON Lines, and the archives that ChatGPT and Claude export.

JSON Lines, one message a line; only the text is demanded:

    {"role": "user", "author": "Ana", "at": "2026-03-02T10:00:00Z", "conversation": "Trip", "text": "Hi."}

`content` is read as `text`, `name` as `author`, `title` as `conversation`; `date`, `timestamp`, `created_at`
as `at`: ISO 8601, or seconds since 1970. A line {"messages": [...]} is a whole conversation. An export is the
archive as downloaded, or the `conversations.json` in it. A ChatGPT conversation is a tree; what is read is
the branch that was last shown.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vctx.errors import InputError
from vctx.types import Heading, Reading, Speaker, Turn

EXPORT = "conversations.json"
"""The file of an export that holds the conversations."""
ROLES: Mapping[str, Speaker] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "gpt": "assistant",
}
"""Who speaks, by the words that are in use; system texts and tools are no part of a history."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a history."""

    role: Speaker
    text: str
    author: str = ""
    at: datetime | None = None


Conversation = tuple[str, list[Said]]
"""Its title, and what was said."""


def is_lines(text: str) -> bool:
    """Whether a text is JSON Lines of messages, by its first line."""
    first = text.lstrip().split("\n", 1)[0]
    if not first.startswith("{"):
        return False
    try:
        record = json.loads(first)
    except ValueError:
        return False
    return isinstance(record, dict) and (
        _text(record) is not None or isinstance(record.get("messages"), list)
    )


def is_export(text: str) -> bool:
    """Whether a text looks like an export's conversations, by its beginning."""
    head = text.lstrip()[:4096]
    return head.startswith("[") and ('"mapping"' in text[:65536] or '"chat_messages"' in text[:65536])


def lines(text: str, name: str) -> Reading:
    """A history in JSON Lines. Raises InputError naming the first line that is none."""
    found: dict[str, list[Said]] = {}
    skipped = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            title, said, left = _line(line, f"{name}, line {number}")
            found.setdefault(title, []).extend(said)
            skipped += left
    return _reading(name, list(found.items()), skipped)


def export(text: str, name: str) -> Reading:
    """The conversations of a ChatGPT or Claude export. Raises InputError for anything else."""
    try:
        records = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not whole JSON: {error}; export it again") from error
    if not isinstance(records, list):
        raise InputError(
            f"{name} is no export of ChatGPT or Claude that vctx knows: no list of conversations"
        )
    skipped = 0
    out: list[Conversation] = []
    for record in records:
        if not isinstance(record, dict):
            raise InputError(
                f"{name} is no export of ChatGPT or Claude that vctx knows: a conversation is no object"
            )
        said, left = _tree(record) if "mapping" in record else _list(record)
        skipped += left
        out.append((str(record.get("title") or record.get("name") or ""), said))
    return _reading(name, out, skipped)


def _line(line: str, where: str) -> tuple[str, list[Said], int]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise InputError(f'{where} is no message: an object with "text" and "role" is')
    title = str(record.get("conversation") or record.get("title") or "")
    records = record.get("messages", [record])
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise InputError(f"{where}: messages must be a list of objects")
    said = [_said(one, where) for one in records]
    kept = [one for one in said if one is not None]
    return title, kept, len(said) - len(kept)


def _said(record: Mapping[str, Any], where: str) -> Said | None:
    """A message; None for one that is no part of the talk."""
    text = _text(record)
    if text is None:
        raise InputError(f'{where} has no "text"')
    role = ROLES.get(str(record.get("role") or record.get("sender") or "user").lower())
    at = next(
        (record[key] for key in ("at", "date", "timestamp", "created_at", "create_time") if record.get(key)),
        None,
    )
    author = str(record.get("author") or record.get("name") or "")
    return Said(role, text, author, _moment(at, where)) if role and text.strip() else None


def _text(record: Mapping[str, Any]) -> str | None:
    """The words of a message: a string, or the text among the parts of one."""
    value = record.get("text")
    value = record.get("content") if not isinstance(value, str) or not value.strip() else value
    if isinstance(value, Mapping):
        value = value.get("parts")
    if isinstance(value, list):
        parts = (
            part if isinstance(part, str) else part.get("text")
            for part in value
            if isinstance(part, str | Mapping)
        )
        return "\n".join(part for part in parts if isinstance(part, str) and part)
    return value if isinstance(value, str) else None


def _moment(value: Any, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        if isinstance(value, int | float):
            # Milliseconds, where seconds would be beyond the year 5000.
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        at = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"{where}: {value!r} is no time; write it as 2026-03-02T10:00:00Z") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _tree(record: Mapping[str, Any]) -> tuple[list[Said], int]:
    """What was said on the branch that was last shown, and how many other messages there are."""
    nodes = record["mapping"]
    if not isinstance(nodes, dict):
        raise InputError("a conversation's mapping is no object")
    current = record.get("current_node")
    if current not in nodes:
        current = next((id for id in reversed(nodes) if not (nodes[id] or {}).get("children")), None)
    said = [one for node in _branch(nodes, current) if (one := _node(node)) is not None]
    there = sum(_node(node) is not None for node in nodes.values() if isinstance(node, dict))
    return said, there - len(said)


def _branch(nodes: Mapping[str, Any], current: Any) -> Sequence[Mapping[str, Any]]:
    """From the root to the current node."""
    out: list[Mapping[str, Any]] = []
    seen: set[Any] = set()
    while current in nodes and current not in seen and isinstance(nodes[current], dict):
        seen.add(current)
        out.append(nodes[current])
        current = nodes[current].get("parent")
    return out[::-1]


def _node(node: Mapping[str, Any]) -> Said | None:
    message = node.get("message")
    if not isinstance(message, dict) or (message.get("metadata") or {}).get(
        "is_visually_hidden_from_conversation"
    ):
        return None
    content = message.get("content") or {}
    if content.get("content_type") not in ("text", "multimodal_text"):
        return None
    author = message.get("author") or {}
    plain = {"content": content, "role": author.get("role") or "", "at": message.get("create_time")}
    return (
        _said(plain | {"author": author.get("name") or ""}, "a message")
        if author.get("role") in ROLES
        else None
    )


def _list(record: Mapping[str, Any]) -> tuple[list[Said], int]:
    """What a Claude conversation says; what was attached as text belongs to the message."""
    messages = record.get("chat_messages")
    if not isinstance(messages, list):
        raise InputError(
            "this is no export of ChatGPT or Claude that vctx knows: no mapping and no chat_messages"
        )
    said = [
        _said(_attached(one), "a message")
        for one in messages
        if isinstance(one, dict) and _text(one) is not None
    ]
    kept = [one for one in said if one is not None]
    return kept, len(messages) - len(kept)


def _attached(message: Mapping[str, Any]) -> dict[str, Any]:
    files = [
        one
        for one in message.get("attachments") or ()
        if isinstance(one, dict) and one.get("extracted_content")
    ]
    parts = [
        _text(message) or "",
        *(f"{one.get('file_name', '')}:\n{one['extracted_content']}" for one in files),
    ]
    return {**message, "text": "\n\n".join(part for part in parts if part.strip())}


def _reading(name: str, conversations: Sequence[Conversation], skipped: int) -> Reading:
    """The conversations one after another; a message is a turn, a title a heading."""
    parts: list[str] = []
    headings: list[Heading] = []
    turns: list[Turn] = []
    length = 0
    for title, said in conversations:
        if said and title:
            headings.append(Heading(length, " ".join(title.split())[:200]))
        for one in said:
            turns.append(Turn(length, length + len(one.text), one.role, one.author, one.at))
            parts.append(one.text)
            length += len(one.text) + 2
    if not turns:
        raise InputError(f"{name} holds no message of a user or an assistant")
    notes = _notes(skipped)
    return Reading(name, "\n\n".join(parts), tuple(headings), tuple(turns), tuple(notes))


def _notes(skipped: int) -> Iterator[str]:
    if skipped:
        what = "1 message was" if skipped == 1 else f"{skipped} messages were"
        yield f"{what} left out: empty, of the system or a tool, or on a branch not shown"
