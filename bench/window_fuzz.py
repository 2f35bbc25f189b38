"""Two hundred histories that are meant to break a token budget: vctx's window beside what others trim to.

A history is a chat that overflows its budget at least three times: long and short texts, CJK, code, emoji,
and tool calls, up to four at once, with their results. Budgets are 256 to 2,048 tokens, counted for all
alike: o200k_base by OpenAI's published formula, tool calls, ids and names included. Asked of each result:
is it within the budget, do a call and its results stand or leave together, how much of the room is used?

`python bench/window.py fuzz [--peers PYTHON]`: the peers run in an environment of their own
(pip install langchain-core==1.7.2 llama-index-core==0.14.25 tiktoken); see window_fuzz_peers.py.
"""

import json
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import window_estimate

from vctx.context import Context
from vctx.errors import BudgetError
from vctx.fakes import HashingEmbedder
from vctx.models.openai_tokens import TiktokenTokenizer
from vctx.storage import SqliteDisk
from vctx.types import Budget, ToolCall

HISTORIES = 200
OVERFLOW = 3
KINDS = ("prose", "code", "random CJK", "emoji", "JSON", "base64")
RESERVE = 64
QUESTION = "harbour boats"

Form = dict[str, Any]
"""A message in OpenAI's form."""


@cache
def tokenizer() -> TiktokenTokenizer:
    """Read when it is asked for: the other benches need no BPE file."""
    return TiktokenTokenizer()


def histories(count: int = HISTORIES) -> Iterator[tuple[int, list[Form]]]:
    """(budget, messages)"""
    for seed in range(count):
        rng = random.Random(seed)
        budget = round(256 * 8 ** rng.random())
        messages: list[Form] = []
        while cost(messages) < OVERFLOW * budget:
            messages += _turn(rng, len(messages), budget)
        yield budget, messages


def _turn(rng: random.Random, at: int, budget: int) -> list[Form]:
    turn: list[Form] = [{"role": "user", "content": _text(rng, budget)}]
    if rng.random() < 0.3:
        calls = [_call(f"call_{at}_{n}", rng) for n in range(rng.randrange(1, 5))]
        turn.append({"role": "assistant", "content": "", "tool_calls": calls})
        turn += [
            {"role": "tool", "tool_call_id": call["id"], "content": _text(rng, budget)} for call in calls
        ]
    return [*turn, {"role": "assistant", "content": _text(rng, budget)}]


def _call(name: str, rng: random.Random) -> Form:
    arguments = json.dumps({"query": rng.choice(("boats", "harbour", "日本")), "k": rng.randrange(9)})
    return {"id": name, "type": "function", "function": {"name": "search", "arguments": arguments}}


def _text(rng: random.Random, budget: int) -> str:
    """Mostly short; one in twelve may be larger than the whole budget."""
    kind = rng.choice(KINDS)
    size = int(budget * 4 * rng.random()) if rng.random() < 1 / 12 else int(10 * 30 ** rng.random())
    if kind == "prose":
        words = ("harbour", "the", "boats", "came", "in", "late", "as", "on", "most", "days")
        return " ".join(rng.choices(words, k=1 + size // 5))
    if kind == "code":
        return "\n".join(f"    if x_{n} > {n}: return foo_bar[{n}]" for n in range(1 + size // 30))
    return window_estimate.made(kind, rng)[: max(1, size)]


# -- vctx


def append(ctx: Context, messages: Sequence[Form]) -> None:
    for message in messages:
        calls = [
            ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message.get("tool_calls", ())
        ]
        ctx.append(message["role"], message["content"], calls=calls, call=message.get("tool_call_id", ""))


def ours(budget: int, messages: Sequence[Form], *, greedy: bool) -> list[Form]:
    with tempfile.TemporaryDirectory() as folder:
        disk = SqliteDisk(Path(folder) / "s.db")
        limits = Budget(budget + RESERVE, RESERVE)
        with Context(disk, HashingEmbedder(), tokenizer(), limits, summary="extract") as ctx:
            append(ctx, messages)
            if greedy:
                ctx.recall(QUESTION, tokens=ctx.budget.room)
            return ctx.window()


# -- what is asked of a result


def whole(messages: Sequence[Form]) -> bool:
    """Whether every call stands right before all of its results, and every result after its call."""
    awaited: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in awaited:
                return False
            awaited.remove(message["tool_call_id"])
            continue
        if awaited:
            return False
        awaited = {call["id"] for call in message.get("tool_calls") or ()}
    return not awaited


def cost(messages: Sequence[Form]) -> int:
    """Tokens of a prompt, the same for all: 3, and 4 for each message and call beside its texts."""
    total = 3
    for message in messages:
        calls = message.get("tool_calls") or []
        texts = [message.get("content") or "", message.get("tool_call_id") or ""]
        for call in calls:
            texts += [call["id"], call["function"]["name"], call["function"]["arguments"]]
        total += 4 * (1 + len(calls)) + sum(tokenizer().count(texts))
    return total


def row(name: str, results: Sequence[tuple[int, list[Form] | None]]) -> str:
    """A line of the table; None stands for a refusal."""
    shares = [cost(messages) / budget for budget, messages in results if messages is not None]
    split = sum(not whole(messages) for _, messages in results if messages is not None)
    over, used = sum(share > 1 for share in shares), [min(share, 1.0) for share in shares]
    refused = sum(messages is None for _, messages in results)
    mean = sum(used) / len(used)
    return f"| {name} | {over} | {max(shares):.2f} | {split} | {mean:.0%} | {min(used):.0%} | {refused} |"


def tables(peers: str | None) -> Iterator[str]:
    cases = list(histories())
    yield "| what trims | exceeds | worst ratio | splits a group | room used, mean | least | refuses |"
    yield "|---|---|---|---|---|---|---|"
    makers: dict[str, Callable[[int, list[Form]], list[Form]]] = {
        "vctx: append, window": lambda budget, messages: ours(budget, messages, greedy=False),
        "vctx: asked for all that it can place": lambda budget, messages: ours(budget, messages, greedy=True),
    }
    for name, make in makers.items():
        yield row(name, [(budget, _try(make, budget, messages)) for budget, messages in cases])
    if peers:
        script = Path(__file__).with_name("window_fuzz_peers.py")
        run = subprocess.run(
            [peers, script], input=json.dumps(cases), capture_output=True, text=True, check=True
        )
        for name, results in json.loads(run.stdout).items():
            yield row(name, list(zip((budget for budget, _ in cases), results, strict=True)))


def _try(
    make: Callable[[int, list[Form]], list[Form]], budget: int, messages: list[Form]
) -> list[Form] | None:
    try:
        return make(budget, messages)
    except BudgetError:
        return None
