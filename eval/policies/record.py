"""Reference strings out of a session's journal: what was asked of its window, whoever decided."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import vctx
from vctx import journal
from vctx.eval.policies.chats import Asked, chat
from vctx.eval.policies.trace import Event, Fitted, Forgot, Pinned, Referred, Said, Sent, Setting, Trace
from vctx.eval.talk import Conversation
from vctx.types import Budget, Entry, Hit


def recorded(entries: Sequence[Entry], name: str, asked: Sequence[Asked] = ()) -> Trace:
    """The trace of the branch on which a session with this log goes on.

    `asked` names the questions among its recalls.

    The window's figures are those of the first decision; a later change of budget, or of what a tokenizer
    that learns has estimated, is not followed. Raises InputError where no decision is in the journal.
    """
    branch = journal.current(entries)
    state = journal.beginning(entries, branch)
    mine = [entry for entry in entries if state.counts(entry)]
    decided = [entry for entry in mine if "window" in entry.outcome]
    if not decided:
        raise vctx.InputError(f"{name} holds no decision with its figures: append or recall something first")
    questions = {one.tick: one for one in asked}
    events = (event for entry in mine for event in _events(entry, questions))
    return Trace(name, _setting(decided[0].outcome["window"]), tuple(events), decided[0].policy)


def played(conversation: Conversation, advance: Callable[[int], object], **options: Any) -> Trace:
    """The trace of a whole chat, chatted now; see `chats.chat`."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chat.db"
        asked = chat(conversation, path, advance, background=False, **options)
        with closing(vctx.disk(path)) as disk:
            return recorded(disk.entries(), conversation.name, asked)


def _setting(figures: Mapping[str, Any]) -> Setting:
    fixed = figures["fixed"]
    return Setting(Budget(*figures["budget"]), fixed, fixed, figures.get("wrapper", 0), figures.get("cap", 0))


def _events(entry: Entry, asked: Mapping[int, Asked]) -> Iterator[Event]:
    tick, at = entry.tick, entry.at.timestamp()
    request = entry.request
    match entry.cause:
        case "append":
            if request.get("reply"):
                yield Sent(tick, at)
            if frames := tuple(f for f in entry.plan.load if not (f.fault or f.brief)):
                yield Said(tick, at, frames)
        case "recall":
            yield _referred(entry, asked.get(tick))
        case "fit":
            yield Fitted(tick, at, request["tokens"])
        case "pin" | "unpin":
            yield Pinned(tick, at, request["page"], entry.cause == "pin")
        case "forget":
            yield Forgot(tick, at, tuple(request["pages"]), bool(request["due"]))
        case _:
            pass


def _referred(entry: Entry, asked: Asked | None) -> Referred:
    figures = entry.outcome.get("window", {})
    hits = tuple(_hit(row) for row in entry.outcome.get("hits", ()))
    when = entry.tick, entry.at.timestamp(), hits, figures.get("ask", 0), figures.get("hold", 0)
    return Referred(*when, asked.question, asked.evidence) if asked else Referred(*when)


def _hit(row: Mapping[str, Any]) -> Hit:
    span = row["span"]
    part = (span[0], span[1]) if span else None
    return Hit(row["page"], part, score=row["score"], tokens=row["tokens"])
