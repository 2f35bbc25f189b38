"""The disk: what comes back is what was written, or an error; search against brute force; crashes."""

import multiprocessing
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sqlite_utils import Database

from vctx.errors import DiskError, InputError, MismatchError
from vctx.ports import Disk
from vctx.stopwords import STOPWORDS
from vctx.storage import SqliteDisk, codec, schema
from vctx.storage.words import terms
from vctx.types import (
    Document,
    Entry,
    Fold,
    Form,
    Frame,
    Hit,
    Kind,
    Page,
    Plan,
    Search,
    Source,
    Span,
    Vector,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
FORK = multiprocessing.get_context("fork")
DIM = 16


def page(text: str, kind: Kind = "message", author: str = "", group: int | None = None) -> Page:
    return Page(kind, "user", text, NOW, "user", author, group=group)


def entry(tick: int) -> Entry:
    return Entry(tick, "append", NOW)


def put(disk: Disk, *texts: str) -> list[Page]:
    with disk.transaction():
        return disk.put([page(text) for text in texts])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@pytest.fixture
def disk(path: Path) -> Iterator[SqliteDisk]:
    with SqliteDisk(path) as disk:
        yield disk


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteDisk]:
    """One disk for the many examples of a property."""
    with SqliteDisk(tmp_path_factory.mktemp("shared") / "session.db") as disk:
        with disk.transaction():
            assert [disk.fork(), disk.fork()] == [1, 2]
        yield disk


# Round trips

texts = st.text() | st.sampled_from(["", "a\0b", "\r\n", "\ud83d\ude00", "\U0001f600", "\udcff", "漢字 かな"])
small = st.integers(0, 2**40)
times = st.datetimes(timezones=st.just(UTC)) | st.just(NOW.astimezone().replace(microsecond=0))
spans = st.tuples(small, small)
sources = st.builds(Source, texts, small, small, st.none() | small, texts)
pages = st.builds(
    # A page is a chunk of a document, or a tool's, or neither.
    lambda source, call, **rest: Page(source=source, call="" if source else call, **rest),
    call=texts,
    kind=st.sampled_from(["message", "tool", "chunk", "summary"]),
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    text=texts,
    created_at=times,
    origin=st.sampled_from(["user", "assistant", "tool", "document", "vctx"]),
    author=texts,
    source=st.none() | sources,
    group=st.none() | st.integers(1, 99),
    parents=st.lists(small).map(tuple),
    branch=st.integers(0, 2),
)
frames = st.builds(
    Frame,
    *[small] * 5,
    fault=st.booleans(),
    span=st.none() | spans,
    form=st.sampled_from(Form),
    keep=small,
    group=st.none() | small,
    pinned=st.booleans(),
)
many = st.lists(small, max_size=4).map(tuple)
slots = st.lists(st.tuples(small, st.none() | st.tuples(small, small)), max_size=3).map(tuple)
plans = st.builds(
    Plan,
    slots,
    st.lists(frames, max_size=3).map(tuple),
    many,
    st.none() | st.builds(Fold, many, small),
    small,
)
plain = st.recursive(
    st.none() | st.booleans() | small | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
records = st.dictionaries(texts, plain, max_size=3)


@given(st.lists(pages, min_size=1, max_size=4))
def test_a_page_comes_back_as_it_was_put(shared: SqliteDisk, new: list[Page]) -> None:
    with shared.transaction():
        stored = shared.put(new)
    assert shared.get([page.id for page in stored]) == stored
    assert [replace(page, id=0, seq=0) for page in stored] == new


@given(times, records, texts, plans, records)
def test_an_entry_comes_back_as_it_was_noted(
    shared: SqliteDisk,
    at: datetime,
    request: dict[str, object],
    policy: str,
    plan: Plan,
    outcome: dict[str, object],
) -> None:
    tick = len(shared.entries())
    noted = Entry(tick, "recall", at, request, policy, plan, outcome)
    with shared.transaction():
        shared.note(noted)
    assert shared.entries(tick - 1) == [noted]


def test_a_default_is_part_of_the_format() -> None:
    """What is not written is read as the default: changing one would change every journal on disk."""
    row = codec.entry_row(Entry(7, "fit", NOW, {}, "", Plan(load=(Frame(1, 2, 3, 4),))))
    assert row[3:7] == ("{}", "", '{"load":[{"page":1,"tokens":2,"arrived":3,"referenced":4}]}', "{}")
    assert Frame(1, 2, 3, 4) == Frame(1, 2, 3, 4, 0, False, None, Form.FULL, 0, None, False)
    assert Plan() == Plan((), (), (), None, 0)
    assert Source("d", 1, 2) == Source("d", 1, 2, None, "")


@pytest.mark.parametrize("plan", ['{"new":1}', '{"load":[{"page":1}]}', '{"fold":{"cap":1}}'])
def test_a_plan_of_another_version_is_refused(plan: str) -> None:
    row = codec.stored((7, "fit", NOW.isoformat(), "{}", "", plan, "{}"))
    with pytest.raises(DiskError, match="entry 7 was written by another version"):
        codec.entry_of(row)


def test_a_request_that_is_not_json_is_refused(disk: SqliteDisk) -> None:
    with pytest.raises(InputError, match="request"), disk.transaction():
        disk.note(Entry(0, "recall", NOW, {"query": object()}))
    assert disk.entries() == []


def test_ids_and_seqs_are_dense(disk: SqliteDisk) -> None:
    with disk.transaction():
        disk.fork()
        first = disk.put([Page("message", "user", "a", NOW, "user", branch=b) for b in (0, 1, 0)])
        then = disk.put([page("b")])
    assert [(page.id, page.seq) for page in first + then] == [(1, 1), (2, 1), (3, 2), (4, 3)]
    with pytest.raises(InputError, match="page 1 is on disk"), disk.transaction():
        disk.put([first[0]])


def test_pages_are_read_in_order_and_by_kind(disk: SqliteDisk) -> None:
    with disk.transaction():
        disk.put([page("a"), page("s", "summary"), page("b"), page("c", "chunk"), page("d")])
    assert [page.text for page in disk.pages()] == ["a", "s", "b", "c", "d"]
    assert [page.text for page in disk.pages(kind="message", last=2)] == ["b", "d"]
    assert [page.text for page in disk.pages(last=2)] == ["c", "d"]
    assert disk.pages(last=0) == []


def test_pages_are_got_in_the_order_asked(disk: SqliteDisk) -> None:
    put(disk, *map(str, range(2000)))
    asked = [2000, 1, 7, 7, *range(1, 1500)]
    assert [page.id for page in disk.get(asked)] == asked
    for absent in (0, -1, 2001, 2**70):
        with pytest.raises(DiskError, match=f"no page {absent} "):
            disk.get([1, absent])


def test_documents_and_stats(disk: SqliteDisk) -> None:
    report = Document("a\udcff.pdf", "0" * 64, 2)
    with disk.transaction():
        disk.put([page("\0é😀"), page("four", "summary")])
        disk.add(report)
    assert disk.documents() == [report]
    stats = disk.stats()
    assert (stats.pages, stats.characters, stats.pending, stats.documents) == (2, 7, 1, (report,))


def test_pages_are_counted_by_kind(disk: SqliteDisk) -> None:
    assert disk.kinds() == {}
    with disk.transaction():
        disk.put([page("a"), page("b"), page("c", "chunk"), page("d", "summary"), page("e")])
    assert disk.kinds() == {"message": 3, "chunk": 1, "summary": 1}
    disk.forget([1, 3])
    assert disk.kinds() == {"message": 2, "summary": 1}


# Transactions


def test_an_exception_leaves_nothing(disk: SqliteDisk) -> None:
    put(disk, "before")
    with pytest.raises(KeyError), disk.transaction():
        disk.put([page("lost")])
        disk.note(entry(0))
        disk.add(Document("lost", "", 0))
        raise KeyError
    assert [page.text for page in disk.pages()] == ["before"]
    assert disk.entries() == [] == disk.documents()
    assert disk.search(Search("lost", 5), None) == []
    assert disk.stats().pages == 1 == disk.stats().pending
    assert put(disk, "after")[0].id == 2


def test_writing_needs_a_transaction_and_transactions_do_not_nest(disk: SqliteDisk) -> None:
    writes: list[Callable[[], object]] = [
        lambda: disk.put([page("a")]),
        lambda: disk.put([]),
        lambda: disk.note(entry(0)),
        lambda: disk.add(Document("a", "", 0)),
    ]
    for write in writes:
        with pytest.raises(DiskError, match="needs a transaction"):
            write()
    with pytest.raises(DiskError, match="do not nest"), disk.transaction(), disk.transaction():
        pass
    with pytest.raises(DiskError, match="inside a transaction"), disk.transaction():
        disk.close()
    assert put(disk, "still open")


def test_a_tick_is_noted_once(disk: SqliteDisk) -> None:
    with disk.transaction():
        disk.note(entry(0))
    with pytest.raises(DiskError, match="tick 0 is in the journal"), disk.transaction():
        disk.put([page("a")])
        disk.note(entry(0))
    assert disk.pages() == []


def test_a_held_file_is_an_error_after_a_bounded_wait(disk: SqliteDisk, path: Path) -> None:
    with SqliteDisk(path, busy=0.05) as other, disk.transaction():
        disk.put([page("a")])
        with (
            pytest.raises(DiskError, match=r"another process holds .* for more than 0.05 s"),
            other.transaction(),
        ):
            pass
        assert other.pages() == []
    assert len(disk.pages()) == 1


def test_threads_take_turns(disk: SqliteDisk) -> None:
    def write() -> None:
        for _ in range(20):
            with disk.transaction():
                disk.note(entry(len(disk.entries())))
                disk.put([page("a")])

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [noted.tick for noted in disk.entries()] == list(range(80))
    assert [page.seq for page in disk.pages()] == list(range(1, 81))


# Processes


def _append(path: Path, name: str, count: int, acks: Connection, start: Barrier | None = None) -> None:
    """Opens the session (all at once, where there is a barrier) and acknowledges each append."""
    if start is not None:
        start.wait()
    with SqliteDisk(path) as disk:
        for i in range(count):
            with disk.transaction():
                disk.note(entry(len(disk.entries())))
                disk.put([page(f"{name} {i}")])
            acks.send(f"{name} {i}")
    acks.close()


def _received(acks: Connection) -> list[str]:
    """All that was acknowledged; a killed writer may leave half a message."""
    found = []
    try:
        while True:
            found.append(acks.recv())
    except (EOFError, OSError):
        return found


def test_kill_9_loses_nothing_acknowledged(path: Path) -> None:
    acknowledged = []
    for kill in range(4):
        mine, its = FORK.Pipe(duplex=False)
        child = FORK.Process(target=_append, args=(path, f"run{kill}", 10**6, its))
        child.start()
        its.close()
        acknowledged.append(mine.recv())
        time.sleep(random.uniform(0, 0.1))
        child.kill()
        acknowledged += _received(mine)
        mine.close()
        child.join()
    with SqliteDisk(path) as disk:
        found = [page.text for page in disk.pages()]
        assert set(acknowledged) <= set(found)
        assert len(found) == len(disk.entries()) == disk.stats().pages <= len(acknowledged) + 4
        assert disk._file.rows("PRAGMA integrity_check") == [("ok",)]
        assert len(disk.search(Search("run0 run1 run2 run3", 10**6), None)) == len(found)


def test_processes_that_open_and_append_at_once_lose_nothing(path: Path) -> None:
    start = FORK.Barrier(3)
    pipes = [FORK.Pipe(duplex=False) for _ in range(3)]
    children = [
        FORK.Process(target=_append, args=(path, f"w{i}", 15, its, start)) for i, (_, its) in enumerate(pipes)
    ]
    for child in children:
        child.start()
    for _, its in pipes:
        its.close()
    acknowledged = [text for mine, _ in pipes for text in _received(mine)]
    for child, (mine, _) in zip(children, pipes, strict=True):
        child.join()
        mine.close()
    with SqliteDisk(path) as disk:
        assert sorted(acknowledged) == sorted(page.text for page in disk.pages())
        assert [noted.tick for noted in disk.entries()] == list(range(45))


# Search


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def rows(pages: list[Page], each: int) -> list[Vector]:
    """`each` spans of four characters a page."""
    return [
        Vector(page.id, (4 * i, 4 * i + 4), f"{page.id} {i}".encode()) for page in pages for i in range(each)
    ]


def indexed(
    disk: SqliteDisk, pages: list[Page], each: int, seed: int = 0
) -> dict[tuple[int, Span], NDArray[np.float32]]:
    """Random clustered vectors for all spans; returns them as fp16 holds them."""
    new = rows(pages, each)
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((4, DIM))
    vectors = unit(centres[rng.integers(0, 4, len(new))] + 0.4 * rng.standard_normal((len(new), DIM)))
    disk.index(new, [row.hash for row in new], vectors, "hashing")
    kept = vectors.astype(np.float16).astype(np.float32)
    return {(row.page, row.span): vector for row, vector in zip(new, kept, strict=True)}


def test_dense_search_is_exact(disk: SqliteDisk) -> None:
    known = indexed(disk, put(disk, *["text"] * 100), each=2)
    query = unit(np.random.default_rng(1).standard_normal(DIM))
    truth = sorted(((float(vector @ query), *key) for key, vector in known.items()), reverse=True)[:20]
    hits = disk.search(Search("?", 20), query)
    assert [(hit.page, hit.span) for hit in hits] == [(page, span) for _, page, span in truth]
    assert [hit.dense for hit in hits] == pytest.approx([cosine for cosine, *_ in truth], abs=1e-5)
    assert {hit.lexical for hit in hits} == {None}
    assert disk.search(Search("?", 20), query.reshape(1, DIM)) == hits


def test_lexical_search_ranks_stems_and_authors(disk: SqliteDisk) -> None:
    with disk.transaction():
        disk.put([page("the dogs were running"), page("a cat", author="Caroline"), page("dog dog dog")])
        disk.put([page("running dog", "summary")])
    hits = disk.search(Search("what did the Dog run to?", 5), None)
    scores = {hit.page: hit.lexical for hit in hits}
    assert set(scores) == {1, 3}
    assert all(score is not None and score > 0 for score in scores.values())
    assert [hit.page for hit in disk.search(Search("Caroline's", 5), None)] == [2]
    assert len(disk.search(Search("dog cat", 1), None)) == 1


def test_each_signal_is_filled_in_where_it_exists(disk: SqliteDisk) -> None:
    near, words, both, waiting = put(disk, "nothing", "needle", "needle nothing", "needle")
    vectors = np.eye(DIM, dtype=np.float32)
    spans = [
        Vector(near.id, (0, 7), b"n"),
        Vector(words.id, (0, 3), b"w0"),
        Vector(words.id, (3, 6), b"w1"),
        Vector(both.id, (0, 14), b"b"),
    ]
    disk.index(spans, [b"n", b"w0", b"w1", b"b"], vectors[[0, 1, 2, 3]], "hashing")
    query = unit(np.array([0.9, 0.1, 0.2, 0.8] + [0.0] * (DIM - 4)))
    hits = {hit.page: hit for hit in disk.search(Search("needle", 2), query)}
    full = {hit.page: hit for hit in disk.search(Search("needle", 100), None)}
    assert set(hits) == {near.id, both.id} | {hit for hit in full if hit in hits}
    assert hits[near.id].lexical is None and hits[near.id].span is None
    assert hits[both.id].lexical == full[both.id].lexical
    best = disk.search(Search("needle", 3), query)
    assert Hit(waiting.id, lexical=full[waiting.id].lexical) in best
    hits = {hit.page: hit for hit in disk.search(Search("needle", 1), vectors[2])}
    found = hits[words.id]
    assert (found.span, found.lexical) == ((3, 6), full[words.id].lexical)
    assert found.dense == pytest.approx(1)


@given(st.integers(0, 40), st.integers(0, 10**6), st.sampled_from(["alpha", "beta gamma", "the", "?"]))
@settings(max_examples=20)
def test_the_union_agrees_with_brute_force(
    tmp_path_factory: pytest.TempPathFactory, k: int, seed: int, text: str
) -> None:
    pick = random.Random(seed)
    vocabulary = ["alpha", "beta", "gamma", "delta"]
    with SqliteDisk(tmp_path_factory.mktemp("union") / "s.db") as disk:
        with disk.transaction():
            stored = disk.put(
                [
                    page(" ".join(pick.choices(vocabulary, k=4)), group=pick.choice([None, i]))
                    for i in range(20)
                ]
            )
        known = indexed(disk, stored[:10], 2, seed) | indexed(disk, stored[10:15], 1, seed + 1)
        query = unit(np.random.default_rng(seed).standard_normal(DIM))
        hits = disk.search(Search(text, k), query)
        bm25 = {hit.page: hit.lexical for hit in disk.search(Search(text, 1000), None)}
    assert len({(hit.page, hit.span) for hit in hits}) == len(hits)
    by_page = {id: [key for key in known if key[0] == id] for id in {key[0] for key in known}}
    for hit in hits:
        assert hit.lexical == bm25.get(hit.page)
        assert (hit.span is None) == (len(by_page.get(hit.page, [])) < 2)
        if hit.page in by_page:
            [span] = [key[1] for key in by_page[hit.page] if hit.span in (None, key[1])]
            assert hit.dense == pytest.approx(float(known[hit.page, span] @ query), abs=1e-5)
        else:
            assert hit.dense is None
    cosines = sorted((float(vector @ query) for vector in known.values()), reverse=True)
    dense = sorted((hit.dense for hit in hits if hit.dense is not None), reverse=True)
    assert dense[:k] == pytest.approx(cosines[:k], abs=1e-5)
    best = sorted((score for score in bm25.values() if score is not None), reverse=True)[:k]
    lexical = sorted(
        {hit.page: hit.lexical for hit in hits if hit.lexical is not None}.values(), reverse=True
    )
    assert lexical[:k] == best


@given(texts | st.text("\"'*^(){}:+-_ ANDORNEAR漢é\ud800²½", max_size=80))
def test_any_text_is_a_query(shared: SqliteDisk, text: str) -> None:
    shared.search(Search(text, 3), None)


def test_the_words_agree_with_the_pages(disk: SqliteDisk) -> None:
    with disk.transaction():
        disk.put([page("a\0b \udcff word", author="\ud800"), page("s", "summary"), page("漢字 😀", "chunk")])
        disk._file.write("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
    assert [hit.page for hit in disk.search(Search("word", 5), None)] == [1]


def test_terms() -> None:
    assert terms("What DID the dog_house do? The dog!") == ["dog", "house"]
    assert terms("who is the") == ["who", "is", "the"]
    assert terms("?!") == []
    long = [f"word{i}" for i in range(1000)]
    assert len(terms(" ".join(long))) == 64
    assert {"the", "t"} <= STOPWORDS


def test_pending_pages_wait_for_their_spans(disk: SqliteDisk) -> None:
    with disk.transaction():
        stored = disk.put([page("a"), page("s", "summary"), page("b", "chunk"), page("")])
    assert [page.id for page in disk.pending(10)] == [1, 3, 4]
    assert [page.id for page in disk.pending(2)] == [1, 3]
    indexed(disk, [stored[0], stored[3]], each=1)
    assert [page.id for page in disk.pending(10)] == [3]


def test_spans_share_known_vectors(disk: SqliteDisk) -> None:
    first, second = put(disk, "same", "same")
    vector = np.eye(1, DIM, dtype=np.float32)
    disk.index([Vector(first.id, (0, 4), b"same")], [b"same"], vector, "hashing")
    assert disk.known([b"same", b"other"]) == {b"same"}
    disk.index([Vector(second.id, (0, 4), b"same")], [], np.empty((0, DIM), np.float32), "hashing")
    assert [hit.dense for hit in disk.search(Search("?", 5), vector[0])] == [1, 1]
    with pytest.raises(DiskError, match="contradicts"):
        disk.index([Vector(first.id, (0, 2), b"never stored")], [], vector[:0], "hashing")


def test_what_another_process_indexed_is_found_and_nothing_twice(disk: SqliteDisk, path: Path) -> None:
    pages = put(disk, "one", "two")
    query = np.ones(DIM, np.float32)
    with SqliteDisk(path) as other:
        indexed(disk, pages[:1], each=2)
        assert len(other.search(Search("?", 9), query)) == 2
        indexed(other, pages[:1], each=2)
        indexed(other, pages[1:], each=1)
        assert len(disk.search(Search("?", 9), query)) == 3


def test_another_embedder_is_refused(disk: SqliteDisk) -> None:
    [stored] = put(disk, "text")
    assert disk.embedder is None
    indexed(disk, [stored], each=1)
    assert disk.embedder == ("hashing", DIM)
    row = [Vector(stored.id, (0, 1), b"x")]
    with pytest.raises(MismatchError, match=r"hashing .* not by other"):
        disk.index(row, [b"x"], np.eye(1, DIM, dtype=np.float32), "other")
    with pytest.raises(MismatchError, match=r"dim 16\), not by hashing \(dim 8\)"):
        disk.index(row, [b"x"], np.eye(1, 8, dtype=np.float32), "hashing")
    with pytest.raises(MismatchError, match="16 dimensions, the query has 8"):
        disk.search(Search("text", 1), np.ones(8, np.float32))
    with pytest.raises(InputError, match="1 hashes"):
        disk.index(row, [b"x"], np.eye(2, DIM, dtype=np.float32), "hashing")
    with pytest.raises(InputError, match="NaN"):
        disk.index(row, [b"x"], np.full((1, DIM), np.nan, np.float32), "hashing")
    assert disk.known([b"x"]) == set()


# Damage, versions, paths


def _execute(path: Path, sql: str, *args: object) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(sql, args)


@pytest.mark.parametrize("garbled", [b"hellp", b"hell\xff", b"", b"hello "])
def test_a_garbled_page_is_named(disk: SqliteDisk, path: Path, garbled: bytes) -> None:
    put(disk, "fine", "hello")
    _execute(path, "UPDATE pages SET text = CAST(? AS TEXT) WHERE id = 2", garbled)
    assert disk.get([1])[0].text == "fine"
    with pytest.raises(DiskError, match="page 2 is garbled"):
        disk.pages()


def test_a_garbled_entry_is_named(disk: SqliteDisk, path: Path) -> None:
    with disk.transaction():
        disk.note(entry(3))
    _execute(path, "UPDATE journal SET plan = '{\"tokens\":9}'")
    with pytest.raises(DiskError, match="journal entry 3 is garbled"):
        disk.entries()


def test_a_damaged_file_gives_an_error_or_true_pages(tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole.db", tmp_path / "torn.db"
    with SqliteDisk(whole) as disk:
        stored = put(disk, *(f"page {i} " * 20 for i in range(60)))
        indexed(disk, stored, each=1)
        known = {page.id: page for page in stored}
    data = whole.read_bytes()
    pick = random.Random(3)
    outcomes = []
    for case in range(60):
        bad = bytearray(data)
        if case % 3:
            bad[pick.randrange(len(bad))] ^= 1 << pick.randrange(8)
        else:
            del bad[pick.randrange(1, len(bad)) :]
        torn.write_bytes(bad)
        outcomes.append(_outcome(torn, known))
        for left in tmp_path.glob("torn.db-*"):
            left.unlink()
    assert "error" in outcomes and "true" in outcomes


def test_a_garbled_schema_is_an_error(path: Path) -> None:
    """SQLite quotes the schema in its message, and sqlite3 cannot decode what it quotes."""
    SqliteDisk(path).close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREA\xe2 TABLE"))
    with pytest.raises(DiskError, match="is damaged"):
        SqliteDisk(path)


def _outcome(path: Path, known: dict[int, Page]) -> str:
    try:
        with SqliteDisk(path) as disk:
            assert all(known[page.id] == page for page in disk.pages())
            disk.search(Search("page 7", 5), np.ones(DIM, np.float32))
    except DiskError:
        return "error"
    return "true"


def test_a_newer_schema_is_refused(path: Path) -> None:
    SqliteDisk(path).close()
    newer = len(schema.MIGRATIONS) + 1
    _execute(path, f"PRAGMA user_version = {newer}")
    with pytest.raises(DiskError, match=rf"schema version {newer}, this vctx reads up to {newer - 1}"):
        SqliteDisk(path)


def test_a_failing_migration_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteDisk(path) as disk:
        put(disk, "kept")

    def fails(db: Database) -> None:
        db.table("half").insert({"id": 1})
        db.execute("INSERT INTO absent VALUES (1)")

    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, fails])
    with pytest.raises(DiskError, match="absent"):
        SqliteDisk(path)
    monkeypatch.undo()
    with SqliteDisk(path) as disk:
        assert [page.text for page in disk.pages()] == ["kept"]
        assert disk._file.rows("SELECT name FROM sqlite_master WHERE name = 'half'") == []


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    _execute(path, "CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(DiskError, match="another program"):
        SqliteDisk(path)
    assert path.read_bytes() == before


def test_odd_paths(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear disk, " * 100)
    (tmp_path / "empty.db").touch()
    odd = {
        tmp_path: "a folder or a device",
        tmp_path / "no" / "s.db": "does not exist; make it",
        tmp_path / "letter.txt": "no vctx session",
        tmp_path / "letter.txt" / "s.db": "does not exist",
        tmp_path / ("x" * 300): "too long",
        Path(os.devnull): "a folder or a device",
    }
    for path, line in odd.items():
        with pytest.raises(DiskError, match=line):
            SqliteDisk(path)
    with pytest.raises(InputError, match="NUL"):
        SqliteDisk("a\0b")
    for name in ("empty.db", "?mode=memory", ":memory:", "naïve 漢.db"):
        with SqliteDisk(str(tmp_path / name)) as disk:
            assert put(disk, "a")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(DiskError, match=r"s\.db cannot be opened; allow"):
        SqliteDisk(folder / "s.db")


def test_a_full_disk_loses_nothing_acknowledged(disk: SqliteDisk) -> None:
    put(disk, "before")
    [[used]] = disk._file.rows("PRAGMA page_count")
    disk._file.rows(f"PRAGMA max_page_count = {used + 2}")
    with pytest.raises(DiskError, match="no space left"):
        put(disk, "x" * 10**6)
    disk._file.rows("PRAGMA max_page_count = 1000000")
    assert [page.text for page in put(disk, "after") + disk.pages()] == ["after", "before", "after"]


def test_closed_is_closed(disk: SqliteDisk) -> None:
    disk.close()
    disk.close()
    uses: list[Callable[[], object]] = [
        disk.pages,
        disk.stats,
        disk.entries,
        lambda: disk.get([1]),
        lambda: put(disk, "a"),
        lambda: disk.search(Search("a", 1), None),
        lambda: disk.index([], [], np.empty((0, DIM), np.float32), "hashing"),
    ]
    for use in uses:
        with pytest.raises(DiskError, match="has been closed"):
            use()


def test_times_before_and_after_utc_compare_as_instants(disk: SqliteDisk) -> None:
    early = NOW - timedelta(days=3650)
    with disk.transaction():
        disk.put([Page("message", "user", "a", early, "user")])
    assert disk.pages()[0].created_at == early


def test_the_cosines_of_pages_to_texts(disk: SqliteDisk) -> None:
    """Two texts, three pages of which one waits; a page of two spans counts by the better one."""
    near, far, waiting = put(disk, "needle", "nothing at all", "needle again")
    assert np.isnan(disk.cosines([*np.eye(2, DIM, dtype=np.float32)], [near.id])).all()
    vectors = np.eye(3, DIM, dtype=np.float32)
    rows = [Vector(near.id, (0, 6), b"n"), Vector(far.id, (0, 7), b"f"), Vector(far.id, (7, 14), b"g")]
    disk.index(rows, [b"n", b"f", b"g"], vectors, "hashing")
    found = disk.cosines([*vectors[1:]], [waiting.id, far.id, near.id])
    assert np.array_equal(found, [[np.nan, 1, 0], [np.nan, 1, 0]], equal_nan=True)
    assert disk.cosines([vectors[0]], []).shape == (1, 0)


def test_a_page_that_was_read_is_not_shown_once_it_is_forgotten(disk: SqliteDisk) -> None:
    one, two, three = put(disk, "one", "two", "three")
    assert [page.id for page in disk.around([two.id])] == [1, 2, 3]
    disk.forget([one.id])
    assert [page.id for page in disk.around([two.id])] == [2, 3]
    with pytest.raises(ZeroDivisionError), disk.transaction():
        disk.put([replace(one, id=0, seq=0)])
        assert [page.id for page in disk.around([three.id])] == [2, 3, 4]
        raise ZeroDivisionError
    assert [page.id for page in disk.around([three.id])] == [2, 3]


def test_neighbours(disk: SqliteDisk) -> None:
    put(disk, *"abcdefg")
    assert [page.id for page in disk.around([7, 2, 3])] == [1, 2, 3, 4, 6, 7]
    assert disk.around([]) == [] == disk.around([-1, 99])


def test_pages_of_group_nought_become_one_group(disk: SqliteDisk) -> None:
    with disk.transaction():
        disk.put([page("before")])
        made = disk.put([page("asked", group=0), page("other"), page("called", group=0)])
    assert [p.group for p in made] == [2, None, 2]
    assert disk.get([4])[0].group == 2
