"""One engine of bench/embed.py in a process of its own: questions on stdin, answers on stdout, as JSON.

An engine is imported by its own function, in the one process that measures it.
"""
# ruff: noqa: PLC0415, E402

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
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

Encode = Callable[[Sequence[str]], np.ndarray]


def vctx_torch(model: str, device: str, dtype: Any = None) -> tuple[Encode, str, list[str]]:
    from vctx.embed import load, native

    native.WORTH = 0  # torch from the first text on, as in a process that has it already
    embedder = load(model, dtype=dtype, device=device)
    embedder.embed(["hello"])
    return embedder.embed, str(embedder._encoder._dtype), ["torch"]  # type: ignore[union-attr]


def vctx_numpy(model: str, device: str) -> tuple[Encode, str, list[str]]:
    from vctx.embed import load, native

    native.WORTH = 1 << 60
    return load(model, device="cpu").embed, "float32", ["numpy"]


def sentence_transformers(
    model: str, device: str, backend: str = "torch", dtype: str = "float32", **settings: Any
) -> tuple[Encode, str, list[str]]:
    from sentence_transformers import SentenceTransformer

    engine = SentenceTransformer(model, device=device, backend=backend, model_kwargs=settings)  # type: ignore[arg-type]
    names = {"torch": ["torch", "transformers"], "onnx": ["onnxruntime"], "openvino": ["openvino"]}[backend]

    def encode(texts: Sequence[str]) -> np.ndarray:
        found = engine.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=False
        )
        return np.asarray(found, np.float32)

    return encode, dtype, ["sentence-transformers", *names]


def st_bf16(model: str, device: str) -> tuple[Encode, str, list[str]]:
    import torch
    from sentence_transformers import SentenceTransformer

    engine = SentenceTransformer(model, device=device, model_kwargs={"dtype": torch.bfloat16})

    def encode(texts: Sequence[str]) -> np.ndarray:
        found = engine.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=True
        )
        return found.float().cpu().numpy()

    return encode, "bfloat16", ["sentence-transformers", "torch", "transformers"]


def fastembed(model: str, device: str, cache: Path) -> tuple[Encode, str, list[str]]:
    """On the ONNX file that sentence-transformers exports: fastembed's own needs a download."""
    from fastembed import TextEmbedding
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(model, backend="onnx", model_kwargs={"export": True}).save_pretrained(
        str(cache / "onnx")
    )
    (cache / "onnx" / "onnx" / "model.onnx").rename(cache / "onnx" / "model.onnx")
    name = "sentence-transformers/all-MiniLM-L6-v2"
    engine = TextEmbedding(name, specific_model_path=str(cache / "onnx"), threads=1)
    return lambda texts: np.array(list(engine.embed(list(texts)))), "float32", ["fastembed", "onnxruntime"]


def engine(name: str, model: str, device: str, cache: Path) -> tuple[Encode, str, list[str]]:
    if name == "fastembed":
        return fastembed(model, device, cache)
    export = {"export": True}
    bf16 = {"ov_config": {"INFERENCE_PRECISION_HINT": "bf16"}}
    return {
        "vctx": lambda: vctx_torch(model, device),
        "vctx float32": lambda: vctx_torch(model, device, "float32"),
        "vctx numpy": lambda: vctx_numpy(model, device),
        "sentence-transformers": lambda: sentence_transformers(model, device),
        "sentence-transformers bf16": lambda: st_bf16(model, device),
        "ST onnx": lambda: sentence_transformers(model, device, "onnx", **export),
        # Left to itself, OpenVINO computes in bfloat16 where the CPU multiplies it.
        "ST openvino": lambda: sentence_transformers(model, device, "openvino", "bfloat16", **export),
        "ST openvino bf16": lambda: sentence_transformers(
            model, device, "openvino", "bfloat16", **export, **bf16
        ),
    }[name]()


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
            self.encode(self._texts[name][:32])

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
        """The fastest of some matrix products, in FLOP/s: square ones, and the shapes of a small encoder."""
        import torch

        place = "cpu" if self._clock is time.process_time else "cuda"
        shapes = [
            (2048, 2048, 2048),
            (2048, 384, 1536),
            (2048, 1536, 384),
            *([(8192, 8192, 8192)] if place == "cuda" else []),
        ]
        return {
            str(kind).removeprefix("torch."): max(
                self._product(torch, kind, place, *shape) for shape in shapes
            )
            for kind in (torch.float32, torch.bfloat16)
        }

    def _product(self, torch: Any, kind: Any, place: str, rows: int, inner: int, columns: int) -> float:
        left, right = (
            torch.randn(shape, device=place).to(kind) for shape in ((rows, inner), (columns, inner))
        )
        best = 1e9
        for _ in range(12):
            before = self._clock()
            torch.nn.functional.linear(left, right)
            if place == "cuda":
                torch.cuda.synchronize()
            best = min(best, self._clock() - before)
        return 2.0 * rows * inner * columns / best

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
