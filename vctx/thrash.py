"""Whether the same pages go out and come in again, and what would cure it. Pure: the journal, read back.

A page that a fault brings back within `SOON` recalls of its leaving left too early. Where half of what the
faults of the last `LAST` recalls brought in had done so, the window thrashes (Denning 1968): paging costs
more than it gives. The cure depends on the working set, the distinct tokens referenced within `SOON` recalls.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vctx import journal
from vctx.types import Budget, Entry, Thrash

SOON = 8
"""Recalls."""
LAST = 24
SHARE = 0.5
"""Of the tokens that faults brought in."""
LEAST = 8
"""Faults that must have been on such pages."""
TICKS = 8 * LAST
"""Entries of the journal that hold so many recalls, as a rule."""


@dataclass
class _Seen:
    """What the last recalls brought in and referred to."""

    left: dict[int, int]
    """The recall after which a page left."""
    faults: list[tuple[int, int, int, bool]]
    """(recall, page, tokens, whether it had left soon before)."""
    used: list[tuple[int, int, int]]
    """(recall, page, tokens)."""
    recalls: int = 0


def thrash(entries: Sequence[Entry], branch: int) -> Thrash:
    """What the newest entries of a branch's journal tell: an excerpt is enough. Tokens are the target's."""
    seen = _seen(entries, branch)
    since = seen.recalls - LAST
    faults = [fault for fault in seen.faults if fault[0] > since]
    again = [fault for fault in faults if fault[3]]
    tokens, returned = sum(f[2] for f in faults), sum(f[2] for f in again)
    set_ = _working(seen.used, seen.recalls)
    figures = next((e.outcome["window"] for e in reversed(entries) if "window" in e.outcome), None)
    amiss = len(again) >= LEAST and returned >= SHARE * tokens
    cure = _cure(set_, figures, returned / tokens) if amiss and figures else ""
    pages = tuple(page for page, _ in Counter(page for _, page, _, _ in again).most_common(LEAST))
    return Thrash(len(faults), len(again), pages, set_, cure)


def _seen(entries: Iterable[Entry], branch: int) -> _Seen:
    entries = list(entries)
    state = journal.beginning(entries, branch)
    seen = _Seen({}, [], [])
    for entry in entries:
        if not state.counts(entry):
            continue
        if entry.cause == "recall":
            seen.recalls += 1
            seen.used += [(seen.recalls, hit["page"], hit["tokens"]) for hit in entry.outcome.get("hits", ())]
        seen.left |= dict.fromkeys(entry.plan.evicted, seen.recalls)
        for frame in entry.plan.load:
            if frame.fault:
                soon = seen.recalls - seen.left.get(frame.page, -SOON) < SOON
                seen.faults.append((seen.recalls, frame.page, frame.tokens, soon))
    return seen


def _working(used: Iterable[tuple[int, int, int]], now: int) -> int:
    """Tokens of the distinct pages referenced within the last `SOON` recalls."""
    return sum({page: tokens for recall, page, tokens in used if recall > now - SOON}.values())


def _cure(working: int, figures: Mapping[str, object], share: float) -> str:
    budget = Budget(*figures["budget"])  # type: ignore[misc]
    kept = int(budget.low * budget.room)
    head = (
        f"{share:.0%} of what faults brought in had left within {SOON} recalls before: the window thrashes. "
    )
    if working <= kept:
        return head + "What is used would fit: another policy keeps it (`vctx replay` compares them)"
    wanted = int(working / budget.low) + budget.reserve
    return head + (
        f"The last {SOON} recalls used pages of {working:,} tokens, and a flush keeps {kept:,}: a window of "
        f"{wanted:,} would hold them, and a smaller `fault` (now {budget.fault:.0%} of the room) ask for less"
    )
