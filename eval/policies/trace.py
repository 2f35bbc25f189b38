"""Reference strings: what a window was asked for, whatever a policy made of it. The nouns and their file.

A trace is what stays the same under every policy: which pages were said, which a recall referenced and at
what price, when the model was called. The file is JSON Lines; the first line says what the window was:

    {"vctx-trace": 1, "name": "alice", "policy": "lru", "window": 4096, "reserve": 512, "high": 1.0,
     "low": 0.5, "fault": 0.4, "fixed": 60, "head": 40, "wrapper": 12, "cap": 448}
    {"said": [[7, 31, null, true]], "tick": 9, "at": 1683554221.0}
    {"referred": [[3, null, 25, 1.2], [5, [0, 310], 70, 0.4]], "tick": 10, "at": 1683554251.0,
     "ask": 1433, "hold": 20, "question": 4, "evidence": [3]}
    {"sent": true, "tick": 11, "at": 1683554251.0}
    {"pinned": 7, "on": true, "tick": 12, "at": 1683554300.0}
    {"forgot": [7], "digest": true, "tick": 13, "at": 1683554301.0}
    {"fitted": 4200, "tick": 14, "at": 1683554302.0}

said        a message, with its tool calls and results: [page, tokens, group, whole]; not whole: head and tail
referred    the pages that a recall selected, best first: [page, characters or null, tokens, score]; `ask` is
            what it might spend, `hold` what it left free; `question` and `evidence` where they are known
sent        the model read the window (what was said after it is its reply)
forgot      pages were erased; `digest`: it is made anew without them
fitted      the prompt was counted whole and was larger than the room: its tokens
`tick` orders the events as the journal did, `at` is in seconds since 1970; tokens are the target model's.
`fixed` is what never leaves (template, system text), of which `head` stands before the digest; `cap` is kept
for the digest once something has left, `wrapper` stands around the pages of one fault.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vctx
from vctx.types import Budget, Form, Frame, Hit

VERSION = 1


@dataclass(frozen=True, slots=True)
class Setting:
    """The window that a trace was recorded in. Tokens."""

    budget: Budget
    fixed: int = 0
    head: int = 0
    """Of the fixed part, what stands before the digest: it is never written anew."""
    wrapper: int = 0
    cap: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """Frames that were appended together."""

    tick: int
    at: float
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Referred:
    """The pages that a recall selected, best first."""

    tick: int
    at: float
    hits: tuple[Hit, ...]
    ask: int
    hold: int = 0
    question: int | None = None
    evidence: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Sent:
    """The model was called with the window as it stood."""

    tick: int
    at: float


@dataclass(frozen=True, slots=True)
class Pinned:
    """A page was pinned, or let go."""

    tick: int
    at: float
    page: int
    on: bool


@dataclass(frozen=True, slots=True)
class Forgot:
    """Pages were erased."""

    tick: int
    at: float
    pages: tuple[int, ...]
    digest: bool = False
    """Whether the digest is made anew without them."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The prompt, counted whole, took more tokens than there was room."""

    tick: int
    at: float
    tokens: int


Event = Said | Referred | Sent | Pinned | Forgot | Fitted


@dataclass(frozen=True, slots=True)
class Trace:
    """A reference string. `policy` decided while it was recorded; empty where none did."""

    name: str
    setting: Setting
    events: tuple[Event, ...]
    policy: str = ""

    @property
    def references(self) -> int:
        """How many pages were referenced, each time counted."""
        return sum(len(event.hits) for event in self.events if isinstance(event, Referred))


def write(trace: Trace, path: Path) -> None:
    """Writes the file."""
    budget, setting = trace.setting.budget, trace.setting
    head = {
        "vctx-trace": VERSION,
        "name": trace.name,
        "policy": trace.policy,
        **{name: getattr(budget, name) for name in Budget.__dataclass_fields__},
        **{name: getattr(setting, name) for name in ("fixed", "head", "wrapper", "cap")},
    }
    lines = [json.dumps(line, ensure_ascii=False) for line in (head, *map(_line, trace.events))]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def read(path: Path) -> Trace:
    """Reads the file. Raises vctx.InputError, with the line that is wrong."""
    try:
        lines = path.read_text("utf-8").splitlines()
        head, *rest = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise vctx.InputError(f"cannot read {path} as a trace: {error}") from error
    try:
        if head["vctx-trace"] != VERSION:
            raise vctx.InputError(f"{path} is a trace of version {head['vctx-trace']}, not {VERSION}")
        setting = _setting(head)
        name, policy = str(head["name"]), str(head.get("policy", ""))
    except (LookupError, TypeError) as error:
        raise vctx.InputError(f"{path} is no trace: its first line lacks {error}") from error
    return Trace(name, setting, tuple(_events(rest, path)), policy)


def _setting(head: dict[str, Any]) -> Setting:
    budget = Budget(**{name: head[name] for name in Budget.__dataclass_fields__ if name in head})
    return Setting(budget, *(int(head[name]) for name in ("fixed", "head", "wrapper", "cap")))


def _events(rows: Iterable[Any], path: Path) -> Iterator[Event]:
    last = -1
    for number, row in enumerate(rows, 2):
        try:
            event = _event(row)
        except (LookupError, TypeError, ValueError) as error:
            raise vctx.InputError(f"line {number} of {path} is no event of a trace: {error!r}") from error
        if event.tick < last:
            raise vctx.InputError(f"line {number} of {path} is out of order: tick {event.tick} after {last}")
        last = event.tick
        yield event


def _event(row: dict[str, Any]) -> Event:
    tick, at = int(row["tick"]), float(row["at"])
    if "said" in row:
        return Said(tick, at, tuple(_frame(tick, *cells) for cells in row["said"]))
    if "referred" in row:
        hits = tuple(_hit(*cells) for cells in row["referred"])
        evidence = frozenset(map(int, row.get("evidence", ())))
        return Referred(tick, at, hits, int(row["ask"]), int(row["hold"]), row.get("question"), evidence)
    if "pinned" in row:
        return Pinned(tick, at, int(row["pinned"]), bool(row["on"]))
    if "forgot" in row:
        return Forgot(tick, at, tuple(map(int, row["forgot"])), bool(row["digest"]))
    if "fitted" in row:
        return Fitted(tick, at, int(row["fitted"]))
    if row["sent"]:
        return Sent(tick, at)
    raise ValueError("it says nothing")


def _frame(tick: int, page: int, tokens: int, group: int | None, whole: bool) -> Frame:
    form = Form.FULL if whole else Form.CUT
    return Frame(page, tokens, tick, tick, form=form, group=group)


def _hit(page: int, span: list[int] | None, tokens: int, score: float) -> Hit:
    part = (span[0], span[1]) if span else None
    return Hit(page, part, score=score, tokens=tokens)


def _line(event: Event) -> dict[str, Any]:
    when = {"tick": event.tick, "at": event.at}
    match event:
        case Said(frames=frames):
            return {"said": [[f.page, f.tokens, f.group, f.form is Form.FULL] for f in frames], **when}
        case Referred(hits=hits):
            cells = [[hit.page, hit.span, hit.tokens, round(hit.score, 4)] for hit in hits]
            row: dict[str, Any] = {"referred": cells, **when, "ask": event.ask, "hold": event.hold}
            if event.question is not None:
                row |= {"question": event.question, "evidence": sorted(event.evidence)}
            return row
        case Sent():
            return {"sent": True, **when}
        case Pinned():
            return {"pinned": event.page, "on": event.on, **when}
        case Forgot():
            return {"forgot": list(event.pages), "digest": event.digest, **when}
        case Fitted():
            return {"fitted": event.tokens, **when}
