"""One engine of bench/embed.py in a process of its own: questions on stdin, answers on stdout, as JSON."""
# ruff: noqa: PLC0415, E402

import json
import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Before any import: libraries count their cores then. A GPU is fed by all of them.
if hasattr(os, "sched_setaffinity") and sys.argv[3] == "cpu":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is no answer
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from embed_engines import engine


class Bench:
    def __init__(self, name: str, model: str, device: str, texts: str, cache: str) -> None:
        self.encode, self.dtype, packages = engine(name, model, device, Path(cache))
        self._texts = json.loads(Path(texts).read_text(encoding="utf-8"))
        self._clock = time.process_time if device == "cpu" else time.perf_counter
        self.about = {
            "versions": ", ".join(f"{package} {version(package)}" for package in packages),
            "dtype": self.dtype,
            "device": self._device(device),
        }
        for name in ("chat", "chunks", "mixed"):
            self.encode(self._texts[name])
        for text in self._texts["queries"]:
            self.encode([text])

    def ask(self, do: str, **question: Any) -> Any:
        return getattr(self, f"do_{do}")(**question)

    def do_encode(self, set: str) -> float:
        before = self._clock()
        self.encode(self._texts[set])
        return self._clock() - before

    def do_queries(self, start: int, stop: int) -> list[float]:
        return [self._one(text) for text in self._texts["queries"][start:stop]]

    def do_save(self, set: str, file: str) -> bool:
        np.save(file, self.encode(self._texts[set]))
        return True

    def do_stream(self, count: int) -> dict[str, float]:
        words = self._texts["words"]
        before, done = self._clock(), 0
        embedder: Any = self.encode.__self__  # type: ignore[attr-defined]
        for block in embedder.stream(words[at % len(words)] for at in range(count)):
            done += len(block)
        assert done == count
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"rss": rss, "seconds": self._clock() - before}

    def do_peak(self) -> dict[str, float]:
        """FLOP/s by precision."""
        from embed_peak import peak  # brings torch in, which changes what vctx does

        return peak("cpu" if self._clock is time.process_time else "cuda")

    def _one(self, text: str) -> float:
        before = self._clock()
        self.encode([text])
        return self._clock() - before

    def _device(self, device: str) -> str:
        if device == "cpu":
            return device
        import torch

        return str(torch.cuda.get_device_name())


def main() -> None:
    def answer(content: Any) -> None:
        ANSWERS.write(json.dumps(content) + "\n")
        ANSWERS.flush()

    try:
        bench = Bench(*sys.argv[1:6])
    except Exception as error:  # noqa: BLE001 - whatever keeps a peer from running is its reason
        answer({"error": f"{type(error).__name__}: {error}"})
        return
    answer(bench.about)
    for line in sys.stdin:
        answer(bench.ask(**json.loads(line)))


if __name__ == "__main__":
    main()
