"""How much of each prompt the one before it has already paid for, over whole recorded chats.

Every turn of a LoCoMo conversation is chatted through VCTX as it stands: the one speaker asks, vctx recalls
what the message needs, the other's recorded words are the reply. Beside it, under the same window and the
same tokens: a sliding window (the newest messages that fit), and a window that is ranked anew each turn (the
newest quarter, before it what a search finds for the message, in order of rank), as retrieval is often
done. What a prompt shares with the one before it, from its beginning, token by token, is served by a
provider's prefix cache or a local model's KV cache; the rest is prefilled.

`python bench/window.py prefix --locomo FILE` counts; `kv` has the local model read the tails.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import vctx
from vctx.models.engine import Engine
from vctx.models.find import resolve
from vctx.models.openai_tokens import TiktokenTokenizer
from vctx.models.tokens import ChatTokenizer
from vctx.ports import Tokenizer, whole
from vctx.types import Message, Reply

WINDOW, RESERVE = 8192, 512
SYSTEM = "You are a friend who remembers what was said."

Turn = tuple[str, str]
"""What the one says, and what the other has answered."""
Prompt = list[Message]


def turns(path: Path) -> list[list[Turn]]:
    """The conversations as turns of two: what one says in a row is one message."""
    chats = []
    for sample in json.loads(path.read_bytes()):
        chat, said = sample["conversation"], list[tuple[str, str]]()
        for n in range(1, 1 + sum(key.endswith("_date_time") for key in chat)):
            said += [(turn["speaker"], turn["text"]) for turn in chat.get(f"session_{n}", ())]
        merged: list[list[str]] = []
        last = chat["speaker_b"]
        for speaker, text in said:
            if speaker == last and merged:
                merged[-1].append(text)
            elif speaker != last:
                merged.append([text])
                last = speaker
        texts = ["\n".join(together) for together in merged]
        chats.append(list(zip(texts[::2], texts[1::2], strict=False)))
    return chats


class Recorded:
    """A model that answers what was answered, and keeps each prompt (implements `ports.Model`)."""

    name = "recorded"

    def __init__(self, tokenizer: Tokenizer, window: int) -> None:
        self.tokenizer = tokenizer
        self.window = window
        self.replies: Iterator[str] = iter(())
        self.prompts: list[Prompt] = []

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        self.prompts.append(list(messages))
        return Reply(next(self.replies), self.tokenizer.prompt(messages))

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str | Reply]:
        return whole(self.complete(messages, max_tokens=max_tokens))


def ours(chat: Sequence[Turn], tokenizer: Tokenizer, window: int, reserve: int) -> list[Prompt]:
    """Prompts of vctx's chat; the digest is an extract, so that no model is called for it."""
    model = Recorded(tokenizer, window)
    model.replies = (reply for _, reply in chat)
    with tempfile.TemporaryDirectory() as folder:
        options = {"window": window, "reserve": reserve, "system": SYSTEM}
        with vctx.open(Path(folder) / "s.db", model=model, summary="extract", **options) as ctx:
            for said, _ in chat:
                ctx.chat(said)
    return model.prompts


def sliding(chat: Sequence[Turn], tokenizer: Tokenizer, window: int, reserve: int) -> list[Prompt]:
    """The newest messages that fit."""
    return [_newest(_said(chat, n), tokenizer, window - reserve) for n in range(len(chat))]


def ranked(chat: Sequence[Turn], tokenizer: Tokenizer, window: int, reserve: int) -> list[Prompt]:
    """The newest quarter of the room, and before it what the same search finds, best first."""
    prompts = []
    options = {"model": None, "tokenizer": tokenizer, "window": window}
    with (
        tempfile.TemporaryDirectory() as folder,
        vctx.open(Path(folder) / "s.db", **options) as ctx,
    ):
        for n, (said, reply) in enumerate(chat):
            head, *newest = _newest(_said(chat, n), tokenizer, (window - reserve) // 4)
            seen = {message.content for message in newest}
            room = window - reserve - tokenizer.prompt([head, *newest])
            pages = []
            for page in ctx.pages([hit.page for hit in ctx.search(said)]):
                cost = tokenizer.count([page.text])[0] + 8
                if page.text not in seen and cost <= room:
                    pages.append(Message("user", page.text))
                    seen.add(page.text)
                    room -= cost
            prompts.append([head, *pages, *newest])
            ctx.append("user", said)
            ctx.append("assistant", reply)
    return prompts


def _said(chat: Sequence[Turn], n: int) -> Prompt:
    """The history when the n-th message has been said."""
    before = [m for said, reply in chat[:n] for m in (Message("user", said), Message("assistant", reply))]
    return [*before, Message("user", chat[n][0])]


def _newest(history: Sequence[Message], tokenizer: Tokenizer, room: int) -> Prompt:
    head = Message("system", SYSTEM)
    room -= tokenizer.prompt([head])
    kept: Prompt = []
    for message in reversed(history):
        room -= tokenizer.prompt([head, message]) - tokenizer.prompt([head])
        if room < 0:
            break
        kept.append(message)
    return [head, *reversed(kept)]


METHODS: dict[str, Callable[[Sequence[Turn], Tokenizer, int, int], list[Prompt]]] = {
    "vctx": ours,
    "sliding window": sliding,
    "ranked anew each turn": ranked,
}


@dataclass
class Served:
    """What the prompt before has paid for, of each prompt, in tokens."""

    sent: list[int] = field(default_factory=list)
    common: list[int] = field(default_factory=list)

    def add(self, before: Prompt, prompt: Prompt, tokenizer: Tokenizer) -> None:
        """Messages are compared whole; a text that was extended counts as new, as it is at most once."""
        same = 0
        while same < min(len(before), len(prompt)) and before[same] == prompt[same]:
            same += 1
        self.sent.append(tokenizer.prompt(prompt))
        self.common.append(tokenizer.prompt(prompt[:same]) if same else 0)


def tables(locomo: Path, limit: int | None) -> Iterator[str]:
    """Share of the tokens served, over all turns, and of those after the first flush."""
    tokenizer = TiktokenTokenizer()
    chats = turns(locomo)[:limit]
    size = sum(map(len, chats))
    yield f"{len(chats)} conversations, {size:,} turns; a window of {WINDOW:,} o200k tokens."
    yield ""
    yield "| window | served from the prefix | past the first 8k | prefilled a turn, mean | p95 | room used |"
    yield "|---|---|---|---|---|---|"
    for name, make in METHODS.items():
        served, late = Served(), Served()
        for chat in chats:
            before: Prompt = []
            for n, prompt in enumerate(make(chat, tokenizer, WINDOW, RESERVE)):
                served.add(before, prompt, tokenizer)
                if tokenizer.prompt(_said(chat, n)) > WINDOW - RESERVE:
                    late.sent.append(served.sent[-1])
                    late.common.append(served.common[-1])
                before = prompt
        new = sorted(a - b for a, b in zip(served.sent, served.common, strict=True))
        used = statistics.mean(late.sent) / (WINDOW - RESERVE)
        shares = [sum(tally.common) / sum(tally.sent) for tally in (served, late)]
        yield (
            f"| {name} | {shares[0]:.1%} | {shares[1]:.1%} "
            f"| {statistics.mean(new):,.0f} | {new[len(new) * 95 // 100]:,} | {used:.0%} |"
        )


# -- the same on a model that runs here


def kv(locomo: Path, count: int, window: int) -> Iterator[str]:
    """Seconds to read each prompt, with the KV of the prompt before kept for what both begin with."""
    folder = resolve("smollm2")
    tokenizer = ChatTokenizer(folder)
    chat = turns(locomo)[0][:count]
    yield f"The first {len(chat)} turns of a conversation, a window of {window:,} tokens, one thread."
    yield ""
    yield "| window | tokens sent | prefilled | CPU s, all turns | p50 | no KV kept | same reply |"
    yield "|---|---|---|---|---|---|---|"
    for name, make in METHODS.items():
        prompts = [tokenizer.encode(prompt) for prompt in make(chat, tokenizer, window, window // 8)]
        kept, fresh = Engine(folder, stops=tokenizer.stops()), Engine(folder, stops=tokenizer.stops())
        warm, cold, read, same = [], [], 0, 0
        for n, ids in enumerate(prompts):
            seconds, new, served = _timed(kept, ids)
            warm.append(seconds)
            read += len(ids) - served
            if n % 8 == 0:  # reading everything anew is the dear part: every eighth turn is compared
                fresh._forget()
                seconds, again, _ = _timed(fresh, ids)
                cold.append(seconds)
                same += new == again
        anew = sum(cold) / len(cold) * len(prompts)
        yield (
            f"| {name} | {sum(map(len, prompts)):,} | {read:,} | {sum(warm):.0f} "
            f"| {statistics.median(warm):.2f} | {anew:.0f} | {same} of {len(cold)} |"
        )


def _timed(engine: Engine, ids: list[int]) -> tuple[float, list[int], int]:
    """(CPU seconds, the first tokens of the reply, tokens that the cache served)"""
    start = time.process_time()
    new, served = engine.generate(ids, 2)
    return time.process_time() - start, new, served
