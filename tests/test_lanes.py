"""Work side by side: the same vectors to the bit, no thread too many, and what goes wrong in one surfaces."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_bert import ODD, make_model, texts

from vctx.embed import bert, folder
from vctx.embed.lanes import side_by_side
from vctx.embed.tokens import read
from vctx.errors import InputError

MANY = [*ODD, *texts(300, 30)]


@pytest.fixture
def three_threads() -> Iterator[None]:
    """torch's own threads, as on a machine of several cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Also where whoever started this process lets it ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("vctx-lane")]


# ---- vectors ----


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_lanes_give_the_same_vectors_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: folder.Dtype
) -> None:
    monkeypatch.setitem(bert.BUDGET, "cpu", 200)
    recipe = folder.read(make_model(tmp_path / "tiny"))
    assert isinstance(recipe, folder.Recipe)
    ids = read(recipe.encoder / "tokenizer.json", recipe.limit).ids(MANY)
    found = []
    for lanes in ("1", "2", "5"):
        monkeypatch.setenv("VCTX_THREADS", lanes)
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        encoder = bert.Bert(recipe, dtype, "cpu")
        torch.set_num_threads(1)
        found.append(encoder.encode(ids))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_what_is_wrong_with_one_text_surfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bert.BUDGET, "cpu", 20)
    monkeypatch.setenv("VCTX_THREADS", "2")
    recipe = folder.read(make_model(tmp_path / "tiny"))
    assert isinstance(recipe, folder.Recipe)
    with pytest.raises(InputError, match="999999"):
        bert.Bert(recipe, "float32", "cpu").encode([[1, 2, 3]] * 20 + [[999999, 2, 3, 4]])
    assert not ours()


# ---- lanes ----


@given(st.lists(st.integers()), st.integers(1, 5))
def test_the_order_is_that_of_the_items(items: list[int], lanes: int) -> None:
    assert side_by_side(lambda item: item * 2, iter(items), lanes) == [item * 2 for item in items]


def test_lanes_run_at_once_and_no_more_of_them() -> None:
    together = threading.Barrier(3, timeout=10)
    names = side_by_side(lambda _: (together.wait(), threading.get_ident())[1], range(9), 3)
    assert len(set(names)) == 3
    assert not ours()


@pytest.mark.parametrize(("items", "lanes"), [(1, 8), (5, 1), (0, 8)])
def test_one_lane_or_one_item_needs_no_thread(items: int, lanes: int) -> None:
    here = threading.current_thread()
    assert all(side_by_side(lambda _: threading.current_thread() is here, range(items), lanes))


def test_one_lane_asks_for_an_item_when_the_one_before_is_done() -> None:
    """So that a budget that shrinks holds for the next batch."""
    done: list[int] = []
    side_by_side(done.append, (len(done) for _ in range(4)), 1)
    assert done == [0, 1, 2, 3]


def test_an_error_ends_it_and_nothing_is_begun_after() -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 2:
            raise ModuleNotFoundError("two")
        time.sleep(0.001)

    with pytest.raises(ModuleNotFoundError, match="two"):
        side_by_side(work, range(10_000), 2)
    assert len(begun) < 1000
    assert not ours()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_it_once_the_work_in_hand_is_done() -> None:
    begun: list[int] = []
    main = threading.main_thread().ident
    assert main

    def work(item: int) -> None:
        begun.append(item)
        if item == 20:
            signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, range(10_000), 2)
    assert len(begun) < 1000
    for thread in ours():  # a lane that was just being started is not waited for
        thread.join(10)
    assert not ours()


@pytest.mark.usefixtures("three_threads")
def test_torch_computes_alone_in_a_lane_and_nowhere_else() -> None:
    assert side_by_side(lambda _: torch.get_num_threads(), range(6), 2) == [1] * 6
    assert torch.get_num_threads() == 3
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [3]
