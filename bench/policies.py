"""How fast policies are simulated: references a second of CPU time, one thread.

    python bench/policies.py runs/policies/*.jsonl       traces that `vctx eval policies --out` has kept
    python bench/policies.py                             made ones: zipf, loop, scan, phases

Every policy runs over all traces of a window, in turns, and again for each round; the median is told, and the
least and the most of the rounds.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from vctx.eval.policies import synthetic
from vctx.eval.policies.simulate import simulate
from vctx.eval.policies.trace import Trace, read
from vctx.policies import POLICIES, named
from vctx.prices import TABLE

TURNS = 500
"""Of a made trace."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("traces", nargs="*", type=Path, help="files of traces")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prices", default="anthropic", choices=sorted(TABLE), help="what policies are told")
    return parser.parse_args()


def tables(traces: Sequence[Trace], rounds: int, prices: str) -> Iterator[str]:
    windows = sorted({trace.setting.budget.window for trace in traces}, reverse=True)
    for window in windows:
        here = [trace for trace in traces if trace.setting.budget.window == window]
        references = sum(trace.references for trace in here)
        yield f"| window {window:,}, {references:,} references | flushes | a second | of the rounds |"
        yield "|---|---|---|---|"
        found: dict[str, list[float]] = {name: [] for name in POLICIES}
        flushes = dict.fromkeys(POLICIES, 0)
        for _ in range(rounds):
            for name in POLICIES:
                seconds, flushes[name] = simulated(here, name, prices)
                found[name].append(references / seconds)
        for name, speeds in found.items():
            least, middle, most = min(speeds), statistics.median(speeds), max(speeds)
            yield f"| {name} | {flushes[name]:,} | {middle:,.0f} | {least:,.0f} to {most:,.0f} |"
        yield ""


def simulated(traces: Sequence[Trace], name: str, prices: str) -> tuple[float, int]:
    """CPU seconds of a policy over all traces, and its flushes."""
    start = time.thread_time()
    flushes = sum(simulate(trace, named(name), TABLE[prices]).flushes for trace in traces)
    return time.thread_time() - start, flushes


def made() -> list[Trace]:
    return [synthetic.made(name, synthetic.Shape(turns=TURNS)) for name in synthetic.SHAPES]


if __name__ == "__main__":
    args = arguments()
    for line in tables([read(file) for file in args.traces] or made(), args.rounds, args.prices):
        print(line, flush=True)
