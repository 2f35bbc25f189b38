"""What the command line costs before any model runs: CPU seconds of whole processes, medians.

    python bench/cli.py            # makes a document of 1,000 chunks first: some 20 s of CPU
    python bench/cli.py --parts    # and where `vctx ask` spends them

`ask` ends where the local model would be asked: by then its pages are on the screen. Written to
bench/results/cli.md.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics

RUNS = 9
QUESTION = "Which exception does division by zero raise?"
STOP = """
import sys, time
from vctx.models import local
def stop(self, messages, *, max_tokens):
    sys.stdout.flush()
    import os; os._exit(0)
local.LocalModel.stream = local.LocalModel.complete = stop
from vctx.cli import main
main(prog_name="vctx")
"""
"""The command line, up to where the local model is asked."""
PARTS = """
import json, sys, time
laps = []
def lap(name):
    laps.append((name, time.process_time()))
lap("Python itself")
from vctx.cli import main; lap("import vctx.cli")
from vctx import boot
import vctx.storage; lap("import numpy, faiss, sqlite")
file = boot.disk(sys.argv[1]); lap("open the file")
embedder = boot._embedder(boot.EMBEDDER); lap("find the embedder")
model = boot.model(boot.LOCAL_MODEL); lap("the model's tokenizer and template")
ctx = boot.open(sys.argv[1], model=model, embedder=embedder); lap("open the session")
embedder.embed([sys.argv[2]]); lap("embed the question (MiniLM, cold)")
hits = ctx.recall(sys.argv[2]); lap("recall")
ctx.append("user", sys.argv[2]); lap("append")
ctx.messages(); lap("the prompt, counted")
ctx.close(); lap("close")
print(json.dumps(laps))
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--parts", action="store_true")
    parts = options.parse_args().parts
    with tempfile.TemporaryDirectory() as folder:
        db = made(Path(folder))
        vctx = [sys.executable, "-m", "vctx"]
        rows = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "python -c 'import vctx'": [sys.executable, "-c", "import vctx"],
            "vctx --help": [*vctx, "--help"],
            "vctx log": [*vctx, "log", "--db", db],
            "vctx search QUESTION": [*vctx, "search", "--db", db, QUESTION],
            "vctx ask QUESTION, to its pages": [sys.executable, "-c", STOP, "ask", "--db", db, QUESTION],
        }
        print("| | CPU s, median | least | most |\n|---|---|---|---|")
        for name, command in rows.items():
            seconds = sorted(cpu(command) for _ in range(RUNS))
            print(f"| `{name}` | {statistics.median(seconds):.3f} | {seconds[0]:.3f} | {seconds[-1]:.3f} |")
        if parts:
            print("\n| part of `vctx ask` | CPU s, median |\n|---|---|")
            for name, value in spent(db):
                print(f"| {name} | {value:.3f} |")


def made(folder: Path) -> str:
    """A session with the language reference in it, embedded, and a question asked once."""
    book, db = folder / "reference.txt", str(folder / "book.db")
    book.write_text("\n\n".join(topics[name].strip("\n") for name in sorted(topics)), encoding="utf-8")
    for args in (["add", str(book)], ["recall", QUESTION]):
        command = [sys.executable, "-m", "vctx", args[0], "--db", db, *args[1:]]
        subprocess.run(command, check=True, capture_output=True)
    return db


def cpu(command: Sequence[str]) -> float:
    """CPU seconds of a process and its children, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def spent(db: str) -> list[tuple[str, float]]:
    """CPU seconds of each part, medians."""
    laps = []
    for _ in range(RUNS):
        done = subprocess.run(
            [sys.executable, "-c", PARTS, db, QUESTION], check=True, capture_output=True, text=True
        )
        rows = json.loads(done.stdout)
        laps.append(
            [value - before for (_, value), before in zip(rows, (0.0, *(v for _, v in rows)), strict=False)]
        )
    names = [name for name, _ in rows]
    return list(zip(names, map(statistics.median, zip(*laps, strict=True)), strict=True))


if __name__ == "__main__":
    main()
