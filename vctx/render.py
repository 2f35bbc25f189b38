"""What stands in the prompt. The only room that knows: frames and texts in, messages out. Pure.

A fault is one user message, its pages marked with id, source or date, and author:

    [memory]
    [page 12 | 2026-03-02 | Ana] I moved to Lyon in March.
    [page 31 | guide.txt p. 7 | Opening hours]
    The library opens at nine.
    [/memory]

What stands in a shorter form is one such message, before all that stands in full:

    [page 12 | 2026-03-02 | Ana] (gist) moved Lyon March

Every mark of vctx begins with `[memory`, `[/memory` or `[page`; a text that is paged in or comes from the
user and holds such a thing gets a backslash before it, so that it cannot forge a mark.
"""

import re
from collections.abc import Mapping, Sequence

from vctx.chunk import PATH
from vctx.formats import joined
from vctx.gist import gist
from vctx.types import Block, Form, Frame, Message, Page, Span, ToolCall

# What a reader does not see may stand between the letters of a forged mark.
_UNSEEN = "[\u00ad\u200b-\u200f\u2060\ufeff]*"
_NAMES = "|".join(_UNSEEN.join(name) for name in ("memory", "page"))
_MARK = re.compile(rf"\[(?={_UNSEEN}\s*/?\s*{_UNSEEN}(?:{_NAMES})(?![a-z]))", re.IGNORECASE)

OPENING, CLOSING = "[memory]", "[/memory]"
NAME = 80
"""Characters of a name or heading in a mark."""
EARLIER = "(What was said before this is in memory.)"


def window(
    frames: Sequence[Frame],
    pages: Mapping[int, Page],
    *,
    system: str = "",
    digest: str = "",
    tools: Sequence[Message] = (),
    alternates: bool = False,
) -> list[Message]:
    """The prompt: tools, system text and digest, then the frames in order of arrival.

    With `alternates`, messages of one role that follow each other are joined, and the first after
    the system message is the user's, as strict chat templates demand.
    """
    messages = [*tools, *(Message("system", text) for text in (fixed(system, digest),) if text)]
    for together in _together(frames):
        first = together[0]
        if first.brief:
            texts = [brief(f, pages[f.page], pages[f.gist] if f.gist else None) for f in together]
            messages.append(Message("user", fault(texts)))
        elif first.fault:
            messages.append(Message("user", fault([piece(pages[f.page], f.span) for f in together])))
        elif first.group is None:
            messages.append(Message(pages[first.page].role, said(first, pages[first.page])))
        else:
            messages += group(together, pages)
    return _alternate(messages) if alternates else messages


def group(frames: Sequence[Frame], pages: Mapping[int, Page]) -> list[Message]:
    """An assistant's message with its tool calls, and their results in the order of the calls."""
    head, *rest = sorted(frames, key=lambda frame: frame.page)
    calls = [pages[frame.page] for frame in rest if pages[frame.page].kind == "tool"]
    order = {page.call: place for place, page in enumerate(calls)}
    results = [(pages[frame.page], frame) for frame in rest if pages[frame.page].kind != "tool"]
    results.sort(key=lambda result: order[result[0].call])
    made = tuple(ToolCall(page.call, page.author, page.text) for page in calls)
    asked = Message("assistant", said(head, pages[head.page]), made)
    return [asked, *(Message("tool", said(f, p), call=p.call, name=p.author) for p, f in results)]


def _together(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames that make one stretch of the prompt, each where its first frame stands."""
    stretches: dict[tuple[str, object], list[Frame]] = {}
    for frame in frames:
        if frame.brief:
            key: tuple[str, object] = ("brief", None)
        elif frame.fault:
            key = ("fault", frame.arrived)
        else:
            key = ("said", frame.slot) if frame.group is None else ("group", frame.group)
        stretches.setdefault(key, []).append(frame)
    return list(stretches.values())


def fixed(system: str, digest: str) -> str:
    """The text of the system message; empty if there is neither."""
    return "\n\n".join(part for part in (system, memory_digest(digest)) if part)


def standing(system: str, blocks: Sequence[Block]) -> str:
    """The system text, and the memory blocks behind it."""
    return "\n\n".join(part for part in (system, *map(block, blocks)) if part)


def block(block: Block) -> str:
    """A memory block behind its mark, which says how full it is."""
    used = f"{len(block.text)} of {block.limit} characters"
    return f"[memory block {_line(block.name)} | {used}]\n{escape(block.text)}".rstrip()


def memory_digest(digest: str) -> str:
    """The digest with its mark, as it stands behind the system text."""
    return f"[memory: summary of what was said before]\n{escape(digest)}" if digest else ""


def said(frame: Frame, page: Page) -> str:
    """A message as it was said, or its head, handle and tail."""
    return cut(page, frame.keep) if frame.form is Form.CUT else content(page)


def content(page: Page) -> str:
    """A message's text; the model's own words stand unchanged, so that they extend what it has cached."""
    return _own(page, page.text)


def cut(page: Page, keep: int) -> str:
    """Head, handle and tail: `keep` characters of either end."""
    text, left = page.text, len(page.text) - 2 * keep
    head, tail = _own(page, text[:keep]), _own(page, text[len(text) - keep :])
    return f"{head}\n{more(page.id, left)}\n{tail}"


def more(page: int, characters: int) -> str:
    """What stands in the place of characters that were cut."""
    return f"[page {page} | {characters} characters more are in memory]"


def alert(text: str) -> str:
    """What vctx tells the model, behind its mark: nobody said it."""
    return f"[memory: {text}]"


def _own(page: Page, text: str) -> str:
    return text if page.role == "assistant" or page.origin == "vctx" else escape(text)


def fault(pieces: Sequence[str]) -> str:
    """One message of pages that were paged in."""
    return "\n".join((OPENING, *pieces, CLOSING))


def piece(page: Page, span: Span | None) -> str:
    """A page, or a span of it, behind its mark."""
    text = page.text if span is None else page.text[slice(*span)]
    gap = "\n" if page.kind == "chunk" else " "
    return f"[{handle(page)}]{gap}{escape(text.strip())}"


def brief(frame: Frame, page: Page, made: Page | None = None) -> str:
    """A page in a shorter form, behind its mark; `made` holds the gist that a model made of it."""
    form = "gist" if frame.form is Form.GIST else "…"
    return f"[{handle(page)}] ({form}) {escape(made.text if made else gist(page.text, frame.keep))}"


def handle(page: Page) -> str:
    """One line that names a page: id, source and heading, or date and author."""
    heading = f" | {_path(page.source.heading)}" if page.source and page.source.heading else ""
    if page.source is None or page.talk:
        return f"page {page.id} | {page.created_at:%Y-%m-%d} | {_line(page.author or page.role)}{heading}"
    number = "" if page.source.number is None else f" p. {page.source.number}"
    return f"page {page.id} | {_line(page.source.document)}{number}{heading}"


def escape(text: str) -> str:
    """A text in which nothing reads as a mark of vctx."""
    return _MARK.sub(r"\\[", text)


def _path(heading: str) -> str:
    """A section's path, without its beginning where it is long: its own title says most."""
    parts = heading.split(PATH)
    while len(parts) > 1 and len(PATH.join(parts)) > NAME:
        parts = parts[1:]
    return _line(PATH.join(parts))


def _line(text: str) -> str:
    """Names come from outside: no line break and no bracket may leave the mark, and it stays short."""
    line = " ".join(text.split()).replace("[", "(").replace("]", ")")
    return line if len(line) <= NAME else line[: NAME - 1] + "…"


def _alternate(messages: Sequence[Message]) -> list[Message]:
    out: list[Message] = []
    for message in messages:
        if (not out or out[-1].role in ("tools", "system")) and message.role == "assistant":
            out.append(Message("user", EARLIER))
        out.append(message)
    return joined(out)
