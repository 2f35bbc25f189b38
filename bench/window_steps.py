"""What a decision and a step cost, in CPU time of the calling thread: medians, embedding and model aside.

`python bench/window.py steps`
"""

import functools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vctx.context import Context
from vctx.fakes import HashingEmbedder
from vctx.models.openai_tokens import TiktokenTokenizer
from vctx.plan import decide
from vctx.policies import named
from vctx.ports import Policy
from vctx.storage import SqliteDisk
from vctx.types import Budget, Frame, Hit, Snapshot

SESSIONS = (1_000, 10_000, 100_000)
STEPS = 300
REPEATS = 300


def tables() -> Iterator[str]:
    yield "| a decision over 1,000 frames and 1,000 hits | evicts | loads | CPU ms, p50 | p99 |"
    yield "|---|---|---|---|---|"
    for name, snapshot in snapshots().items():
        for policy in ("fifo", "arc", "priced") if "flush" in name else ("fifo",):
            ask = functools.partial(decide, snapshot, told(policy, snapshot))
            times, plan = [seconds(ask) for _ in range(REPEATS)], ask()
            yield f"| {name}, {policy} | {len(plan.evict)} | {len(plan.load)} | {_ms(times)} |"
    yield ""
    yield "| a step in a session of | frames | append: CPU ms, p50 | window: p50 | both: p50 | p99 |"
    yield "|---|---|---|---|---|---|"
    for pages in SESSIONS:
        yield step(pages)


def told(name: str, snapshot: Snapshot) -> Policy:
    """A policy that knows the frames of a snapshot, each fourth of them touched."""
    policy = named(name)
    for frame in snapshot.frames:
        policy.loaded(frame.page, frame.tokens, frame.arrived, fault=frame.fault)
        if frame.page % 4 == 0:
            policy.touched(frame.page, frame.arrived)
    return policy


def snapshots() -> dict[str, Snapshot]:
    frames = tuple(Frame(n, 30, n, n, fault=n % 3 == 0, pinned=n % 97 == 0) for n in range(1000))
    hits = tuple(Hit(2000 + n, tokens=30, score=1.0) for n in range(1000))

    def snapshot(room: int, ask: int) -> Snapshot:
        budget = Budget(room + 500, 500)
        return Snapshot(2000, budget, 100, frames, hits=hits, wrapper=10, ask=ask, cap=500)

    return {
        "a fault, and nobody leaves": snapshot(80_000, 16_000),
        "a fault of the usual share, and a flush": snapshot(40_000, 16_000),
    }


def step(pages: int) -> str:
    """Messages of 2 to 20 words in a window of 8,192 o200k tokens, the journal as long as the session."""
    rng = random.Random(pages)
    words = [f"word{n}" for n in range(5000)]
    with tempfile.TemporaryDirectory() as folder:
        disk = SqliteDisk(Path(folder) / "s.db")
        with Context(
            disk, HashingEmbedder(), TiktokenTokenizer(), Budget(8192, 512), summary="extract"
        ) as ctx:
            roles = ("user", "assistant")
            with disk.relaxed():
                for n in range(pages):
                    ctx.append(roles[n % 2], " ".join(rng.choices(words, k=rng.randrange(2, 20))))
            ctx.window()
            appends, windows = [], []
            for n in range(STEPS):
                text = " ".join(rng.choices(words, k=rng.randrange(2, 20)))
                appends.append(seconds(lambda n=n, text=text: ctx.append(roles[n % 2], text)))
                windows.append(seconds(ctx.window))
            both = [a + b for a, b in zip(appends, windows, strict=True)]
            first, second = statistics.median(appends) * 1000, statistics.median(windows) * 1000
            return f"| {pages:,} pages | {len(ctx.frames)} | {first:.2f} | {second:.2f} | {_ms(both)} |"


def seconds(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start


def _ms(times: list[float]) -> str:
    ordered = sorted(times)
    return f"{statistics.median(times) * 1000:.2f} | {ordered[len(times) * 99 // 100] * 1000:.2f}"
