"""Figures of eval/results/agent.md: what a small window answers with paging, with MemGPT's tools, and alone.

`python bench/agent.py nested-kv --data FOLDER --samples 100`, `python bench/agent.py job --seeds 10`. The
models are scripted and read the prompt, nothing else; tokens are o200k's.
"""

import argparse
import statistics
import tempfile
import time
from itertools import groupby
from pathlib import Path

import vctx
from bench.agent_tasks import WAYS, job, reads, session, solved, worked, worked_with_the_last
from vctx.eval import nested_kv
from vctx.fakes import ScriptedModel


def chains(data: Path, samples: int, window: int) -> None:
    """Chains solved by each way, depth by depth."""
    tokens = vctx.tokenizer("o200k_base")
    print(f"| solved of {samples} | depth 0 | 1 | 2 | 3 | 4 | ms of CPU |\n|---|---|---|---|---|---|---|")
    for way in WAYS:
        began, row = time.process_time(), []
        chained = nested_kv.load(data, samples=samples)
        for _, group in groupby(chained, key=lambda chain: chain.depth):
            with tempfile.TemporaryDirectory() as folder:
                row.append(
                    sum(
                        solved(chain, way, Path(folder) / f"{n}.db", tokens, window)
                        for n, chain in enumerate(group)
                    )
                )
        each = 1000 * (time.process_time() - began) / len(chained)
        print(f"| {way.name} | {' | '.join(map(str, row))} | {each:.0f} |", flush=True)


def jobs(seeds: int, steps: int, window: int) -> None:
    """Jobs that were reported rightly, and what paging took."""
    tokens = vctx.tokenizer("o200k_base")
    right, last, faults, flushes, cost = 0, 0, [], [], []
    for seed in range(seeds):
        one = job(seed, steps)
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            said, _ = worked(one, Path(folder) / "s.db", tokens, window)
            cost.append((time.process_time() - began) / steps)
            with session(Path(folder) / "s.db", ScriptedModel(reads), tokens, window) as ctx:
                log = ctx.log()
        right += said == str(one.report)
        last += worked_with_the_last(one, tokens, window) == str(one.report)
        faults.append(sum(len(entry.plan.load) for entry in log if entry.cause == "recall"))
        flushes.append(sum(entry.plan.fold is not None for entry in log))
    print(
        f"{steps} steps, window {window}: reported rightly by vctx {right} of {seeds}, by the last {window}"
    )
    print(f"tokens alone {last} of {seeds}; pages paged in {statistics.mean(faults):.1f}, flushes")
    print(f"{statistics.mean(flushes):.1f}; {1000 * statistics.median(cost):.1f} ms of CPU a step")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["nested-kv", "job"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--window", type=int)
    given = parser.parse_args()
    if given.what == "nested-kv":
        chains(given.data, given.samples, given.window or 2048)
    else:
        jobs(given.seeds, given.steps, given.window or 4096)
