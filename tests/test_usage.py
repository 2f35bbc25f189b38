"""Tokens and cost of model calls: worked examples, and a session's totals."""

from pathlib import Path

import pytest
from conftest import make, ticking

from vctx import usage
from vctx.fakes import ScriptedModel
from vctx.prices import load
from vctx.types import Entry, Prices, Reply

CALM = "the harbour was calm and the boats came late. " * 4
PRICES = Prices("p", 2.0, read=0.5, minimum=100, output=10.0)


@pytest.mark.parametrize(
    ("reply", "cost"),
    [
        # 1,000 tokens at $2 and 100 at $10 a million.
        (Reply("x", 1000, 100), 0.002 + 0.001),
        # 600 of them at half the price.
        (Reply("x", 1000, 100, 600), 0.0008 + 0.0006 + 0.001),
        (Reply("x", 1000), None),
        (Reply("x"), None),
    ],
)
def test_what_a_reply_costs(reply: Reply, cost: float | None) -> None:
    assert usage.of(reply, PRICES) == (None if cost is None else pytest.approx(cost))


def test_what_is_not_known_costs_none() -> None:
    assert usage.of(Reply("x", 1000, 100), None) is None
    assert usage.of(Reply("x", 1000, 100), Prices("p", 2.0, 0.5)) is None
    assert load({"base": "openai"}) is not None
    changed = load({"base": "openai", "input": 1.0})
    assert changed is not None and changed.output is None  # of another input price nothing is known


def test_a_session_adds_its_calls(tmp_path: Path) -> None:
    def say(messages: object) -> str:
        return "one two three"

    model = ScriptedModel(say)
    with make(tmp_path / "s.db", model=model, prices=PRICES, window=900) as ctx:
        replies = [ctx.chat(f"Note {n}: {CALM}").reply for n in range(30)]
        told = ctx.usage()
        chats = [call for call in told.calls if call.why == "reply"]
        folds = [call for call in told.calls if call.why == "summary"]
        assert [call.prompt for call in chats] == [reply.prompt_tokens for reply in replies]
        assert folds and len(model.prompts) == len(told.calls)
        assert told.prompt == sum(model.tokenizer.prompt(prompt) for prompt in model.prompts)
        assert told.reply == 3 * len(told.calls) and told.cached == 0
        assert told.cost == pytest.approx((2 * told.prompt + 10 * told.reply) / 1e6)
        assert (told.unit, told.why, {call.model for call in told.calls}) == ("$", "", {"scripted"})
    with make(tmp_path / "s.db") as ctx:
        again = ctx.usage()
        assert (again.prompt, again.cost, again.why) == (told.prompt, None, "no prices were named")


def test_why_a_cost_is_not_known_is_said() -> None:
    at = ticking()()
    counted = Entry(0, "append", at, outcome={"usage": {"model": "m", "prompt": 10, "reply": 1}})
    silent = Entry(1, "append", at, outcome={"usage": {"model": "m"}})
    quiet = Entry(2, "append", at)
    assert usage.usage([counted, quiet], PRICES).cost == pytest.approx(30 / 1e6)
    told = usage.usage([counted, silent, quiet], PRICES)
    assert (told.cost, told.why) == (None, "of 1 calls the tokens were not reported")
    assert usage.usage([], PRICES).cost == 0
    assert "'q' do not say what a reply costs" in usage.usage([counted], Prices("q", 1.0, 1.0)).why
