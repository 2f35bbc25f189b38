"""`vctx replay` on a journal that is made here: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import make

from vctx.cli import main

PLACES = ("Lyon", "Porto", "Ghent", "Turin", "Delft", "Basel")


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A chat whose questions go round six places, in a window that holds fewer."""
    path = tmp_path / "s.db"
    with make(path, window=240) as ctx:
        for place in PLACES:
            ctx.append("user", f"In {place} we {'walked along the river and ' * 4}slept.")
            ctx.append("assistant", "I see.")
        for turn in range(18):
            ctx.recall(f"What did we do in {PLACES[turn % 6]}?")
            ctx.append("user", f"What did we do in {PLACES[turn % 6]}?")
            ctx.append("assistant", "You slept.")
    return path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["replay", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_recorded_policy_stands_first_with_the_faults_that_happened(session: Path) -> None:
    with make(session, window=240) as ctx:
        happened = sum(frame.fault for entry in ctx.log() for frame in entry.plan.load)
    told = json.loads(run("--db", session, "--json"))
    assert told["recorded"] == "fifo" and told["runs"][0]["policy"] == "fifo"
    assert told["runs"][0]["faults"] == happened > 0
    assert len({row["policy"] for row in told["runs"]}) == len(told["runs"]) == 10
    assert all(row["bill"] > 0 for row in told["runs"])


def test_a_larger_window_faults_less_and_the_bill_is_compared(session: Path) -> None:
    told = json.loads(run("--db", session, "--policy", "lru", "--window", 2000, "--json"))
    small, large = told["runs"]
    assert large["faults"] < small["faults"] and large["flushes"] == 0
    text = run("--db", session, "--policy", "lru", "--prices", "openai")
    head, first, second = text.splitlines()
    assert head.split()[0] == "policy" and first.startswith("fifo")
    assert second.startswith("lru") and second.endswith("%)")


def test_what_cannot_be_is_refused(session: Path) -> None:
    for more, why in (
        (("--policy", "best"), "'best' is not one of"),
        (("--prices", "acme"), "no prices are called 'acme'"),
        (("--low", "2"), "not in the range"),
    ):
        result = CliRunner().invoke(main, ["replay", "--db", str(session), *more])
        assert result.exit_code != 0 and why in result.output
