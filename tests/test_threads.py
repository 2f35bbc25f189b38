"""How many threads the numerical libraries may take."""

import os

import pytest

from vctx.errors import InputError
from vctx.threads import aside, lanes, threads


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VCTX_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_one_core_is_left_free(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, expected in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert threads() == expected


def test_lanes_wait_for_nobody_and_take_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, everywhere, behind in ((1, 1, 1), (2, 2, 1), (8, 8, 7), (64, 16, 16)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert lanes() == everywhere
        with aside():
            assert lanes() == behind
        assert lanes() == everywhere
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert lanes() == 5
    monkeypatch.setenv("VCTX_THREADS", "3")
    assert lanes() == 3


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert threads() == 5
    monkeypatch.setenv("VCTX_THREADS", "3")
    assert threads() == 3


@pytest.mark.parametrize("bad", ["0", "-1", "many"])
def test_a_number_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    monkeypatch.setenv("VCTX_THREADS", bad)
    with pytest.raises(InputError, match="VCTX_THREADS"):
        threads()


@pytest.mark.real
def test_loading_an_encoder_bounds_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from vctx.embed import load

    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setenv("VCTX_THREADS", "2")
    load("sentence-transformers/all-MiniLM-L6-v2", dtype="float32").embed(["one text"])
    assert asked == [2]
