"""How fast, how exact and how small the embedding core is, beside its peers, on this machine.

    python bench/embed.py                      vctx and sentence-transformers, about two minutes
    python bench/embed.py --full               larger sets, more rounds, the stream of a million texts
    python bench/embed.py --peers PYTHON       also what that interpreter has: ONNX, OpenVINO, fastembed
    python bench/embed.py --locomo FILE        chat turns and questions from LoCoMo
    python bench/embed.py --out FILE           the table as Markdown

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
from collections.abc import Iterator, Sequence
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
    stream: int


QUICK = Size(128, 16, 48, 3, 60, 500, 0)
FULL = Size(384, 48, 144, 5, 300, 5000, 1_000_000)


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


def fidelity(workers: Sequence[Worker], folder_: Path) -> dict[str, tuple[float, float, float]]:
    """Least and mean cosine to the reference in float32, and the overlap of the ten best of every query."""
    found = {}
    for worker in workers:
        for name in ("compared", "queries"):
            worker.ask(do="save", set=name, file=str(folder_ / f"{worker.engine}.{name}.npy"))
    texts, asked = (np.load(folder_ / f"{REFERENCE}.{name}.npy") for name in ("compared", "queries"))
    best = top(texts, asked)
    for worker in workers:
        ours, our = (np.load(folder_ / f"{worker.engine}.{name}.npy") for name in ("compared", "queries"))
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


def report(options: argparse.Namespace, say: Any) -> None:
    size = FULL if options.full else QUICK
    embedder = load(options.model)
    if not isinstance(embedder, Native):
        raise SystemExit("the benchmark is of models that run natively")
    texts = make_texts(embedder, options.locomo, size)
    ids = {name: embedder._tokens.ids(texts[name]) for name in SETS}
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "texts.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        workers, absent = start(options, file, Path(place))
        say(f"# The embedding core beside its peers: {options.model}\n")
        say(
            f"Device: {processor() if options.device == 'cpu' else workers[0].about['device']}. "
            f"Command: `python bench/embed.py {' '.join(options.shown)}`.\n"
        )
        for worker in workers:
            say(f"- {worker.engine}: {worker.about['versions']}")
        for engine, why in absent.items():
            say(f"- {engine}: absent ({why})")
        say("")
        peak = workers[0].ask(do="peak")
        seconds = throughput(workers, size.rounds)
        rows = []
        for name, title in SETS.items():
            tokens = sum(map(len, ids[name]))
            for worker in workers:
                took = seconds[worker.engine, name]
                kind = "bfloat16" if "bfloat16" in worker.about["dtype"] else "float32"
                share = flops(embedder._recipe, [len(one) for one in ids[name]]) / took / peak[kind]
                ratio = seconds[REFERENCE, name] / took
                rows.append(
                    (
                        title,
                        worker.engine,
                        f"{len(ids[name]) / took:,.0f}",
                        f"{tokens / took:,.0f}",
                        f"{ratio:.2f}",
                        f"{share:.0%} of {kind}",
                    )
                )
        say(f"## Throughput, one {'core' if options.device == 'cpu' else 'GPU'}\n")
        say(
            "Ratio: to sentence-transformers' defaults, same run. Share: of the fastest matrix product of "
            f"that precision in the same run ({peak['float32'] / 1e9:.0f} GFLOP/s in float32, "
            f"{peak['bfloat16'] / 1e9:.0f} in bfloat16).\n"
        )
        say("\n".join(table(["texts", "engine", "texts/s", "tokens/s", "ratio", "share of peak"], rows)))
        numpy_one = Worker("vctx numpy", sys.executable, options, file, Path(place))
        asked = queries([numpy_one, *workers], len(texts["queries"]))
        reference = asked[REFERENCE][0]
        say("## One query\n")
        say(
            "\n".join(
                table(
                    ["engine", "p50 ms", "p99 ms", "ratio of p50"],
                    [
                        (name, f"{p50:.2f}", f"{p99:.2f}", f"{reference / p50:.2f}")
                        for name, (p50, p99) in asked.items()
                    ],
                )
            )
        )
        say("## A fresh process to its first vector, CPU time\n")
        say(
            "\n".join(
                table(
                    ["engine", "seconds"],
                    [(name, f"{took:.2f}") for name, took in cold(str(find(options.model)), 3).items()],
                )
            )
        )
        compared = [worker for worker in workers if worker.engine in OURS]
        exact = fidelity([*compared, *([numpy_one] if not options.full else [])], Path(place))
        say(
            f"## Fidelity to the float32 reference, {len(texts['compared']):,} texts, "
            f"{len(texts['queries'])} queries\n"
        )
        say(
            "\n".join(
                table(
                    ["engine", "least cosine", "mean cosine", "top-10 overlap"],
                    [
                        (name, f"{least:.6f}", f"{mean:.6f}", f"{same:.4f}")
                        for name, (least, mean, same) in exact.items()
                    ],
                )
            )
        )
        for worker in [*workers, numpy_one]:
            worker.close()
        if size.stream:
            streamed = Worker("vctx", sys.executable, options, file, Path(place))
            few, many = (streamed.ask(do="stream", count=count) for count in (10_000, size.stream))
            say("## Memory on a stream of one-word texts\n")
            say(
                "\n".join(
                    table(
                        ["texts", "peak RSS, MiB", "texts/s"],
                        [
                            (f"{at:,}", f"{one['rss']:,.0f}", f"{at / one['seconds']:,.0f}")
                            for at, one in ((10_000, few), (size.stream, many))
                        ],
                    )
                )
            )
            streamed.close()


def start(options: argparse.Namespace, texts: Path, cache: Path) -> tuple[list[Worker], dict[str, str]]:
    """The engines that are here, and why the others are not."""
    workers, absent = [], {}
    peers = PEERS if options.peers else []
    for engine in [*OURS, *peers]:
        try:
            python = options.peers if engine in PEERS else sys.executable
            workers.append(Worker(engine, python, options, texts, cache))
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
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.shown = [flag for flag in ("--full",) if options.full]
    options.shown += [
        f"--{name} {Path(str(value)).name}"
        for name in ("locomo", "peers")
        if (value := getattr(options, name))
    ]
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    report(options, say)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
