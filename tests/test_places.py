"""What stands beside a page, where a document was brought up to date: what does so in its text."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import make
from hypothesis import given
from hypothesis import strategies as st

from vctx import Heading, Reading, Turn, open_store
from vctx.context import Context
from vctx.fakes import HashingEmbedder, WordTokenizer
from vctx.storage.places import BASE, Order
from vctx.types import Page

AT = datetime(2026, 1, 1, tzinfo=UTC)
OLD = ("hours", "fees", "rooms", "events", "loans")
NEW = ("hours", "fees", "garden", "events", "loans")
NAMES = (*OLD, "garden")


def book(parts: Sequence[str], name: str = "guide.txt") -> Reading:
    text, headings = "", []
    for part in parts:
        headings.append(Heading(len(text), part))
        text += f"All about the {part} of the library is told here.\n\n"
    return Reading(name, text, tuple(headings))


def numbers(ctx: Context, name: str = "guide.txt") -> dict[str, int]:
    """section -> page."""
    chunks = [page for page in ctx._disk.pages(kind="chunk") if page.source and page.source.document == name]
    return {page.source.heading: page.id for page in chunks if page.source}


def beside(ctx: Context, section: str, branch: int | None = None) -> list[str]:
    """The sections that are read with one of the guide, in the order of its text."""
    near = ctx._disk.around([numbers(ctx)[section]], branch=branch)
    found = sorted((page.source.start, page.source.heading) for page in near if page.source)
    return [heading for _, heading in found]


def pairs(ctx: Context) -> set[tuple[str, str]]:
    """Which section is seen to go on in which."""
    known = {page: section for section, page in numbers(ctx).items()}
    stand = sorted(zip(ctx._disk.places(list(known)), known, strict=True))
    return {(known[a], known[b]) for (m, a), (n, b) in pairwise(stand) if n == m + 1}


def in_order(parts: Sequence[str]) -> set[tuple[str, str]]:
    return set(pairwise(parts))


def ranking(ctx: Context, question: str) -> list[tuple[str, float]]:
    hits = ctx.search(question, before=())
    pages = ctx.pages([hit.page for hit in hits])
    return sorted((page.text, round(hit.score, 9)) for page, hit in zip(pages, hits, strict=True))


def test_a_new_chunk_stands_between_those_beside_it_in_the_text(ctx: Context) -> None:
    ctx.add(book(OLD))
    ctx.append("user", "hello")
    ctx.add(book(["fish", "fowl"], "kitchen.txt"))
    assert ctx.add(book(NEW)).new == 1
    assert beside(ctx, "garden") == ["fees", "garden", "events"]
    assert beside(ctx, "fees") == ["hours", "fees", "garden"]
    assert beside(ctx, "events") == ["garden", "events", "loans"]
    assert beside(ctx, "loans") == ["events", "loans"]
    assert pairs(ctx) == in_order(NEW)
    # Nor does it stand beside what has the next number.
    assert [page.text for page in ctx._disk.around([6])] == ["hello", ctx.pages([7])[0].text]


@pytest.mark.parametrize("parts", [(*OLD, "garden"), (*OLD[:4], "garden"), ("garden", *OLD), OLD[::-1]])
def test_whatever_has_changed(ctx: Context, parts: Sequence[str]) -> None:
    ctx.add(book(OLD))
    ctx.append("user", "hello")
    ctx.add(book(parts))
    assert pairs(ctx) == in_order(parts)
    for before, after in in_order(parts):
        assert after in beside(ctx, before) and before in beside(ctx, after)


def test_on_every_branch(ctx: Context) -> None:
    ctx.add(book(OLD))
    ctx.append("user", "hello")
    branch = ctx.fork()
    ctx.switch(branch)
    ctx.append("user", "and there")
    ctx.add(book(NEW))
    for seen in (0, branch):
        assert beside(ctx, "garden", seen) == ["fees", "garden", "events"]
        assert beside(ctx, "fees", seen) == ["hours", "fees", "garden"]


def test_a_name_brings_in_what_stands_around_it(ctx: Context) -> None:
    ctx.add(book(OLD))
    ctx.add(book(NEW))
    known = numbers(ctx)
    around = ctx._disk.beside([known["garden"]], 2)
    assert {known[part] for part in NEW} == set(around)


def test_of_a_file_that_an_older_vctx_changed(tmp_path: Path) -> None:
    """It counted only what it moved; the order is derived from what stands there."""
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(OLD))
        ctx.add(book(NEW))
    with closing(sqlite3.connect(tmp_path / "s.db")) as raw:
        raw.execute("UPDATE counts SET value = 0 WHERE name = 'moved'")
        raw.commit()
    with make(tmp_path / "s.db") as ctx:
        assert pairs(ctx) == in_order(NEW)
        assert beside(ctx, "garden") == ["fees", "garden", "events"]


def test_what_another_changes_is_seen_at_once(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx, make(tmp_path / "s.db") as other:
        ctx.add(book(OLD))
        assert beside(other, "fees") == ["hours", "fees", "rooms"]
        ctx.add(book(NEW))
        assert beside(other, "fees") == ["hours", "fees", "garden"]


def test_what_is_not_committed_is_not_remembered(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(OLD))
        with pytest.raises(KeyboardInterrupt), ctx._disk.transaction():
            ctx._disk.erase([3])
            ctx._disk.around([2])
            raise KeyboardInterrupt
        assert beside(ctx, "fees") == ["hours", "fees", "rooms"]


def test_where_a_chunk_was_forgotten_by_hand_numbers_are_places(ctx: Context) -> None:
    ctx.add(book(OLD))
    ctx.append("user", "hello")
    ctx.forget([3, 6])
    assert ctx._disk.places([1, 2, 4, 5]) == [1, 2, 4, 5]
    assert beside(ctx, "fees") == ["hours", "fees"]


def test_an_imported_chat_that_went_on_elsewhere(ctx: Context) -> None:
    at = datetime(2025, 5, 1, tzinfo=UTC)

    def chat(count: int) -> Reading:
        said = [f"Said as number {n}." for n in range(count)]
        starts = np.cumsum([0, *map(len, said)]).tolist()
        turns = [Turn(a, b, "user", "Ann", at) for a, b in pairwise(starts)]
        return Reading("chat.json", "".join(said), turns=tuple(turns))

    ctx.add(chat(3))
    ctx.append("user", "hello")
    ctx.add(chat(5))
    assert ctx._disk.places([1, 2, 3, 5, 6]) == [BASE + n for n in range(5)]
    assert [page.id for page in ctx._disk.around([3])] == [2, 3, 5]


def test_a_summary_parts_nobody(ctx: Context) -> None:
    """Nor does a version of a block; it stands alone, and is read if it is asked for."""
    one, two = ctx.append("user", "one").id, ctx.append("user", "two").id
    with ctx._disk.transaction():
        made = ctx._disk.put([Page(kind, "system", kind, AT, "vctx") for kind in ("summary", "block")])
    three = ctx.append("user", "three").id
    assert [page.id for page in ctx._disk.around([two])] == [one, two, three]
    assert [page.id for page in ctx._disk.around([three])] == [two, three]
    assert [page.id for page in ctx._disk.around([made[0].id])] == [made[0].id]
    assert np.diff(ctx._disk.places([one, two, three])).tolist() == [1, 1]
    branch = ctx.fork()
    ctx.switch(branch)
    four = ctx.append("user", "four").id
    assert [page.id for page in ctx._disk.around([three], branch=branch)] == [two, three, four]
    assert np.diff(ctx._disk.places([one, two, three, four])).tolist() == [1, 1, 1]


def test_a_garbled_place_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(OLD))
        ctx.add(book(NEW))
    for source in ("{", "{}", "[]", '{"document": "guide.txt", "start": "x"}', b"\xff", 7):
        with closing(sqlite3.connect(tmp_path / "s.db")) as raw:
            raw.execute("UPDATE pages SET source = ? WHERE id = 5", (source,))
            raw.commit()
        with make(tmp_path / "s.db") as ctx:
            stand = ctx._disk.places([1, 2, 4, 6])
            assert np.diff([stand[0], stand[1], stand[3], stand[2]]).tolist() == [1, 1, 1]


def test_in_a_search_across_sessions(tmp_path: Path) -> None:
    found = []
    for folder, versions in (("up", [OLD, NEW]), ("new", [NEW])):
        with open_store(
            tmp_path / folder,
            model=None,
            tokenizer=WordTokenizer(),
            embedder=HashingEmbedder(),
            window=400,
            background=False,
        ) as store:
            for session in ("one", "two"):
                with store.open(session, user="ann") as ctx:
                    for version in versions:
                        ctx.add(book(version, f"{session}.txt"))
            hits = store.search("What about the garden?", user="ann").matches
            found.append(sorted((m.session, m.page.text, round(m.hit.score, 9)) for m in hits))
    assert found[0] == found[1] and len(found[0]) == 10


@given(
    versions=st.lists(st.permutations(NAMES).map(lambda names: names[:4]), min_size=1, max_size=3),
    last=st.permutations(NAMES),
)
def test_it_ranks_as_one_that_was_added_anew(
    versions: list[list[str]], last: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ranks")
    with make(folder / "up.db") as ctx, make(folder / "new.db") as anew:
        for version in [*versions, last]:
            ctx.add(book(version), replace=True)
        anew.add(book(last))
        assert pairs(ctx) == pairs(anew) == in_order(last)
        for question in ("What about the garden?", "Which fees and loans does the library tell of?"):
            assert ranking(ctx, question) == ranking(anew, question)


@given(
    documents=st.lists(st.sets(st.integers(1, 60), min_size=1), max_size=4),
    ids=st.lists(st.integers(1, 70)),
    aside=st.sets(st.integers(1, 60)),
)
def test_a_place_is_a_page_s_own(documents: list[set[int]], ids: list[int], aside: set[int]) -> None:
    """And those of a document follow each other; no two documents share a page."""
    apart = [sorted(one.difference(aside, *documents[:n]), reverse=True) for n, one in enumerate(documents)]
    order = Order(filter(None, apart), sorted(aside))
    others = np.array(sorted(set(range(1, 70)) - aside), np.int64)
    if not any(apart):
        assert order.of(others).tolist() == list(range(1, len(others) + 1))
    assert order.at(order.of(np.array(ids, np.int64))).tolist() == ids
    for one in filter(None, apart):
        assert np.diff(order.of(np.array(one, np.int64))).tolist() == [1] * (len(one) - 1)
