"""What prompts cost: worked examples, and prices that a user writes down."""

import json
import math
from pathlib import Path

import pytest

from vctx.errors import InputError
from vctx.prices import TABLE, bill, cached, cost, load
from vctx.types import Prices

FULL = Prices("full", 1e6, read=0.1, write=1.25, minimum=100, step=10, lifetime=300)


def test_a_prefix_is_served_in_steps_and_from_the_least_on() -> None:
    assert [cached(FULL, shared) for shared in (0, 99, 100, 109, 110)] == [0, 0, 100, 100, 110]


def test_a_prompt_pays_for_what_is_read_and_what_is_written() -> None:
    """Of 200 tokens 150 are read: 15; 50 are written: 62.5. What is too short to be kept costs its tokens."""
    assert cost(FULL, 200, 150) == pytest.approx(77.5)
    assert cost(FULL, 80, 0) == pytest.approx(80)


def test_a_bill_adds_up_and_knows_when_the_cache_was_cold() -> None:
    """200 written: 250. Then 200 of 260 are read: 20 + 75. After 301 seconds all 260 are written: 325."""
    assert bill(FULL, [(200, 0, math.inf), (260, 200, 300), (260, 260, 301)]) == pytest.approx(670)


def test_prices_come_by_name_from_a_file_or_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"base": "anthropic", "input": 5}), "utf-8")
    assert load("openai") is TABLE["openai"]
    mine = load(file)
    assert mine is not None and (mine.input, mine.write, mine.lifetime) == (5, 1.25, 300)
    assert load({"input": 2, "read": 0.5}) == Prices("own", 2, 0.5)
    assert load(None) is None and load(mine) is mine


@pytest.mark.parametrize(
    ("prices", "why"),
    [
        ("acme", "no prices are called 'acme', and there is no such file; there are: anthropic"),
        ({"input": 1}, "need input and read"),
        ({"base": "acme"}, "no prices are called 'acme'"),
        ({"base": "openai", "reed": 1}, "do not know reed"),
        ({"base": "openai", "read": -1}, "read cannot be -1"),
        ({"base": "openai", "step": 0.5}, "step cannot be 0.5"),
        ({"base": "openai", "input": "5"}, "input cannot be '5'"),
        ([1], "prices are an object"),
    ],
)
def test_prices_that_make_no_sense_are_refused(prices: object, why: str, tmp_path: Path) -> None:
    if isinstance(prices, list):
        file = tmp_path / "prices.json"
        file.write_text(json.dumps(prices), "utf-8")
        prices = file
    with pytest.raises(InputError, match=why):
        load(prices)  # type: ignore[arg-type]
