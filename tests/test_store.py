"""A store: sessions share nothing, a user finds only what is theirs, and what is derived may vanish."""

import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import vctx
from vctx import Store
from vctx.errors import DiskError, InputError
from vctx.fakes import HashingEmbedder, WordTokenizer
from vctx.storage import Folder, Shelf, SqliteDisk, cache, shelf
from vctx.storage.folder import CATALOGUE


def opened(folder: Path, dim: int = 256) -> Store:
    return vctx.open_store(
        folder,
        model=None,
        tokenizer=WordTokenizer(),
        embedder=HashingEmbedder(dim),
        window=400,
        background=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chats"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """Two sessions of Ann's, one of Bob's."""
    with opened(folder) as store:
        said = {
            "trip": ("ann", ["we fly to Lisbon in May", "the hotel is by the river"]),
            "work": ("ann", ["the report is due on Friday", "call Lisbon about the invoice 4711-AB"]),
            "bobs": ("bob", ["Lisbon is a secret of mine", "my code is 4711-AB"]),
        }
        for name, (user, texts) in said.items():
            with store.open(name, user=user, title=f"The {name}") as ctx:
                for text in texts:
                    ctx.append("user", text, author=user)
        yield store


def test_a_search_goes_across_one_users_sessions(store: Store) -> None:
    found = store.search("when do we go to Lisbon?", user="ann")
    pages = {(m.session, m.page.id): m for m in found.matches}
    assert sorted(pages) == [("trip", 1), ("trip", 2), ("work", 1), ("work", 2)]
    assert found.matches[0].page.text == "we fly to Lisbon in May"
    for here in (("trip", 1), ("work", 2)):
        assert "Lisbon" in pages[here].page.text and pages[here].hit.lexical and pages[here].hit.dense
    assert not found.unread
    assert [m.session for m in store.search("4711-AB", user="ann").matches[:1]] == ["work"]
    assert {m.session for m in store.search("Lisbon", user="bob").matches} == {"bobs"}
    assert store.search("Lisbon", user="nobody").matches == ()
    assert len(store.search("Lisbon", user="ann", k=1).matches) == 1


def test_the_ranking_is_that_of_one_session_with_all_pages(tmp_path: Path) -> None:
    pick = random.Random(3)
    words = [f"word{i}" for i in range(60)]
    texts = [" ".join(pick.choices(words, k=12)) for _ in range(60)]
    with opened(tmp_path / "chats") as store:
        with store.open("one", user="ann") as ctx:
            for text in texts:
                ctx.append("user", text)
            whole = [ctx.pages([hit.page])[0].text for hit in ctx.search(texts[7])]
        found = store.search(texts[7], user="ann", k=len(texts))
        assert [match.page.text for match in found.matches] == whole


def test_what_is_said_later_is_found(store: Store) -> None:
    assert not [match for match in store.search("umbrella", user="ann").matches if match.hit.lexical]
    with store.open("trip") as ctx:
        ctx.append("user", "take an umbrella")
    with store.open("new", user="ann") as ctx:
        ctx.append("user", "an umbrella is 30 euros")
    found = store.search("umbrella", user="ann").matches[:2]
    assert {(m.session, m.page.text) for m in found} == {
        ("trip", "take an umbrella"),
        ("new", "an umbrella is 30 euros"),
    }
    assert all(match.hit.dense is not None for match in found)
    with store.open("trip") as ctx:
        assert ctx.forget([3])
    assert [m.session for m in store.search("umbrella", user="ann").matches if m.hit.lexical] == ["new"]


def test_neighbours_stay_within_a_session(store: Store) -> None:
    embedder = HashingEmbedder()
    with_neighbours = Shelf(Folder(store._folder.file("trip").parent), "ann", (embedder.name, embedder.dim))
    with_neighbours.look()
    names = {name: n for n, name in with_neighbours._names.items()}
    first, last = names["trip"] << 32 | 1, names["trip"] << 32 | 2
    assert [page.id for page in with_neighbours.around([last])] == [first, last]
    with_neighbours.close()


def test_sessions_are_listed(store: Store, folder: Path) -> None:
    assert [(s.name, s.user, s.title, s.pages) for s in store.sessions()] == [
        ("bobs", "bob", "The bobs", 2),
        ("trip", "ann", "The trip", 2),
        ("work", "ann", "The work", 2),
    ]
    assert [s.name for s in store.sessions("ann")] == ["trip", "work"]
    store.own("trip", title="Portugal")
    assert [s.title for s in store.sessions("ann")] == ["Portugal", "The work"]
    before = store.sessions()
    for garbled in (b"", b"{}", b"[1]", b"\xff", (folder / CATALOGUE).read_bytes().replace(b"ann", b"bob")):
        (folder / CATALOGUE).write_bytes(garbled)
        with opened(folder) as other:
            assert other.sessions() == before
    (folder / CATALOGUE).unlink()
    with opened(folder) as other:
        assert other.sessions() == before


def test_a_listing_opens_only_what_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vctx.storage.folder._FRESH", -(10**12))
    store.sessions()
    looked: list[str] = []
    true = Folder._open

    def look(self: Folder, name: str) -> vctx.SessionInfo:
        looked.append(name)
        return true(self, name)

    monkeypatch.setattr(Folder, "_open", look)
    store.sessions()
    assert looked == []
    with store.open("work") as ctx:
        ctx.append("user", "more")
    assert [s.pages for s in store.sessions("ann")] == [2, 3] and looked == ["work"]


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "a\\b", ".hidden", "x.db", "C:x", " x", "x\n", "x\0", "é" * 101]
)
def test_a_name_that_escapes_is_refused(store: Store, folder: Path, name: str) -> None:
    before = sorted(folder.parent.rglob("*"))
    for use in (store.open, store.own, store.forget):
        with pytest.raises(InputError, match="cannot name a session"):
            use(name)
    assert sorted(folder.parent.rglob("*")) == before


def test_a_link_out_of_the_folder_is_refused(store: Store, folder: Path, tmp_path: Path) -> None:
    with SqliteDisk(tmp_path / "outside.db"):
        (folder / "link.db").symlink_to(tmp_path / "outside.db")
    with pytest.raises(InputError, match="is a link"):
        store.open("link")
    assert "link" not in [info.name for info in store.sessions()]


def test_a_session_of_another_user_is_not_opened(store: Store) -> None:
    with pytest.raises(InputError, match="bobs is the session of another user"):
        store.open("bobs", user="ann")
    with pytest.raises(InputError, match="no session gone"):
        store.own("gone", user="ann")
    with store.open("bobs") as ctx:
        assert ctx.stats().pages == 2
    assert {match.session for match in store.search("Lisbon", user="ann").matches} == {"trip", "work"}


def test_a_garbled_session_is_named_and_stops_nobody(store: Store, folder: Path) -> None:
    store.sessions()
    path = folder / "work.db"
    path.write_bytes(b"garbage" * 1000)
    [trip, work] = store.sessions("ann")
    assert trip.problem == "" and "work.db" in work.problem and work.user == "ann"
    found = store.search("Lisbon", user="ann")
    assert {match.session for match in found.matches} == {"trip"}
    assert [info.name for info in found.unread] == ["work"]
    with opened(folder) as other:
        assert [info.name for info in other.sessions() if info.problem] == ["work"]
        assert other.search("Lisbon", user="bob").unread == ()


def test_a_session_of_another_embedder_is_named(store: Store, folder: Path) -> None:
    store.search("Lisbon", user="ann")
    vctx.reembed(folder / "work.db", HashingEmbedder(64))
    found = store.search("Lisbon", user="ann")
    assert {match.session for match in found.matches} == {"trip"}
    assert [(info.name, "hashing-64, not by hashing-256" in info.problem) for info in found.unread] == [
        ("work", True)
    ]


def test_forgetting_a_session_and_a_user(store: Store, folder: Path) -> None:
    store.search("Lisbon", user="ann")
    store.sessions()
    assert store.forget("work")
    assert not [file for file in folder.iterdir() if "work" in file.name]
    assert b"The work" not in (folder / CATALOGUE).read_bytes()
    assert {match.session for match in store.search("invoice", user="ann").matches} == {"trip"}
    assert store.forget_user("ann")
    left = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"Lisbon is a secret" in left
    assert not [word for word in (b"river", b"hotel", b"The trip", b"ann") if word in left]
    assert [info.name for info in store.sessions()] == ["bobs"]
    for user in ("ann", ""):
        with pytest.raises(InputError, match="no session of"):
            store.forget_user(user)
    with pytest.raises(DiskError, match="not there"):
        store.forget("trip")


def test_forgetting_a_user_says_what_it_could_not_read(store: Store, folder: Path) -> None:
    (folder / "work.db").write_bytes(b"garbage" * 1000)
    (folder / CATALOGUE).unlink(missing_ok=True)
    with opened(folder) as other, pytest.raises(DiskError, match="1 sessions were deleted; work cannot be"):
        other.forget_user("ann")
    assert sorted(file.name for file in folder.glob("*.db")) == ["bobs.db", "work.db"]


def test_sessions_that_share_an_embedder_take_turns(folder: Path) -> None:
    class Alone(HashingEmbedder):
        inside, most = 0, 0

        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            self.inside += 1
            self.most = max(self.most, self.inside)
            time.sleep(0.001)
            self.inside -= 1
            return super().embed(texts)

    alone = Alone()
    with ExitStack() as stack:
        store = vctx.open_store(folder, model=None, tokenizer=WordTokenizer(), embedder=alone, window=400)
        stack.enter_context(store)
        sessions = [stack.enter_context(store.open(f"s{n}", user="ann")) for n in range(4)]
        for i in range(20):
            for ctx in sessions:
                ctx.append("user", f"message {i}")
        assert store.search("message 3", user="ann").matches
    assert alone.most == 1


# The index across sessions


@pytest.fixture
def kept(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that keeps it, made by a search."""
    monkeypatch.setattr(shelf, "KEPT", 1)
    monkeypatch.setattr("vctx.storage.folder._FRESH", -(10**12))
    store.search("Lisbon", user="ann")
    store.close()
    [file] = folder.glob(f"{cache.ACROSS}*")
    return file


def dense(store: Store) -> list[tuple[str, int, float | None]]:
    return [(m.session, m.page.id, m.hit.dense) for m in store.search("Lisbon", user="ann").matches]


def test_the_index_across_is_kept_caught_up_and_may_vanish(kept: Path, folder: Path) -> None:
    assert b"ann" not in kept.read_bytes()
    with opened(folder) as store:
        true = dense(store)
    whole = kept.read_bytes()
    for bad in (whole[:-1], whole[:90], b"", whole.replace(b"trip", b"work"), whole[:-9] + b"x" + whole[-8:]):
        kept.write_bytes(bad)
        with opened(folder) as store:
            assert dense(store) == true
    kept.write_bytes(whole)
    with opened(folder) as store, store.open("trip") as ctx:
        ctx.append("user", "Lisbon once more")
        assert {page[:2] for page in dense(store)} >= {("trip", 3)}


def test_nothing_forgotten_stays_in_the_index_across(kept: Path, folder: Path) -> None:
    code = HashingEmbedder().embed(["ann: the hotel is by the river"])[0].astype("<f2").tobytes()
    assert code in kept.read_bytes()
    # Not through the store: who forgets in a session need not know that it is part of one.
    with vctx.disk(folder / "trip.db") as disk:  # type: ignore[attr-defined]
        assert disk.forget([2])
    assert not kept.exists()
    with opened(folder) as store:
        assert ("trip", 2) not in {page[:2] for page in dense(store)}
    assert all(code not in file.read_bytes() for file in folder.iterdir())


def test_an_index_written_after_a_forgetting_is_not_kept(
    kept: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process forgets while another, which has the index in memory, is about to write it."""
    kept.unlink()
    store = opened(folder)
    dense(store)
    with vctx.disk(folder / "trip.db") as disk:  # type: ignore[attr-defined]
        disk.forget([2])
    store.close()
    assert not kept.exists()


def test_a_session_that_was_replaced_is_read_anew(kept: Path, folder: Path, tmp_path: Path) -> None:
    with opened(folder) as store, store.open("other", user="ann") as ctx:
        for i in range(2):
            ctx.append("user", f"quite another thing {i}")
        ctx.search("x")
    (folder / "other.db").replace(folder / "trip.db")
    with opened(folder) as store:
        found = store.search("another thing", user="ann").matches[:2]
        assert {m.session for m in found} == {"trip"}
        assert all(m.hit.dense and m.hit.dense > 0.5 for m in found), json.dumps([str(m) for m in found])
