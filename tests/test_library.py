"""Documents brought up to date: what changed is replaced; what did not keeps its page and its vector."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import make
from hypothesis import given
from hypothesis import strategies as st

from vctx import Heading, InputError, Reading
from vctx.context import Context
from vctx.fakes import HashingEmbedder
from vctx.journal import replay

NAMES = ("hours", "fees", "rooms", "events", "loans", "garden")


def book(parts: Sequence[str], name: str = "guide.txt", pages: bool = True) -> Reading:
    text = ""
    headings = []
    for part in parts:
        if pages and text:
            text += "\f"
        headings.append(Heading(len(text), part))
        text += f"{part}\n\nAll about {part}: the {part} of the library are told here.\n\n"
    return Reading(name, text, tuple(headings))


def stands(ctx: Context) -> dict[str, tuple[int, int | None, str]]:
    """section -> page, printed page, and the words where the place says that they are."""
    pages = ctx.pages(sorted({hit.page for hit in ctx.search("all about the library")}))
    return {p.source.heading: (p.id, p.source.number, p.text) for p in pages if p.source}


class Counting(HashingEmbedder):
    """Says how many texts it has embedded."""

    texts = 0

    def embed(self, texts: Sequence[str]) -> Any:
        self.texts += len(texts)
        return super().embed(texts)


def test_only_what_changed_is_written_and_embedded(tmp_path: Path) -> None:
    embedder = Counting()
    with make(tmp_path / "s.db", embedder=embedder) as ctx:
        ctx.add(book(["hours", "fees", "rooms"]))
        ctx.embed()
        before, texts = stands(ctx), embedder.texts
        ctx.embed()
        added = ctx.add(book(["hours", "events", "rooms", "loans"]))
        assert (added.chunks, added.new, added.gone, added.printed) == (4, 2, 1, 4)
        ctx.embed()
        assert embedder.texts <= texts + 2 + 1  # and one question
        after = stands(ctx)
        assert after["hours"] == before["hours"] and after["rooms"] == before["rooms"]
        assert "fees" not in after and {"events", "loans"} <= set(after)
        [document] = ctx.stats().documents
        assert document.chunks == 4 == ctx.stats().pages
        assert ctx.log()[-1].cause == "forget" and ctx.log()[-1].request["document"] == "guide.txt"


def test_what_moved_keeps_its_page_and_knows_its_new_place(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(["hours", "fees", "rooms"]))
        ctx.embed()
        before = stands(ctx)
        reading = book(["events", "hours", "fees", "rooms"])
        added = ctx.add(reading)
        assert (added.new, added.gone) == (1, 0)
        after = stands(ctx)
        for name in ("hours", "fees", "rooms"):
            assert after[name][0] == before[name][0] and after[name][1] == 1 + (before[name][1] or 0)
        for page in ctx.pages([id for id, _, _ in after.values()]):
            assert page.source and reading.text[page.source.start : page.source.stop] == page.text
    with make(tmp_path / "s.db") as ctx:
        assert stands(ctx) == after
        assert not ctx._disk.check().problems


def test_a_chunk_in_the_window_stays_as_it_is_marked(tmp_path: Path) -> None:
    """Where its page number would change, it is another page; else it stays where it is."""
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(["hours", "fees", "rooms"]))
        ctx.recall("the fees", tokens=40)
        [frame] = ctx.frames
        window = ctx.window()
        ctx.add(book(["hours", "fees", "rooms", "loans"]))
        assert ctx.window() == window
        added = ctx.add(book(["events", "hours", "fees", "rooms", "loans"]))
        assert (added.new, added.gone) == (2, 1)
        assert ctx.window() == [] and frame.page not in {id for id, _, _ in stands(ctx).values()}
        assert replay(ctx.log()).frames == ctx.frames


def test_the_window_of_another_branch_counts_too(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(["hours", "fees", "rooms"]))
        ctx.append("user", "hello")
        branch = ctx.fork()
        ctx.recall("the fees", tokens=40)
        ctx.switch(branch)
        ctx.add(book(["events", "hours", "fees", "rooms"]))
        ctx.switch(0)
        assert [f.page for f in ctx.frames if f.fault] == []
        assert len(ctx.window()) == 1


def test_what_is_gone_is_in_no_file(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(["hours", "zanzibar", "rooms"]))
        ctx.embed()
        ctx.add(book(["hours", "rooms"]))
    assert not any(b"zanzibar" in file.read_bytes() for file in tmp_path.iterdir())


def test_another_document_does_not_take_the_place_of_one(tmp_path: Path) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(NAMES[:5]))
        other = book(["one", "two", "three", "four"])
        with pytest.raises(InputError, match="not one of its 5 chunks is in this one"):
            ctx.add(other)
        assert "hours" in stands(ctx)
        assert ctx.add(other, replace=True).gone == 5


def test_a_failure_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with make(tmp_path / "s.db") as ctx:
        ctx.add(book(["hours", "fees", "rooms"]))
        before = stands(ctx)
        with monkeypatch.context() as patch:
            patch.setattr(type(ctx._disk), "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                ctx.add(book(["hours", "events"]))
        assert stands(ctx) == before and len(ctx.stats().documents) == 1
        assert ctx.add(book(["hours", "fees", "rooms"])).new == 0


@given(
    versions=st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=8), min_size=1, max_size=4),
    pages=st.booleans(),
)
def test_whatever_came_before_the_document_is_as_if_added_anew(
    versions: list[list[str]], pages: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with make(tmp_path_factory.mktemp("up") / "s.db") as ctx:
        for version in versions:
            ctx.add(book(version, pages=pages), replace=True)
            ctx.recall(f"the {version[0]}", tokens=40)
        last = book(versions[-1], pages=pages)
        everything = [page for page in ctx._disk.pages(kind="chunk") if page.source]
        found = sorted(
            (page.source.start, page.text, page.source.number) for page in everything if page.source
        )
        assert " ".join(text for _, text, _ in found).split() == last.text.split()
        assert all(last.text[at : at + len(text)] == text for at, text, _ in found)
        assert [number for _, _, number in found] == [
            1 + last.text[:at].count("\f") if "\f" in last.text else None for at, _, _ in found
        ]
        assert replay(ctx.log()).frames == ctx.frames
