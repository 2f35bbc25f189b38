"""The engines: what turns texts into vectors, vctx and its peers, each as its manual says.

An engine is imported by its own function, in the one process that measures it.
"""
# ruff: noqa: PLC0415

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Encode = Callable[[Sequence[str]], np.ndarray]
Engine = tuple[Encode, str, list[str]]
"""(encode, dtype, packages whose versions matter)"""

OURS = ["vctx", "vctx from tokens", "vctx float32"]
REFERENCE = "sentence-transformers"
PEERS = ["ST onnx", "ST openvino", "ST openvino bf16", "fastembed"]
"""What a Python interpreter of their own may have."""


def vctx_torch(model: str, device: str, dtype: Any = None) -> Engine:
    from vctx.embed import load, native

    native.WORTH = 0  # torch from the first text on, as in a process that has it already
    embedder = load(model, dtype=dtype, device=device)
    embedder.embed(["hello"])
    return embedder.embed, str(embedder._encoder._dtype), ["torch"]  # type: ignore[union-attr]


def vctx_tokens(model: str, device: str) -> Engine:
    """Tokenised the first time that a set comes, which is not measured."""
    from vctx.embed import load

    encode, dtype, packages = vctx_torch(model, device)
    native: Any = load(model)
    known: dict[tuple[str, int], Any] = {}

    def from_tokens(texts: Sequence[str]) -> np.ndarray:
        key = (texts[0], len(texts))
        if key not in known:
            known[key] = native._tokens.ids(list(texts))
        found: np.ndarray = encode.__self__._encoder.encode(known[key])  # type: ignore[attr-defined]
        return found

    return from_tokens, dtype, packages


def vctx_numpy(model: str, device: str) -> Engine:
    from vctx.embed import load, native

    native.WORTH = 1 << 60
    return load(model, device="cpu").embed, "float32", ["numpy"]


def sentence_transformers(
    model: str, device: str, backend: str = "torch", dtype: str = "float32", **settings: Any
) -> Engine:
    from sentence_transformers import SentenceTransformer

    engine = SentenceTransformer(model, device=device, backend=backend, model_kwargs=settings)  # type: ignore[arg-type]
    names = {"torch": ["torch", "transformers"], "onnx": ["onnxruntime"], "openvino": ["openvino"]}[backend]

    def encode(texts: Sequence[str]) -> np.ndarray:
        found = engine.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=False
        )
        return np.asarray(found, np.float32)

    return encode, dtype, ["sentence-transformers", *names]


def st_bf16(model: str, device: str) -> Engine:
    import torch
    from sentence_transformers import SentenceTransformer

    engine = SentenceTransformer(model, device=device, model_kwargs={"dtype": torch.bfloat16})

    def encode(texts: Sequence[str]) -> np.ndarray:
        found = engine.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=True
        )
        return found.float().cpu().numpy()

    return encode, "bfloat16", ["sentence-transformers", "torch", "transformers"]


def fastembed(model: str, device: str, cache: Path) -> Engine:
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


def engine(name: str, model: str, device: str, cache: Path) -> Engine:
    if name == "fastembed":
        return fastembed(model, device, cache)
    export = {"export": True}
    bf16 = {"ov_config": {"INFERENCE_PRECISION_HINT": "bf16"}}
    return {
        "vctx": lambda: vctx_torch(model, device),
        "vctx from tokens": lambda: vctx_tokens(model, device),
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
