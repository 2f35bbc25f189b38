"""What the journal tells, as data for --json and as text for people. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vctx.cli.show import many
from vctx.types import Branch, Change, Entry, Event

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


def entry(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "at": entry.at.isoformat(), "reason": reason(entry)}


def decisions(entries: Sequence[Entry]) -> str:
    return "\n".join(f"{e.tick:>5}  {e.at:%Y-%m-%d %H:%M:%S}  {e.cause:<7} {reason(e)}" for e in entries)


def reason(entry: Entry) -> str:
    """What was asked, what was decided, and why, in one line."""
    parts = [_asked(entry), _loaded(entry), _evicted(entry)]
    return "; ".join(part for part in parts if part)


def _asked(entry: Entry) -> str:
    match entry.cause:
        case "recall":
            return f"{entry.request['query']!r}"
        case "fit":
            return f"the whole prompt counted {entry.request['tokens']} tokens, more than the room"
        case "fold":
            why = f" ({entry.outcome['why']})" if entry.outcome["why"] else ""
            made = f"digest of {many(len(entry.request['pages']), 'message')} on page {entry.outcome['page']}"
            return f"{made} by {entry.outcome['by']}{why}"
        case "gist":
            why = f" ({entry.outcome['why']})" if entry.outcome["why"] else ""
            gists = entry.outcome["gists"]
            made = f"{many(sum(page > 0 for page in gists), 'gist')} of {many(len(gists), 'message')}"
            return f"{made} by {entry.outcome['by']}{why}"
        case "forget":
            return f"{many(len(entry.request['pages']), 'page')} erased"
        case "fork":
            after = f"after page {entry.request['at']}"
            return f"branch {entry.branch}, from {entry.request['parent']} {after}"
        case "switch":
            return f"on branch {entry.branch}"
        case _:
            return f"page {entry.request['page']}"


def _loaded(entry: Entry) -> str:
    if entry.cause != "recall":
        return ""
    hits = [hit for hit in entry.outcome.get("hits", ()) if not hit["resident"]]
    loads = [f"{hit['page']} (score {hit['score']:.2f}{_strongest(hit)})" for hit in hits]
    resident = f"{len(entry.plan.touch)} resident; " if entry.plan.touch else ""
    return f"{resident}{many(len(loads), 'fault')}" + (f": {_pages(loads)}" if loads else "")


def _pages(named: Sequence[str]) -> str:
    return f"{'page' if len(named) == 1 else 'pages'} {', '.join(named)}"


def _strongest(hit: Mapping[str, Any]) -> str:
    """What ranked a hit: the word that led to it, or the signal that added most."""
    if "via" in hit:
        return f" by {hit['via']!r}"
    signals: Mapping[str, float] = hit["signals"]
    return f", most by {max(signals, key=lambda name: signals[name])}" if signals else ""


def _evicted(entry: Entry) -> str:
    if not entry.plan.evict:
        return ""
    pages = _pages([str(page) for page in entry.plan.evicted])
    return f"{entry.policy} evicted {pages}; {entry.plan.tokens} tokens then"
