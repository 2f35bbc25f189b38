"""What no window holds, solved with models that see only the prompt: nested key-value, and a long job."""

import os
from functools import cache
from pathlib import Path

import pytest

import vctx
from bench.agent_tasks import WAYS, Job, Way, job, made_chain, solved, worked, worked_with_the_last
from vctx.eval import nested_kv
from vctx.fakes import WordTokenizer

WINDOW = 2048
AUTOMATIC, TOOLS, ALONE = WAYS


@cache
def counts() -> vctx.Tokenizer:
    """o200k where its ranks are at hand; words are fewer tokens, so the window is smaller then."""
    return vctx.tokenizer("o200k_base") if os.environ.get("VCTX_TIKTOKEN") else WordTokenizer()


@pytest.mark.parametrize("depth", range(5))
@pytest.mark.parametrize("way", [AUTOMATIC, TOOLS], ids=lambda way: way.name)
def test_a_made_chain_is_solved_at_a_2k_window(tmp_path: Path, way: Way, depth: int) -> None:
    assert solved(made_chain(depth, seed=1), way, tmp_path / "s.db", counts(), WINDOW)


def test_the_window_alone_solves_no_chain(tmp_path: Path) -> None:
    assert not solved(made_chain(4, seed=1), ALONE, tmp_path / "s.db", counts(), WINDOW)


@pytest.mark.parametrize("way", [AUTOMATIC, TOOLS], ids=lambda way: way.name)
def test_the_papers_chains_of_depth_4(tmp_path: Path, way: Way) -> None:
    folder = os.environ.get("VCTX_NESTED_KV")
    if not folder:
        pytest.skip("set VCTX_NESTED_KV to the folder of MemGPT's nested key-value files")
    for number, chain in enumerate(nested_kv.load(Path(folder), samples=3, depths=[4])):
        assert solved(chain, way, tmp_path / f"{number}.db", counts(), WINDOW)


def test_a_long_job_ends_with_what_its_first_tenth_said(tmp_path: Path) -> None:
    """300 steps through 4k tokens; the same model with the last 4k tokens alone cannot report."""
    one: Job = job(seed=0)
    said, _ = worked(one, tmp_path / "s.db", counts(), 4096)
    assert said == str(one.report)
    assert "I lack" in worked_with_the_last(one, counts(), 4096)


def test_after_a_kill_the_job_goes_on_where_it_was(tmp_path: Path) -> None:
    """A chain that a limit ends in the middle, in a process that never comes back."""
    from bench.agent_tasks import reads, session
    from vctx.fakes import ScriptedModel
    from vctx.types import Limits

    one = job(seed=1, steps=60)
    options = {"tools": [one.read_slip], "limits": Limits(steps=40)}
    with session(tmp_path / "s.db", ScriptedModel(reads), counts(), 2048, **options) as ctx:
        assert ctx.chat(one.task).stopped == "steps"
    with session(tmp_path / "s.db", ScriptedModel(reads), counts(), 2048, **options) as ctx:
        assert ctx.reply().text == str(one.report)
