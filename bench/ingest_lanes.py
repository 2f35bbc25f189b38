"""What lanes are worth: the same chunks in one lane and in several, interleaved; `bench/ingest.py lanes`.

The clock shows it on a quiet machine alone. Any machine shows how many threads, on average, were at work or
ready for a core, rather than waiting for each other. CPU time over that is what free cores would take.
"""

import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROUNDS = 3
CHILD = """
import json, sys, time
from vctx.embed import load
texts = json.loads(sys.stdin.readline())
embedder = load()
embedder.embed(texts[:200])
print(sum(map(len, embedder._tokens.ids(texts))), flush=True)
for _ in sys.stdin:
    cpu = time.process_time()
    embedder.embed(texts)
    print(time.process_time() - cpu, flush=True)
"""


class Round(NamedTuple):
    """CPU and wall in seconds; threads at work or ready, on average."""

    cpu: float
    wall: float
    ready: float


class Child:
    """A process that embeds the texts, in so many lanes, whenever it is asked."""

    def __init__(self, lanes: int, texts: Sequence[str]) -> None:
        env = {**os.environ, "VCTX_THREADS": str(lanes), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-c", CHILD]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        self.tokens = int(self._told(json.dumps(texts)))

    def round(self) -> Round:
        start = time.perf_counter()
        ready: list[int] = []
        cpu = float(self._told("", ready))
        return Round(cpu, time.perf_counter() - start, statistics.fmean(ready))

    def close(self) -> None:
        self._process.communicate()

    def _told(self, line: str, ready: list[int] | None = None) -> str:
        """The answer to a line; how many threads were ready meanwhile is noted."""
        given, taken = self._process.stdin, self._process.stdout
        assert given and taken
        given.write(line + "\n")
        given.flush()
        while not select.select([taken], [], [], 0.005)[0]:
            if ready is not None:
                ready.append(self._ready())
        return taken.readline()

    def _ready(self) -> int:
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/stat")
        return sum(file.read_text().rpartition(")")[2].split()[0] == "R" for file in threads if file.exists())


def lanes(texts: Sequence[str]) -> Iterator[str]:
    """A table: medians of interleaved rounds."""
    cores = len(os.sched_getaffinity(0))
    children = {number: Child(number, texts) for number in sorted({1, 2, cores})}
    rounds = [{number: child.round() for number, child in children.items()} for _ in range(ROUNDS)]
    yield f"{len(texts):,} chunks; {cores} cores; load {os.getloadavg()[0]:.1f}\n"
    yield "| lanes | CPU, s | tokens a second of CPU | threads ready | CPU / ready, s | wall, s |"
    yield "|---|---|---|---|---|---|"
    for number, child in children.items():
        cpu, wall, ready = (statistics.median(one[number][at] for one in rounds) for at in range(3))
        speed = f"{child.tokens / cpu:,.0f}"
        yield f"| {number} | {cpu:.1f} | {speed} | {ready:.2f} | {cpu / ready:.1f} | {wall:.1f} |"
        child.close()
