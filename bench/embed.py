"""How fast, how exact and how small the embedding core is, beside its peers, on this machine.

    python bench/embed.py                      vctx and sentence-transformers, about two minutes
    python bench/embed.py --full               larger sets, more rounds, the stream of a million texts
    python bench/embed.py --peers PYTHON       also what that interpreter has: ONNX, OpenVINO, fastembed
    python bench/embed.py --locomo FILE        chat turns and questions from LoCoMo
    python bench/embed.py --only throughput query cold fidelity memory     some of the tables
    python bench/embed.py --model bge-base     random weights of that shape; or any model that runs natively
    python bench/embed.py --device cuda        on a GPU, with sets as large as it needs
    python bench/embed.py --out FILE           the tables as Markdown

Every engine runs in a process of its own (embed_worker.py), one at a time, on one core; the rounds are
interleaved (A B C A B C) and medians reported. On a CPU the figures are process CPU time, on a GPU wall time
with all cores. The row "from tokens" leaves the tokenizer out.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from embed_shapes import SHAPES, make
from embed_tables import SECTIONS, Session, processor, start
from embed_texts import CUDA, FULL, QUICK, make_texts

from vctx.embed import load
from vctx.embed.native import Native


def report(options: argparse.Namespace, place: Path, say: Callable[[str], None]) -> None:
    title = options.model
    if title in SHAPES:
        options.model = str(make(title, place))
        title += "'s shape, random weights"
    session = prepare(options, place)
    device = processor() if options.device == "cpu" else session.workers[0].about["device"]
    say(f"# The embedding core beside its peers: {title}\n")
    say(f"Device: {device}. Command: `python bench/embed.py {' '.join(options.shown)}`.\n")
    for worker in session.workers:
        say(f"- {worker.engine}: {worker.about['versions']}")
    for engine, why in session.absent.items():
        say(f"- {engine}: absent ({why})")
    for name in options.only or SECTIONS:
        heading, section = SECTIONS[name]
        say(f"\n## {heading}\n")
        say("\n".join(section(session)))
    for worker in session.workers:
        worker.close()


def prepare(options: argparse.Namespace, place: Path) -> Session:
    embedder = load(options.model)
    if not isinstance(embedder, Native):
        raise SystemExit("the benchmark is of models that run natively")
    size = CUDA if options.device != "cpu" else FULL if options.full else QUICK
    texts = make_texts(embedder, options.locomo, size)
    (place / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    return Session(options, size, embedder, texts, place, *start(options, place))


def main() -> None:
    options = arguments()
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    with tempfile.TemporaryDirectory() as place:
        report(options, Path(place), say)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--locomo", type=Path)
    parser.add_argument("--peers", help="a Python interpreter with the peers")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="TABLE")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.shown = shown(options)
    return options


def shown(options: argparse.Namespace) -> list[str]:
    """The arguments again, without the folders of this machine."""
    given = ["--full"] if options.full else []
    for name in ("model", "device", "locomo", "peers"):
        value = getattr(options, name)
        if value and value not in ("all-MiniLM-L6-v2", "cpu"):
            given.append(f"--{name} {Path(str(value)).name}")
    return [*given, f"--only {' '.join(options.only)}"] if options.only else given


if __name__ == "__main__":
    main()
