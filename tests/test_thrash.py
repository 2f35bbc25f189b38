"""Thrashing by worked example: what went out and came in again, and what is said about it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from conftest import make

from vctx.thrash import thrash
from vctx.types import Entry, Frame, Plan

AT = datetime(2026, 1, 1, tzinfo=UTC)
FIGURES = {"budget": [1100, 100, 1.0, 0.5, 0.4], "fixed": 0}


def recall(tick: int, load: Sequence[int], evict: Sequence[int] = (), tokens: int = 100) -> Entry:
    """Faults on pages of 100 tokens, and those that leave for them."""
    frames = tuple(Frame(page, tokens, tick, tick, 1, fault=True) for page in load)
    plan = Plan(evict=tuple((page, None) for page in evict), load=frames)
    hits = [{"page": page, "tokens": tokens} for page in load]
    return Entry(tick, "recall", AT, {}, "fifo", plan, {"hits": hits, "window": FIGURES})


def turns(pages: int) -> list[Entry]:
    """Two pages of so many, round and round, each leaving for the next."""
    entries = [recall(0, [1, 2])]
    for n in range(1, 12):
        before = entries[-1].plan.load
        new = [(2 * n) % pages + 1, (2 * n + 1) % pages + 1]
        entries.append(recall(n, new, [frame.page for frame in before]))
    return entries


def test_pages_that_come_back_at_once_are_thrashing_and_a_policy_would_keep_them() -> None:
    """24 faults on 4 pages: the first 4 are new, 20 had left just before. 400 tokens fit into 500."""
    found = thrash(turns(4), 0)
    assert (found.faults, found.again, found.working) == (24, 20, 400)
    assert found and "83%" in found.cure and "another policy keeps it" in found.cure


def test_what_does_not_fit_asks_for_a_larger_window() -> None:
    """The 12 pages come round after 6 recalls: 1,200 tokens, of which a flush keeps 500; 1200 / .5 + 100."""
    found = thrash(turns(12), 0)
    assert found.working == 1200
    assert "a window of 2,500 would hold them" in found.cure


def test_pages_that_come_back_late_or_never_are_paging() -> None:
    """20 pages come round after 10 recalls, which is no longer soon; of 40 none does."""
    assert not thrash(turns(20), 0)
    found = thrash(turns(40), 0)
    assert (found.again, found.cure) == (0, "") and not found


def test_a_session_tells(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.append("user", "The hotel is by the river.")
        ctx.recall("Which hotel?")
        assert not ctx.thrash()
