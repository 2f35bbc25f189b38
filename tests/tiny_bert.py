"""A two-layer BERT of width 32 with random weights, made on the spot, and texts to embed with it."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

ODD = [
    "",
    " \n\t ",
    "a\x00b",
    "\x00",
    "🙂 and 👩‍👩‍👧 and 🏳️‍🌈",
    "日本語のテキスト。中文也可以。",
    "한국어 문장입니다",
    "İstanbul, naïve café, Straße, ΌΔΟΣ",
    "e\u0301 combining",
    "[CLS] a literal [SEP] and [MASK] mark",
    "https://example.org/a?b=c&d=%20#e",
    "x" * 99,
    "x" * 101,
    "\u200b\u202eabc\ufffd",
    "word " * 400,
    "日本" * 400,
]
WORDS = [
    "the",
    "a",
    "page",
    "memory",
    "Window",
    "tokeniser",
    "U.S.",
    "3.14",
    "don't",
    "café",
    "antidisestablish",
    "π",
]


def texts(count: int, longest: int) -> list[str]:
    """Seeded texts of 1 to `longest` words, short ones more often, as in chats."""
    chance = random.Random(7)
    lengths = (1 + int(longest * chance.random() ** 3) for _ in range(count))
    return [" ".join(chance.choices(WORDS, k=length)) for length in lengths]


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.asarray((left * right).sum(axis=1))


def make_tokenizer() -> Tokenizer:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    syllable = ["\u1112", "\u1161", "\u11ab"]  # the three letters of 한
    pieces = [
        "page",
        "memory",
        "the",
        *letters,
        *syllable,
        *(f"##{letter}" for letter in (*letters, *syllable)),
    ]
    vocab = {piece: number for number, piece in enumerate([*special, *pieces])}
    tokenizer = Tokenizer(WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(special)
    # As in the packaged file: a truncation and a padding that must both be undone.
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer


CONFIG = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}


def make_weights(vocabulary: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (vocabulary, 32),
        "embeddings.position_embeddings.weight": (64, 32),
        "embeddings.token_type_embeddings.weight": (2, 32),
        "embeddings.LayerNorm.weight": (32,),
    }
    for layer in ("encoder.layer.0", "encoder.layer.1"):
        for name in ("query", "key", "value"):
            shapes[f"{layer}.attention.self.{name}.weight"] = (32, 32)
        shapes[f"{layer}.attention.output.dense.weight"] = (32, 32)
        shapes[f"{layer}.attention.output.LayerNorm.weight"] = (32,)
        shapes[f"{layer}.intermediate.dense.weight"] = (64, 32)
        shapes[f"{layer}.output.dense.weight"] = (32, 64)
        shapes[f"{layer}.output.LayerNorm.weight"] = (32,)
    weights = {name: torch.randn(shape) * 0.3 for name, shape in shapes.items()}
    biased = [name for name in weights if not name.endswith("embeddings.weight")]
    biases = {
        f"{name.removesuffix('weight')}bias": torch.randn(weights[name].shape[0]) * 0.3 for name in biased
    }
    return weights | biases


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def make_model(path: Path) -> Path:
    """The folder of the made model; limit 32 tokens, mean pooling."""
    types = ("Transformer", "Pooling", "Normalize")
    modules = [
        {
            "idx": at,
            "name": str(at),
            "path": f"{at}_{kind}" if at else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for at, kind in enumerate(types)
    ]
    write(path / "modules.json", modules)
    write(path / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})
    write(
        path / "1_Pooling" / "config.json", {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    )
    tokenizer = make_tokenizer()
    write(path / "config.json", CONFIG | {"vocab_size": tokenizer.get_vocab_size()})
    tokenizer.save(str(path / "tokenizer.json"))
    save_file(make_weights(tokenizer.get_vocab_size()), path / "model.safetensors")
    return path
