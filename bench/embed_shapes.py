"""Models of a known shape with random weights: speed does not depend on what the weights are."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from vctx.embed.load import find

SHAPES = {"bge-base": (768, 12, 12), "bge-small": (384, 12, 12), "bge-large": (1024, 24, 16)}
"""Dimension, layers and heads; the feed-forward part is four times as wide."""

SMALL = "all-MiniLM-L6-v2"
"""Whose tokenizer and files a made model takes: its vocabulary, BERT's, is theirs too."""


def make(name: str, place: Path) -> Path:
    """The folder of a model of that shape, 256 tokens at most."""
    dim, layers, heads = SHAPES[name]
    path = place / name
    shutil.copytree(find(SMALL), path, ignore=shutil.ignore_patterns("*.safetensors"))
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_size": dim, "intermediate_size": 4 * dim, "num_hidden_layers": layers}
    config |= {"num_attention_heads": heads}
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    pooling = {"word_embedding_dimension": dim, "pooling_mode_mean_tokens": True}
    (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    save_file(weights(dim, layers, config["vocab_size"]), path / "model.safetensors", {"format": "pt"})
    return path


def weights(dim: int, layers: int, words: int) -> dict[str, torch.Tensor]:
    """As BERT is initialised: matrices with a deviation of 0.02, biases 0, norms 1."""
    torch.manual_seed(0)
    tables = {"word": words, "position": 512, "token_type": 2}
    shapes = {f"embeddings.{name}_embeddings": (rows, dim) for name, rows in tables.items()}
    norms = ["embeddings.LayerNorm"]
    for at in (f"encoder.layer.{number}" for number in range(layers)):
        shapes |= {f"{at}.attention.self.{name}": (dim, dim) for name in ("query", "key", "value")}
        shapes |= {f"{at}.attention.output.dense": (dim, dim)}
        shapes |= {f"{at}.intermediate.dense": (4 * dim, dim), f"{at}.output.dense": (dim, 4 * dim)}
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    made = {f"{name}.weight": torch.randn(shape) * 0.02 for name, shape in shapes.items()}
    made |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in shapes.items() if "encoder" in name}
    made |= {f"{name}.weight": torch.ones(dim) for name in norms}
    return made | {f"{name}.bias": torch.zeros(dim) for name in norms}
