"""Two tasks that no window holds, and scripted models that answer them from the prompt alone.

Nested key-value: a value is the next key (Packer et al. 2023, sec. 3.2.3). A long job: hundreds of calls of a
tool, and at the end a report that needs a rule and figures from the first tenth of them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import vctx
from vctx.eval.nested_kv import Chain
from vctx.fakes import HashingEmbedder, ScriptedModel, calling
from vctx.types import Limits, Message, Reply

ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PAIR = re.compile(rf"({ID}): ({ID})")
TOOLS = ("send_message", "core_memory_append", "core_memory_replace", "conversation_search")


def text(messages: Sequence[Message]) -> str:
    """All that a prompt says, but for the tools."""
    return "\n".join(message.content for message in messages if message.role != "tools")


def session(path: Path, model: Any, tokenizer: vctx.Tokenizer, window: int, **more: Any) -> vctx.Context:
    """A session whose scripted model's tokens are counted by `tokenizer`."""
    model.window, model.tokenizer = window, tokenizer
    options: dict[str, Any] = {
        "embedder": HashingEmbedder(),
        "summary": "extract",
        "background": False,
        **more,
    }
    return vctx.open(path, window=window, model=model, **options)


# -- nested key-value


def made_chain(depth: int, seed: int, pairs: int = 140) -> Chain:
    """A chain like those of the paper, of pairs that are drawn here."""
    random = Random(f"{depth} {seed}")
    drawn = [
        (str(UUID(int=random.getrandbits(128))), str(UUID(int=random.getrandbits(128)))) for _ in range(pairs)
    ]
    order = random.sample(range(pairs), depth + 1)
    for here, there in pairwise(order):
        drawn[here] = (drawn[here][0], drawn[there][0])
    return Chain(tuple(drawn), tuple(order))


def follows(messages: Sequence[Message]) -> str:
    """Follows the chain as far as the prompt shows it."""
    said = text(messages)
    asked: list[str] = re.findall(rf"Find the value of key ({ID})", said)
    key = asked[-1] if asked else "nothing was asked"
    pairs: dict[str, str] = dict(PAIR.findall(said))
    seen: set[str] = set()
    while key in pairs and key not in seen:
        seen.add(key)
        key = pairs[key]
    return key


def looks_up(messages: Sequence[Message]) -> Reply:
    """MemGPT's way: searches for a key, keeps what it looks for in a memory block, until nothing is found."""
    said = text(messages)
    wanted = re.findall(rf"looking for ({ID})|now '({ID})' for", said)
    if not wanted:
        [key] = re.findall(rf"Find the value of key ({ID})", said)[-1:]
        return calling(
            "core_memory_append", name="human", content=f"looking for {key}", request_heartbeat=True
        )
    key = "".join(wanted[-1])
    pairs = dict(PAIR.findall(said))
    if key in pairs:
        change = {"old_content": key, "new_content": pairs[key], "request_heartbeat": True}
        return calling("core_memory_replace", name="human", **change)
    made = {call.name for message in messages for call in message.calls if key in call.arguments}
    if "send_message" in made:
        return Reply("It is said.")  # a warning came after it
    name, what = (
        ("send_message", "message") if "conversation_search" in made else ("conversation_search", "query")
    )
    return calling(name, **{what: key})


@dataclass(frozen=True, slots=True)
class Way:
    """How a chain is solved: by which model, and what it may do."""

    name: str
    model: Callable[[Sequence[Message]], Any]
    options: dict[str, Any]


WAYS = (
    Way("automatic page-in", follows, {}),
    Way("a scripted tool user", looks_up, {"tools": list(TOOLS), "automatic": False}),
    Way("the window alone", follows, {"automatic": False}),
)


def solved(chain: Chain, way: Way, path: Path, tokenizer: vctx.Tokenizer, window: int) -> bool:
    """Whether the pairs, said one by one, answer the question at the end."""
    with session(path, ScriptedModel(way.model), tokenizer, window, **way.options) as ctx:
        with ctx.relaxed():
            for pair in chain.pairs:
                ctx.append("user", ": ".join(pair))
        return ctx.chat(chain.question).text == chain.pairs[chain.order[-1]][1]


# -- a long job


@dataclass(frozen=True, slots=True)
class Job:
    """Slips to read, one by one; the last asks for a report on an order of the first tenth."""

    slips: tuple[str, ...]
    order: str
    report: int

    def read_slip(self, number: int) -> str:
        """Reads a slip by its number, from 1."""
        return self.slips[number - 1]

    @property
    def task(self) -> str:
        return "Read the slips one by one, from number 1. The last one says what to report."


NOISE = (
    "Checked by the night shift, nothing to add.",
    "The pallet stands by the east gate and is to be moved before noon.",
    "Packed in straw, dry, and without a mark on any of its six sides.",
    "Weighed twice on the small scales, for the large ones are being repaired.",
)


def job(seed: int, steps: int = 300) -> Job:
    """A job whose rule and three figures stand in the first tenth; all other orders are of the same kind."""
    random = Random(f"job {seed}")
    orders = [
        f"{''.join(random.sample('BCDFGHKLMNPQRTVWXZ', 3))}-{random.randrange(1000, 9999)}"
        for _ in range(steps)
    ]
    order, rest = orders[0], iter(orders[1:])
    figures = [random.randrange(3, 60) for _ in range(3)]
    factor = random.randrange(2, 9)
    lines = [f"line {n} of 3 of order {order}: {figure} pieces" for n, figure in enumerate(figures, 1)]
    lines.append(f"rule for order {order}: report the sum of its lines times {factor}")
    slips = [
        f"line {random.randrange(1, 4)} of 3 of order {next(rest)}: {random.randrange(3, 60)} pieces"
        for _ in range(steps - 1)
    ]
    for place, line in zip(random.sample(range(steps // 10), 4), lines, strict=True):
        slips[place] = line
    last = f"this was the last slip. Report on order {order}, by its rule and its three lines"
    numbered = (f"Slip {n}: {slip}. {random.choice(NOISE)}" for n, slip in enumerate([*slips, last], 1))
    return Job(tuple(numbered), order, sum(figures) * factor)


def reads(messages: Sequence[Message]) -> str | Reply:
    """Reads on until a slip asks for a report; then reports, if the prompt holds what it takes."""
    said = text(messages)
    asked = re.findall(r"Report on order ([A-Z]+-\d+)", said)
    if not asked:
        numbers = [int(number) for number in re.findall(r"Slip (\d+):", said)]
        made = [int(n) for m in messages for call in m.calls for n in re.findall(r"\d+", call.arguments)]
        return calling("read_slip", number=max([*numbers, *made, 0]) + 1)
    lines = dict(re.findall(rf"line (\d) of 3 of order {asked[-1]}: (\d+) pieces", said))
    factor = re.findall(rf"rule for order {asked[-1]}: report the sum of its lines times (\d+)", said)
    if len(lines) < 3 or not factor:
        return f"I lack {3 - len(lines)} lines{'' if factor else ' and the rule'} of order {asked[-1]}."
    return str(sum(map(int, lines.values())) * int(factor[0]))


def worked(one: Job, path: Path, tokenizer: vctx.Tokenizer, window: int) -> tuple[str, vctx.Context]:
    """What is reported at the end, and the session, closed."""
    limits = Limits(steps=len(one.slips) + 10)
    options: dict[str, Any] = {"tools": [one.read_slip], "limits": limits}
    with session(path, ScriptedModel(reads), tokenizer, window, **options) as ctx:
        return ctx.chat(one.task).text, ctx


def worked_with_the_last(one: Job, tokenizer: vctx.Tokenizer, window: int, reserve: int = 512) -> str:
    """The same model with the same tool, given only the last messages that the window holds."""
    model, messages = ScriptedModel(reads, window=window), [Message("user", one.task)]
    for _ in range(len(one.slips) + 10):
        while tokenizer.prompt(messages) > window - reserve:
            del messages[: 2 if messages[0].calls else 1]  # a call leaves with its result
        reply = model.complete(messages, max_tokens=reserve)
        if not reply.calls:
            return reply.text
        [call] = reply.calls
        [number] = re.findall(r"\d+", call.arguments)
        messages.append(Message("assistant", reply.text, reply.calls))
        messages.append(Message("tool", one.read_slip(int(number)), call=call.id, name=call.name))
    return "never done"
