"""What somebody says, as pages to be stored: checked, and dated in UTC. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

from vctx import formats
from vctx.errors import InputError
from vctx.ports import Clock
from vctx.types import Page, Speaker, ToolCall


def message(
    role: Speaker,
    said: str,
    at: datetime,
    *,
    author: str = "",
    calls: Sequence[ToolCall | Mapping[str, Any]] = (),
    call: str = "",
) -> tuple[Page, list[Page]]:
    """A message, and the tool calls that it makes, in one group. Raises InputError."""
    if role not in get_args(Speaker):
        raise InputError(f"role must be one of {', '.join(get_args(Speaker))}, not {role!r}")
    text(text=said, author=author, call=call)
    if (role == "tool") != bool(call) or (calls and role != "assistant"):
        raise InputError("a tool's result names its call, and only an assistant's message makes calls")
    page = Page("message", role, said, at, role, author=author, call=call)
    made = [_call(formats.call(one), at) for one in calls]
    if len({one.call for one in made}) < len(made):
        raise InputError("two calls of one message have the same id")
    return (replace(page, group=0) if made else page), made


def moment(at: datetime | None, clock: Clock) -> datetime:
    """A time in UTC, by the clock where none is given; a naive one is taken as UTC. Raises InputError."""
    if at is None:
        return clock()
    if not isinstance(at, datetime):
        raise InputError(f"at must be a datetime, not {type(at).__name__}")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def text(**values: object) -> None:
    """Raises InputError for one that is no text, by its name."""
    for name, value in values.items():
        if not isinstance(value, str):
            raise InputError(f"{name} must be str, not {type(value).__name__}")


def _call(call: ToolCall, at: datetime) -> Page:
    text(id=call.id, name=call.name, arguments=call.arguments)
    return Page("tool", "assistant", call.arguments, at, "assistant", author=call.name, group=0, call=call.id)
