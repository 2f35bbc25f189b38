"""How fast, how exact and how small the embedding core is, beside its peers, on this machine.

    python bench/embed.py                      vctx and sentence-transformers, about two minutes
    python bench/embed.py --full               larger sets, more rounds, the stream of a million texts
    python bench/embed.py --peers PYTHON       also what that interpreter has: ONNX, OpenVINO, fastembed
    python bench/embed.py --locomo FILE        chat turns and questions from LoCoMo
    python bench/embed.py --only throughput query cold fidelity memory     some of the tables
    python bench/embed.py --out FILE           the tables as Markdown

Every engine runs in a process of its own (embed_worker.py), one at a time, on one core; the rounds are
interleaved (A B C A B C) and medians reported. On a CPU the figures are process CPU time, on a GPU
(`--device cuda`) wall time with all cores. Texts are the Python documentation and the docstrings of its
standard library, so no data file is needed.
"""

import argparse
import ast
import json
import os
import platform
import pydoc_data.topics
import random
import resource
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from vctx.embed import folder, load
from vctx.embed.load import find
from vctx.embed.native import Native

WORKER = Path(__file__).with_name("embed_worker.py")
OURS = ["vctx", "vctx float32", "sentence-transformers", "sentence-transformers bf16"]
PEERS = ["ST onnx", "ST openvino", "ST openvino bf16", "fastembed"]
SETS = {"chat": "chat turns", "chunks": "256-token chunks", "mixed": "mixed lengths"}
REFERENCE = "sentence-transformers"
COMPARED = [REFERENCE, "vctx", "vctx float32"]
"""Engines whose vectors are compared, besides numpy's."""
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "VCTX_THREADS": "1", "HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True)
class Size:
    """How much is measured: texts of each set, rounds, queries, texts whose vectors are compared."""

    chat: int
    chunks: int
    mixed: int
    rounds: int
    queries: int
    compared: int
    streams: tuple[int, ...]


QUICK = Size(128, 16, 48, 3, 60, 500, (10_000,))
FULL = Size(256, 32, 96, 3, 200, 5000, (10_000, 100_000, 1_000_000))


class Worker:
    """One engine in its own process. Raises RuntimeError, with the reason, where it is not there."""

    def __init__(
        self, engine: str, python: str, options: argparse.Namespace, texts: Path, cache: Path
    ) -> None:
        self.engine = engine
        command = [
            python,
            str(WORKER),
            engine,
            str(find(options.model)),
            options.device,
            str(texts),
            str(cache),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | (ONE_CORE if options.device == "cpu" else {}),
        )
        self.about = self._answer()

    def ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process ended ({self._process.wait()})"}
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


# ---- texts ----


def docstrings() -> Iterator[str]:
    """Every docstring of the standard library's modules, in the order of their paths."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield ast.get_docstring(node) or ""


def turns(locomo: Path | None, docs: Sequence[str]) -> tuple[list[str], list[str]]:
    """(short texts as in a chat, questions): LoCoMo's, or docstrings' sentences and their first lines."""
    if locomo is None:
        said = [sentence.strip() for text in docs for sentence in text.split(". ") if len(sentence) > 20]
        return [text[:400] for text in said], [text.partition("\n")[0] for text in docs if len(text) > 200]
    cases = json.loads(locomo.read_text(encoding="utf-8"))
    talks = [talk for case in cases for talk in case["conversation"].values() if isinstance(talk, list)]
    said = [turn["text"] for talk in talks for turn in talk]
    return said, [question["question"] for case in cases for question in case["qa"]]


def make_texts(embedder: Native, locomo: Path | None, size: Size) -> dict[str, list[str]]:
    chance = random.Random(0)
    docs = [text for text in docstrings() if text]
    long = "\n\n".join([*pydoc_data.topics.topics.values(), *docs])
    whole = [long[start:stop] for start, stop in embedder.spans(long)]
    said, questions = turns(locomo, docs)
    chance.shuffle(whole)
    chunks = [text for text, count in zip(whole, embedder._tokens.count(whole), strict=True) if count > 200]
    cut = [text[: chance.randrange(100, len(text))] for text in chunks]
    some = chance.sample(said, min(len(said), size.compared // 2))
    half = size.mixed // 2
    return {
        "chat": chance.sample(said, size.chat),
        "chunks": chunks[: size.chunks],
        "mixed": chance.sample(said, half) + cut[: size.mixed - half],
        "queries": chance.sample(questions, min(len(questions), size.queries)),
        "compared": (some + docs + cut + chunks)[: size.compared],
        "words": sorted({word for text in docs for word in text.split() if word.isalpha()})[:50_000],
    }


# ---- measuring ----


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


# ---- the table ----


def row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in rows), ""]


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    name = next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor()
    )
    units = [flag for flag in ("avx512_bf16", "amx_bf16") if any(flag in line.split() for line in lines)]
    return f"{name} ({', '.join(units) or 'no bfloat16 units'}), {os.cpu_count()} cores"


@dataclass(frozen=True)
class Session:
    """One run: what is measured, by whom, and where its files are."""

    options: argparse.Namespace
    size: Size
    embedder: Native
    texts: dict[str, list[str]]
    place: Path
    workers: list[Worker]

    def worker(self, engine: str) -> Worker:
        return Worker(engine, sys.executable, self.options, self.place / "texts.json", self.place)


def report(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    size = FULL if options.full else QUICK
    embedder = load(options.model)
    if not isinstance(embedder, Native):
        raise SystemExit("the benchmark is of models that run natively")
    texts = make_texts(embedder, options.locomo, size)
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        workers, absent = start(options, Path(place))
        session = Session(options, size, embedder, texts, Path(place), workers)
        device = processor() if options.device == "cpu" else workers[0].about["device"]
        say(f"# The embedding core beside its peers: {options.model}\n")
        say(f"Device: {device}. Command: `python bench/embed.py {' '.join(options.shown)}`.\n")
        for worker in workers:
            say(f"- {worker.engine}: {worker.about['versions']}")
        for engine, why in absent.items():
            say(f"- {engine}: absent ({why})")
        for name in options.only or SECTIONS:
            title, section = SECTIONS[name]
            say(f"\n## {title}\n")
            say("\n".join(section(session)))
        for worker in workers:
            worker.close()


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
    asked = queries([light, *session.workers], len(session.texts["queries"]))
    light.close()
    reference = asked[REFERENCE][0]
    rows = [
        (name, f"{p50:.2f}", f"{p99:.2f}", f"{reference / p50:.2f}") for name, (p50, p99) in asked.items()
    ]
    return table(["engine", "p50 ms", "p99 ms", "ratio of p50"], rows)


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


def start(options: argparse.Namespace, place: Path) -> tuple[list[Worker], dict[str, str]]:
    """The engines that are here, and why the others are not."""
    workers, absent = [], {}
    wanted = [*OURS, *(PEERS if options.peers else [])]
    few = options.only and not {"throughput", "query"} & set(options.only)
    for engine in COMPARED if few else wanted:
        try:
            python = options.peers if engine in PEERS else sys.executable
            workers.append(Worker(engine, python, options, place / "texts.json", place))
        except (RuntimeError, OSError) as error:
            absent[engine] = str(error).partition("\n")[0][:160]
    return workers, absent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--locomo", type=Path)
    parser.add_argument("--peers", help="a Python interpreter with the peers")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="TABLE")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.shown = ["--full"] if options.full else []
    for name in ("locomo", "peers"):
        if value := getattr(options, name):
            options.shown.append(f"--{name} {Path(str(value)).name}")
    if options.only:
        options.shown.append(f"--only {' '.join(options.only)}")
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    report(options, say)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
