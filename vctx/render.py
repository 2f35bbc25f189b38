"""What stands in the prompt. The only room that knows: frames and texts in, messages out. Pure.

A fault is one user message, its pages marked with id, source or date, and author:

    [memory]
    [page 12 | 2026-03-02 | Ana] I moved to Lyon in March.
    [page 31 | guide.txt p. 7 | Opening hours]
    The library opens at nine.
    [/memory]

Every mark of vctx begins with `[memory`, `[/memory` or `[page`; a text that is not vctx's own and holds
such a thing gets a backslash before it, so that no page can forge a mark.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import cast, get_args

from vctx.errors import InputError
from vctx.types import Form, Frame, Message, Page, Role, Span

_MARK = re.compile(r"\[(?=/?\s*(?:memory|page)\b)", re.IGNORECASE)

OPENING, CLOSING = "[memory]", "[/memory]"
EARLIER = "(What was said before this is in memory.)"


def window(
    frames: Sequence[Frame],
    pages: Mapping[int, Page],
    *,
    system: str = "",
    digest: str = "",
    alternates: bool = False,
) -> list[Message]:
    """The prompt: system text and digest, then the frames in order of arrival.

    With `alternates`, messages of one role that follow each other are joined, and the first after
    the system message is the user's, as strict chat templates demand.
    """
    messages = [Message("system", text) for text in (fixed(system, digest),) if text]
    for key, run in groupby(frames, key=lambda frame: (frame.fault, frame.arrived)):
        if key[0]:
            messages.append(Message("user", fault([piece(pages[f.page], f.span) for f in run])))
        else:
            messages.extend(said(frame, pages[frame.page]) for frame in run)
    return _alternate(messages) if alternates else messages


def parse(messages: Sequence[Message] | Sequence[Mapping[str, str]]) -> list[Message]:
    """Messages from a chat API's dicts. Raises InputError for a role that there is not."""
    return [m if isinstance(m, Message) else Message(_role(m["role"]), m["content"]) for m in messages]


def fixed(system: str, digest: str) -> str:
    """The text of the system message; empty if there is neither."""
    return "\n\n".join(part for part in (system, memory_digest(digest)) if part)


def memory_digest(digest: str) -> str:
    """The digest with its mark, as it stands behind the system text."""
    return f"[memory: summary of what was said before]\n{escape(digest)}" if digest else ""


def said(frame: Frame, page: Page) -> Message:
    """A message as it was said, or its head, handle and tail."""
    text = content(page)
    return Message(page.role, cut(text, frame.keep, page.id) if frame.form is Form.CUT else text)


def content(page: Page) -> str:
    """A message's text; the model's own words stand unchanged, so that they extend what it has cached."""
    return page.text if page.role == "assistant" else escape(page.text)


def cut(text: str, keep: int, page: int) -> str:
    """Head, handle and tail: `keep` characters of either end."""
    left = len(text) - 2 * keep
    tail = text[len(text) - keep :] if keep else ""
    return f"{text[:keep]}\n[page {page} | {left} characters more are in memory]\n{tail}"


def fault(pieces: Sequence[str]) -> str:
    """One message of pages that were paged in."""
    return "\n".join((OPENING, *pieces, CLOSING))


def piece(page: Page, span: Span | None) -> str:
    """A page, or a span of it, behind its mark."""
    text = page.text if span is None else page.text[slice(*span)]
    gap = "\n" if page.source else " "
    return f"[{handle(page)}]{gap}{escape(text.strip())}"


def handle(page: Page) -> str:
    """One line that names a page: id, source and heading, or date and author."""
    if page.source is None:
        return f"page {page.id} | {page.created_at:%Y-%m-%d} | {_line(page.author or page.role)}"
    number = "" if page.source.number is None else f" p. {page.source.number}"
    where = f"page {page.id} | {_line(page.source.document)}{number}"
    return f"{where} | {_line(page.source.heading)}" if page.source.heading else where


def escape(text: str) -> str:
    """A text in which nothing reads as a mark of vctx."""
    return _MARK.sub(r"\\[", text)


def _role(name: str) -> Role:
    for role in get_args(Role):
        if role == name:
            return cast(Role, role)
    raise InputError(f"role must be one of {', '.join(get_args(Role))}, not {name!r}")


def _line(text: str) -> str:
    """Names come from outside: no line break and no bracket may leave the mark."""
    return " ".join(text.split()).replace("[", "(").replace("]", ")")


def _alternate(messages: Sequence[Message]) -> list[Message]:
    out: list[Message] = []
    for message in messages:
        if (not out or out[-1].role == "system") and message.role == "assistant":
            out.append(Message("user", EARLIER))
        if out and out[-1].role == message.role:
            message = Message(message.role, f"{out.pop().content}\n\n{message.content}")
        out.append(message)
    return out
