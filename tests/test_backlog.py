"""Embedding off the caller's path: found by words at once, by meaning soon, and no error is lost."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import make, ticking
from numpy.typing import NDArray

import vctx
from vctx.background import SMALL, Background
from vctx.backlog import BATCH, Backlog, advance_by
from vctx.context import Context
from vctx.errors import DiskError, MismatchError, ModelError
from vctx.fakes import HashingEmbedder, WordTokenizer
from vctx.ports import Advance, unseen
from vctx.storage import SqliteDisk
from vctx.threads import lanes, threads
from vctx.types import Budget

Told = tuple[int, dict[str, int]]


class Slow(HashingEmbedder):
    """Waits at a gate before each batch of pages; counts what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.batches: list[int] = []
        self.threads: set[str] = set()
        self.error: Exception | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.gate.wait()
        self.batches.append(len(texts))
        self.threads.add(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        return super().embed(texts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


def threaded(path: Path, embedder: Slow) -> Context:
    disk = SqliteDisk(path)
    backlog = Background(disk, embedder, aside=lambda: SqliteDisk(path))
    return Context(disk, embedder, WordTokenizer(), Budget(400, 40), clock=ticking(), backlog=backlog)


def until(true: object) -> None:
    end = time.monotonic() + 10
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.002)


def test_append_does_not_wait_for_the_embedder(path: Path) -> None:
    embedder = Slow()
    with threaded(path, embedder) as ctx:
        for i in range(5):
            ctx.append("user", f"message {i}")
        # By its words at once, while the worker has not come through.
        with SqliteDisk(path) as other:
            assert other.phrase("message 3", 9) == [4]
        assert ctx.stats().pending == 5
        embedder.gate.set()
        until(lambda: ctx.stats().pending == 0)
    assert embedder.threads == {"vctx-embed_0"}


def test_a_recall_embeds_what_is_pending_first(path: Path) -> None:
    embedder = Slow()
    embedder.gate.set()
    with threaded(path, embedder) as ctx:
        for i in range(3 * SMALL):
            ctx.append("user", f"message {i}")
        hits = ctx.recall("message 7")
        assert all(hit.dense is not None for hit in hits)
        assert ctx.stats().pending == 0
        assert ctx.log()[-1].outcome["waiting"] == 0


def test_close_waits_and_a_restart_resumes(path: Path) -> None:
    embedder = Slow()
    ctx = threaded(path, embedder)
    for i in range(2 * SMALL):
        ctx.append("user", f"message {i}")
    threading.Timer(0.05, embedder.gate.set).start()
    ctx.close()
    ctx.close()
    with SqliteDisk(path) as disk:
        assert disk.stats().pending == 0 and disk.check().sound
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vctx-embed")]


def test_an_error_in_the_body_does_not_wait(path: Path) -> None:
    embedder = Slow()
    embedder.gate.set()
    with pytest.raises(ZeroDivisionError), threaded(path, embedder) as ctx:
        for i in range(20 * SMALL):
            with ctx._disk.transaction():
                ctx._disk.put([vctx.Page("message", "user", f"m {i}", ctx._clock(), "user")])
        ctx.append("user", "last")
        raise ZeroDivisionError
    with SqliteDisk(path) as disk:
        assert disk.stats().pending > 0
    with threaded(path, embedder) as ctx:
        ctx.append("user", "one more")
        until(lambda: ctx.stats().pending == 0)


def test_an_error_of_the_worker_is_raised_once_by_the_next_call(path: Path) -> None:
    embedder = Slow()
    embedder.gate.set()
    embedder.error = ModelError("the weights are gone")
    ctx = threaded(path, embedder)
    ctx.append("user", "one")
    until(lambda: embedder.batches == [1])
    ctx.append("user", "two")
    ctx.append("user", "three")
    embedder.error = None
    with pytest.raises(ModelError, match="the weights are gone"):
        while True:
            ctx.search("one")
    assert len(ctx.search("one")) == 3
    embedder.error = ModelError("gone again")
    ctx.append("user", "four")
    with pytest.raises(ModelError, match="gone again"):
        ctx.close()
    with pytest.raises(DiskError, match="closed"):
        ctx.stats()
    with SqliteDisk(path) as disk:
        assert disk.stats().pending == 1


def test_without_a_thread_it_waits_for_a_recall(path: Path) -> None:
    with make(path) as ctx:
        ctx.append("user", "one")
        assert isinstance(ctx._backlog, Backlog) and not isinstance(ctx._backlog, Background)
        assert ctx.stats().pending == 1
    with make(path) as ctx:
        assert ctx.search("one") and ctx.stats().pending == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_is_told_and_does_not_hang(path: Path) -> None:
    embedder = Slow()
    with threaded(path, embedder) as ctx:
        ctx.append("user", "one")
        until(lambda: not ctx._backlog._queued)  # type: ignore[attr-defined]
        child = os.fork()
        if not child:
            try:
                ctx._backlog.wake()
                ctx._backlog.close()
                ctx.search("one")
            except DiskError as error:
                os._exit(0 if "forked" in str(error) else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        embedder.gate.set()


END = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}]
import vctx
from vctx.fakes import HashingEmbedder, WordTokenizer
ctx = vctx.open({path!r}, model=None, tokenizer=WordTokenizer(), embedder=HashingEmbedder())
for i in range(400):
    ctx.append("user", f"message {{i}} " * 40)
{end}
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "del ctx"])
def test_the_interpreter_ends_without_a_close(path: Path, end: str) -> None:
    code = END.format(root=str(Path(__file__).parent.parent), path=str(path), end=end)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    with SqliteDisk(path) as disk:
        assert disk.stats().pages == 400 and disk.check().sound


# How far it has come


def test_what_was_embedded_is_told_with_its_tokens_and_vectors(path: Path) -> None:
    shown: list[Told] = []
    with make(path, progress=counted(shown)) as ctx:
        for text in ("one", "two words", "one"):
            ctx.append("user", text)
        ctx.embed()
        assert shown == [(3, {"tokens": 4, "vectors": 2})], "what is embedded once is not embedded again"


def test_batches_are_the_same_however_fast_the_machine_is(path: Path) -> None:
    embedder = Slow()
    embedder.gate.set()
    with make(path, embedder=embedder) as ctx:
        with ctx._disk.transaction():
            pages = [
                vctx.Page("message", "user", f"m {i}", ctx._clock(), "user") for i in range(2 * BATCH + 7)
            ]
            ctx._disk.put(pages)
        assert advance_by(ctx._disk, embedder, 9999, unseen) == 2 * BATCH + 7
    assert embedder.batches == [BATCH, BATCH, 7]


def test_the_worker_leaves_a_core_free(path: Path) -> None:
    seen: list[int] = []

    class Looks(Slow):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            seen.append(lanes())
            return super().embed(texts)

    embedder = Looks()
    embedder.gate.set()
    with threaded(path, embedder) as ctx:
        ctx.append("user", "one")
        until(lambda: ctx.stats().pending == 0)
    assert seen[0] == min(16, threads())


# Another embedder


def test_reembed_changes_the_embedder_for_good(path: Path) -> None:
    with make(path) as ctx:
        for text in ("one", "two", "three"):
            ctx.append("user", text)
        ctx.search("one")
        with pytest.raises(MismatchError, match=r"hashing-256, not by hashing-64.*vctx reembed"):
            make(path, embedder=HashingEmbedder(64))
        shown: list[Told] = []
        assert vctx.reembed(path, HashingEmbedder(64), progress=counted(shown)) == 3
        assert shown == [(3, {"vectors": 3})]
        # Who had it open with the old one is told.
        with pytest.raises(MismatchError, match="hashing-64, not by hashing-256"):
            ctx.search("one")
    with make(path, embedder=HashingEmbedder(64)) as ctx:
        assert all(hit.dense is not None for hit in ctx.search("one two three"))


def counted(shown: list[Told]) -> vctx.Progress:
    @contextmanager
    def progress(label: str, total: int) -> Iterator[Advance]:
        yield lambda n, /, **told: shown.append((n, told))

    return progress


def test_a_reembedding_that_was_killed_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vctx.backlog.BATCH", 2)
    with make(path) as ctx:
        for i in range(7):
            ctx.append("user", f"message {i}")
        ctx.search("message")
    embedder = Slow()
    embedder.dim, embedder.name = 256, "slow"
    embedder.gate.set()
    child = os.fork()
    if not child:
        embedder.embed = lambda texts: os._exit(9) if embedder.batches else Slow.embed(embedder, texts)  # type: ignore
        vctx.reembed(path, embedder)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with SqliteDisk(path) as disk:
        assert disk.embedder == ("slow", 256) and disk.stats().pending == 5
    assert vctx.reembed(path, embedder) == 5
    assert sum(embedder.batches) == 5
    with SqliteDisk(path) as disk:
        assert disk.stats().pending == 0 and disk.check().sound
