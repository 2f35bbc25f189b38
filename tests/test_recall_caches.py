"""What recall remembers: the ranking is the same without it, and what is forgotten leaves it."""

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import vctx
from vctx import field
from vctx.eval.chats import conversation
from vctx.eval.story import Recipe
from vctx.fakes import HashingEmbedder, WordTokenizer
from vctx.kept import Kept
from vctx.storage import SqliteDisk, lately
from vctx.storage.lately import Lately
from vctx.storage.settled import Settled
from vctx.types import Hit, Page, Search, Source

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "Philippa keeps the xylophone in the greenhouse."
MADE = conversation(Recipe(seed=3, sessions=5))
QUESTIONS = [question.text for question in MADE.questions[:12]]


def opened(path: Path) -> vctx.Context:
    return vctx.open(
        path, model=None, tokenizer=WordTokenizer(), embedder=HashingEmbedder(), background=False
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "s.db"
    with opened(path) as ctx, ctx.relaxed():
        for turn in MADE.turns:
            ctx.append("user", turn.text, author=turn.speaker, at=MADE.dates[turn.id[0]])
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SqliteDisk]:
    with SqliteDisk(tmp_path / "s.db") as disk:
        with disk.transaction():
            disk.put([Page("message", "user", text, NOW, "user") for text in ("Hm.", SECRET, "Oh?")])
        yield disk


def asked(path: Path) -> list[list[Hit]]:
    with opened(path) as ctx:
        return [ctx.search(question) for question in QUESTIONS]


def read_anew(self: Any, name: object, read: Callable[[], Any]) -> Any:
    return read()


def test_the_ranking_is_the_same_without_anything_remembered(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(session) as ctx:
        first = [ctx.search(question) for question in QUESTIONS]
        again = [ctx.search(question) for question in reversed(QUESTIONS)]
    monkeypatch.setattr(Settled, "get", read_anew)
    monkeypatch.setattr(Lately, "known", lambda self, ids: {})
    monkeypatch.setattr(Kept, "__call__", lambda self, page: self._make(page))
    monkeypatch.setattr(Kept, "all", lambda self, pages: [self._make(page) for page in pages])
    assert first == list(reversed(again)) == asked(session)
    assert all(len(hits) > 20 for hits in first)


def test_the_ranking_is_the_same_when_little_is_remembered(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = asked(session)
    monkeypatch.setattr(lately, "GENERATION", 7)
    assert asked(session) == whole


def test_the_best_k_are_the_first_of_all(session: Path) -> None:
    with opened(session) as ctx:
        for question in QUESTIONS:
            assert ctx.search(question, 5) == ctx.search(question)[:5]


def test_a_branch_has_its_own_neighbours(disk: SqliteDisk) -> None:
    """Branch 1 sees 1, 2 and its own 5; the trunk's 4 is not what stands before it."""
    with disk.transaction():
        side = disk.fork(0, 2)
        disk.put([Page("message", "user", "trunk", NOW, "user")])
        disk.put([Page("message", "user", "side", NOW, "user", branch=side)])
    for _ in range(2):
        assert [page.id for page in disk.around([5], branch=side)] == [2, 5]
        assert [page.id for page in disk.around([2], branch=side)] == [1, 2, 5]
        assert [page.id for page in disk.around([2, 4], branch=side)] == [1, 2, 5]
        assert [page.id for page in disk.around([3], branch=0)] == [2, 3, 4]
        assert [page.id for page in disk.around([2**63, -1, 0, 99], branch=side)] == [1, 5]
    with disk.transaction():
        disk.erase([2])
    assert [page.id for page in disk.around([5], branch=side)] == [1, 5]


def test_what_another_process_writes_and_forgets_is_seen_at_once(disk: SqliteDisk) -> None:
    other = (
        "import sys; from vctx.storage import SqliteDisk; from vctx.types import Page\n"
        "from datetime import UTC, datetime\n"
        "disk = SqliteDisk(sys.argv[1])\n"
        "with disk.transaction(): disk.put([Page('message', 'user', 'new', datetime.now(UTC), 'user')])\n"
        "disk.forget([2])"
    )
    assert [page.text for page in disk.around([2])] == ["Hm.", SECRET, "Oh?"]
    assert disk.stats().pages == 3 and disk.embedder is None
    subprocess.run([sys.executable, "-c", other, str(disk.path)], check=True)
    assert [page.text for page in disk.around([2, 4])] == ["Hm.", "Oh?", "new"]
    assert disk.stats().pages == 3 and len(disk.search(Search("xylophone", 9), None)) == 0
    assert disk.phrase("xylophone", 9) == [] and disk.phrase("new", 9) == [4]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_is_forgotten_is_in_no_cache(tmp_path: Path, elsewhere: bool) -> None:
    path = tmp_path / "s.db"
    with opened(path) as ctx:
        for text in ("It rains.", SECRET, "Who has the xylophone?"):
            ctx.append("user", text)
        ctx.window()
        assert ctx.search("Where is the xylophone, and when did Philippa say so?", before=())[0].page == 2
        if elsewhere:
            with opened(path) as other:
                assert other.forget([2])
        else:
            assert ctx.forget([2])
        kept = len(field.LIKE)
        hits = ctx.recall("Where is the xylophone, and when did Philippa say so?")
        assert {hit.page for hit in hits} <= {1, 3}
        ctx.window()
        gc.collect()
        assert not [page for page in gc.get_objects() if type(page) is Page and page.text == SECRET]
        assert len(field.LIKE) <= kept


def test_what_is_made_of_a_page_leaves_with_it() -> None:
    pages = [Page("message", "user", f"text {n}", NOW, "user") for n in range(3)]
    kept: Kept[int] = Kept(lambda page: len(page.text))
    assert kept.all(pages) == [6, 6, 6] and kept(pages[0]) == 6 and len(kept) == 3
    del pages[1:]
    gc.collect()
    assert len(kept) == 1


def test_pages_that_nobody_asks_for_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generations of 3: page 0 is asked for all the time, 1 is not."""
    monkeypatch.setattr(lately, "GENERATION", 3)
    pages = {n: Page("message", "user", "", NOW, "user", id=n) for n in range(20)}
    kept = Lately()
    for n, page in pages.items():
        kept.keep({n: page})
        assert kept.known([0]) == {0: pages[0]}
    assert kept.known([1]) == {} and kept.known([19]) == {19: pages[19]}
    kept.clear()
    assert kept.known(range(20)) == {}


def test_a_fact_holds_until_somebody_commits(disk: SqliteDisk) -> None:
    read: list[int] = []
    facts = Settled(disk._file)

    def count() -> int:
        read.append(1)
        return len(read)

    with SqliteDisk(disk.path) as other:
        assert [facts.get("n", count) for _ in range(3)] == [1, 1, 1]
        with disk._file.snapshot():
            assert facts.get("n", count) == 1
            with other.transaction():
                other.own("ann", "")
            assert facts.get("n", count) == 1  # of the snapshot's moment
        assert [facts.get("n", count) for _ in range(2)] == [2, 2]
        with disk.transaction():
            assert [facts.get("n", count) for _ in range(2)] == [3, 4]
        assert [facts.get("n", count) for _ in range(2)] == [5, 5]


def test_what_was_undone_is_not_remembered(disk: SqliteDisk) -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop), disk.transaction():
        disk.put([Page("message", "user", "undone", NOW, "user")])
        assert [page.text for page in disk.around([4])] == ["Oh?", "undone"]
        assert disk.stats().pages == 4
        raise Stop
    assert disk.stats().pages == 3 and [page.text for page in disk.around([4])] == ["Oh?"]
    with disk.transaction():
        disk.put([Page("message", "user", "kept", NOW, "user")])
    assert [page.text for page in disk.around([4])] == ["Oh?", "kept"]


def test_what_was_said_on_a_day_is_found_by_the_day(disk: SqliteDisk) -> None:
    """Pages 1 to 3 are of 1 January; 4 and 5, of two branches, of the second; a chunk has no day."""
    first, second = date(2026, 1, 1), date(2026, 1, 2)
    assert disk.written(first, first) == [1, 2, 3] and disk.written(second, second) == []
    late = datetime(2026, 1, 2, 23, 59, tzinfo=UTC)
    with disk.transaction():
        side = disk.fork(0, 2)
        disk.put([Page("message", "user", "trunk", late, "user")])
        disk.put([Page("message", "user", "side", late, "user", branch=side)])
        disk.put([Page("chunk", "user", "chunk", late, "document", source=Source("d", 0, 5))])
    assert disk.written(second, second) == [4, 5]
    assert disk.written(first, second, branch=side) == [1, 2, 5]
    assert disk.written(first, second, branch=0) == [1, 2, 3, 4]
    with SqliteDisk(disk.path) as other:
        assert other.forget([2, 4])
    assert [page.id for page in disk.around(disk.written(first, second, branch=0))] == [1, 3]
