"""What is measured of the engines: seconds, and how far vectors are from the reference's."""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from embed_client import ONE_CORE, Worker
from embed_engines import REFERENCE
from embed_texts import SETS

from vctx.embed import folder


def throughput(workers: Sequence[Worker], rounds: int) -> dict[tuple[str, str], float]:
    """Median seconds of each (engine, set)."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for name in SETS:
        for _ in range(rounds):
            for worker in workers:
                seconds.setdefault((worker.engine, name), []).append(worker.ask(do="encode", set=name))
    return {key: median(values) for key, values in seconds.items()}


def queries(workers: Sequence[Worker], texts: int, turn: int = 20) -> dict[str, tuple[float, float]]:
    """p50 and p99 in milliseconds of one query at a time, twenty of each engine in turn."""
    seconds: dict[str, list[float]] = {worker.engine: [] for worker in workers}
    for start in range(0, texts, turn):
        for worker in workers:
            seconds[worker.engine] += worker.ask(do="queries", start=start, stop=start + turn)
    return {
        name: tuple(float(value) * 1e3 for value in np.percentile(values, [50, 99]))  # type: ignore[misc]
        for name, values in seconds.items()
    }


COLD = {
    "vctx, numpy": "from vctx.embed import load; load({model!r}, device='cpu').embed(['hello'])",
    "vctx, torch": "import torch; from vctx.embed import load; load({model!r}).embed(['hello'])",
    REFERENCE: "from sentence_transformers import SentenceTransformer as S; S({model!r}).encode('hello')",
}


def cold(model: str, rounds: int) -> dict[str, float]:
    """Median CPU seconds of a process from its start to its first vector."""
    seconds: dict[str, list[float]] = {name: [] for name in COLD}
    for _ in range(rounds):
        for name, code in COLD.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run = [sys.executable, "-c", code.format(model=model)]
            root = {"PYTHONPATH": str(Path(__file__).parents[1])}
            subprocess.run(run, check=True, env=os.environ | ONE_CORE | root, stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {name: median(values) for name, values in seconds.items()}


def fidelity(workers: Sequence[Worker], place: Path) -> dict[str, tuple[float, float, float]]:
    """Least and mean cosine to the reference in float32, and the overlap of the ten best of every query."""
    found = {}
    for worker in workers:
        for name in ("compared", "queries"):
            worker.ask(do="save", set=name, file=str(place / f"{worker.engine}.{name}.npy"))
    texts, asked = (np.load(place / f"{REFERENCE}.{name}.npy") for name in ("compared", "queries"))
    best = top(texts, asked)
    for worker in workers:
        ours, our = (np.load(place / f"{worker.engine}.{name}.npy") for name in ("compared", "queries"))
        cosines = (ours * texts).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(texts, axis=1)
        same = [len(set(a) & set(b)) / 10 for a, b in zip(best, top(ours, our), strict=True)]
        found[worker.engine] = (float(cosines.min()), float(cosines.mean()), sum(same) / len(same))
    return found


def top(texts: np.ndarray, asked: np.ndarray) -> list[list[int]]:
    ranked: list[list[int]] = np.argsort(-(asked @ texts.T), axis=1)[:, :10].tolist()
    return ranked


def flops(recipe: folder.Recipe, lengths: Sequence[int]) -> float:
    """Multiplications and additions of the products: four of dim x dim and two of dim x 4 dim a layer and
    token, and attention's two of length x dim."""
    linear = 2 * 12 * recipe.dim**2
    return float(recipe.layers * sum(n * linear + 4 * n * n * recipe.dim for n in lengths))
