"""The tables of bench/embed.py: one section each, as lines of Markdown."""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from embed_client import Worker
from embed_engines import OURS, PEERS, REFERENCE
from embed_measure import cold, fidelity, flops, queries, throughput
from embed_texts import SETS, Size

from vctx.embed.load import find
from vctx.embed.native import Native

THEIRS = [REFERENCE, f"{REFERENCE} bf16"]
COMPARED = [REFERENCE, "vctx", "vctx float32"]
"""Engines whose vectors are compared, besides numpy's."""


@dataclass(frozen=True)
class Session:
    """One run: what is measured, by whom, and where its files are."""

    options: argparse.Namespace
    size: Size
    embedder: Native
    texts: dict[str, list[str]]
    place: Path
    workers: list[Worker]
    absent: dict[str, str]
    """Why an engine is not here."""

    def worker(self, engine: str) -> Worker:
        return Worker(engine, sys.executable, self.options, self.place / "texts.json", self.place)


def start(options: argparse.Namespace, place: Path) -> tuple[list[Worker], dict[str, str]]:
    """The engines that are here, and why the others are not."""
    workers, absent = [], {}
    wanted = [*OURS, *THEIRS, *(PEERS if options.peers else [])]
    few = options.only and not {"throughput", "query"} & set(options.only)
    for engine in COMPARED if few else wanted:
        try:
            python = options.peers if engine in PEERS else sys.executable
            workers.append(Worker(engine, python, options, place / "texts.json", place))
        except (RuntimeError, OSError) as error:
            absent[engine] = str(error).partition("\n")[0][:160]
    return workers, absent


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    name = next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor()
    )
    units = [flag for flag in ("avx512_bf16", "amx_bf16") if any(flag in line.split() for line in lines)]
    return f"{name} ({', '.join(units) or 'no bfloat16 units'}), {os.cpu_count()} cores"


def say_throughput(session: Session) -> list[str]:
    ids = {name: session.embedder._tokens.ids(session.texts[name]) for name in SETS}
    peak = session.workers[0].ask(do="peak")
    seconds = throughput(session.workers, session.size.rounds)
    rows = []
    for name, title in SETS.items():
        lengths = [len(one) for one in ids[name]]
        for worker in session.workers:
            took = seconds[worker.engine, name]
            kind = "bfloat16" if "bfloat16" in worker.about["dtype"] else "float32"
            share = flops(session.embedder._recipe, lengths) / took / peak[kind]
            speed = [f"{len(lengths) / took:,.0f}", f"{sum(lengths) / took:,.0f}"]
            ratio = seconds[REFERENCE, name] / took
            rows.append((title, worker.engine, *speed, f"{ratio:.2f}", f"{share:.0%} of {kind}"))
    measured = ", ".join(f"{peak[kind] / 1e9:,.0f} GFLOP/s in {kind}" for kind in ("float32", "bfloat16"))
    head = ["texts", "engine", "texts/s", "tokens/s", "ratio", "share of peak"]
    return [
        "Ratio: to sentence-transformers' defaults, medians of the same interleaved rounds. Share: of the "
        f"fastest matrix product of that precision in the same run ({measured}).\n",
        *table(head, rows),
    ]


def say_query(session: Session) -> list[str]:
    light = session.worker("vctx numpy")
    others = [worker for worker in session.workers if "tokens" not in worker.engine]
    asked = queries([light, *others], len(session.texts["queries"]))
    light.close()
    middle, most = asked[REFERENCE]
    rows = [
        (name, f"{p50:.2f}", f"{p99:.2f}", f"{middle / p50:.2f}", f"{most / p99:.2f}")
        for name, (p50, p99) in asked.items()
    ]
    return table(["engine", "p50 ms", "p99 ms", "ratio of p50", "ratio of p99"], rows)


def say_cold(session: Session) -> list[str]:
    took = cold(str(find(session.options.model)), 3)
    return table(["engine", "seconds"], [(name, f"{one:.2f}") for name, one in took.items()])


def say_fidelity(session: Session) -> list[str]:
    light = session.worker("vctx numpy")
    engines = [worker for worker in session.workers if worker.engine in COMPARED]
    found = fidelity([*engines, light], session.place)
    light.close()
    rows = [
        (name, f"{least:.6f}", f"{mean:.6f}", f"{same:.4f}") for name, (least, mean, same) in found.items()
    ]
    counts = f"{len(session.texts['compared']):,} texts, {len(session.texts['queries'])} queries.\n"
    return [counts, *table(["engine", "least cosine", "mean cosine", "top-10 overlap"], rows)]


def say_memory(session: Session) -> list[str]:
    worker = session.worker("vctx")
    found = {count: worker.ask(do="stream", count=count) for count in session.size.streams}
    worker.close()
    rows = [
        (f"{count:,}", f"{one['rss']:,.0f}", f"{count / one['seconds']:,.0f}") for count, one in found.items()
    ]
    return table(["texts", "peak RSS, MiB", "texts/s"], rows)


SECTIONS: dict[str, tuple[str, Callable[[Session], list[str]]]] = {
    "throughput": ("Throughput", say_throughput),
    "query": ("One query", say_query),
    "cold": ("A fresh process to its first vector, CPU time", say_cold),
    "fidelity": ("Fidelity to the float32 reference", say_fidelity),
    "memory": ("Memory on a stream of one-word texts", say_memory),
}


def row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in rows), ""]
