"""What the journal tells, as data for --json and as text for people. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vctx.types import Branch, Change, Event

SHOWN = 5
"""Signals of a hit that are shown to people: those that weigh most."""


def event(event: Event) -> dict[str, Any]:
    return {**asdict(event), "at": event.at.isoformat()}


def events(events: Sequence[Event]) -> str:
    return "\n".join(map(_line, events))


def change(change: Change) -> dict[str, Any]:
    return {name: [event(e) for e in getattr(change, name)] for name in ("joined", "left", "recut")}


def changed(change: Change) -> str:
    marks = (("+", change.joined), ("-", change.left), ("~", change.recut))
    return "\n".join(f"{mark} {_line(event)}" for mark, events in marks for event in events)


def branches(rows: Sequence[Branch]) -> str:
    return "\n".join(f"{'*' if row.current else ' '} {row.id}  {_root(row)}" for row in rows)


def _root(row: Branch) -> str:
    return "the trunk" if row.parent is None else f"from {row.parent} after page {row.at}"


def _line(event: Event) -> str:
    parts = [f"page {event.page} {event.what}{_form(event)}{_whose(event)}"]
    if event.query:
        parts.append(f"for {event.query!r}{_rank(event)}")
    return f"{event.tick:>5}  {event.at:%Y-%m-%d %H:%M:%S}  {'; '.join(parts)}"


def _form(event: Event) -> str:
    if event.frame is None:
        return ""
    span = "" if event.frame.span is None else f", characters {event.frame.span[0]} to {event.frame.span[1]}"
    return f" ({event.frame.form}{span}, {event.frame.tokens} tokens{', pinned' * event.frame.pinned})"


def _whose(event: Event) -> str:
    if not event.others:
        return ""
    pages = ", ".join(map(str, event.others))
    match event.what:
        case "summarised":
            return f" on page {pages}"
        case "left":
            return f" by {event.policy}, for page {pages}"
        case _:
            return f", and for it page {pages} left"


def _rank(event: Event) -> str:
    if event.score is None:
        return ""
    via = f" by {event.via!r}" if event.via else ""
    top = sorted(event.signals.items(), key=lambda signal: -abs(signal[1]))[:SHOWN]
    shares = ", ".join(f"{name} {share:+.2f}" for name, share in top if share)
    return f", score {event.score:.2f}{via}{f': {shares}' if shares else ''}"
