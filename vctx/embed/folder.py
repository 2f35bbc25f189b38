"""What a sentence-transformers folder says of itself: JSON in, a Recipe out. No weights, no torch."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vctx.errors import InputError, MissingError

Pooling = Literal["mean", "cls"]
Dtype = Literal["bfloat16", "float32"]
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Recipe:
    """A BERT encoder that the native path computes. Lengths in tokens."""

    encoder: Path
    """The folder of config.json, tokenizer.json and model.safetensors."""
    dim: int
    limit: int
    layers: int
    heads: int
    epsilon: float
    pooling: Pooling


@dataclass(frozen=True, slots=True)
class Foreign:
    """A model that sentence-transformers has to run."""

    why: str


def read(path: Path) -> Recipe | Foreign:
    """Reads the folder's JSON files.

    Raises MissingError where a file of the folder is not there, InputError where one cannot be read.
    """
    modules = _modules(path / "modules.json")
    kinds = [kind for kind, _ in modules]
    # Every vector is scaled to unit length, so a Normalize module changes nothing.
    if [kind for kind in kinds if kind != "Normalize"] != ["Transformer", "Pooling"]:
        return Foreign(f"its modules are {', '.join(kinds)}")
    encoder, pooling = (path / place for kind, place in modules if kind != "Normalize")
    config = _json(encoder / "config.json")
    mode = _pooling(_json(pooling / "config.json"))
    limits = _optional(encoder / "sentence_bert_config.json")
    why = _foreign(encoder, config, limits, _optional(path / "config_sentence_transformers.json"), mode)
    return Foreign(why) if why else _recipe(encoder, config, limits, mode)


def fingerprint(path: Path, recipe: Recipe | Foreign) -> str:
    """Twelve hex digits of what decides the vectors: the weights and how they are used.

    Of each weight file the size and three MiB (header, middle, end) are hashed: milliseconds where the
    whole would take a good part of a second. config.json and tokenizer.json stay out: every release of
    transformers writes them anew, and a copy from the hub has to be the same model as an installed one.
    """
    sha = hashlib.sha256()
    files = sorted((*path.rglob("*.safetensors"), *path.rglob("*.bin")))
    if isinstance(recipe, Recipe):
        sha.update(f"{recipe.pooling} {recipe.limit} {recipe.layers} {recipe.heads}".encode())
        files = [recipe.encoder / "model.safetensors"]
    for file in files:
        _sample(file, sha.update)
    return sha.hexdigest()[:12]


def _recipe(encoder: Path, config: Mapping[str, Any], limits: Mapping[str, Any], mode: str) -> Recipe:
    try:
        return Recipe(
            encoder=encoder,
            dim=config["hidden_size"],
            limit=_limit(encoder, config, limits),
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            epsilon=config.get("layer_norm_eps", 1e-12),
            pooling="cls" if mode == "cls" else "mean",
        )
    except KeyError as error:
        raise InputError(f"{encoder / 'config.json'} has no {error}: the model is not whole") from error


def _limit(encoder: Path, config: Mapping[str, Any], limits: Mapping[str, Any]) -> int:
    positions = int(config["max_position_embeddings"])
    asked = limits.get("max_seq_length") or _optional(encoder / "tokenizer_config.json").get(
        "model_max_length"
    )
    return min(int(asked or positions), positions)


def _pooling(config: Mapping[str, Any]) -> str:
    """The mode in either spelling: `pooling_mode`, or the older flags `pooling_mode_*`."""
    flags = [
        key.removeprefix("pooling_mode_")
        for key, on in config.items()
        if key.startswith("pooling_mode_") and on
    ]
    mode = config.get("pooling_mode") or "+".join(flags) or "mean"
    return {"mean_tokens": "mean", "cls_token": "cls"}.get(str(mode), str(mode))


def _foreign(
    encoder: Path, config: Mapping[str, Any], limits: Mapping[str, Any], root: Mapping[str, Any], mode: str
) -> str:
    """Why sentence-transformers has to run the model; "" where the native path does."""
    checks = {
        f"its architecture is {config.get('model_type')}, not bert": config.get("model_type") != "bert",
        f"its activation is {config.get('hidden_act')}, not gelu": config.get("hidden_act") != "gelu",
        "its positions are not absolute": config.get("position_embedding_type", "absolute") != "absolute",
        "it is a decoder": bool(config.get("is_decoder")),
        f"its pooling is {mode}, not mean or cls": mode not in ("mean", "cls"),
        "it lowercases outside its tokenizer": bool(limits.get("do_lower_case")),
        "it puts a prompt before each text": root.get("default_prompt_name") is not None,
        "it has no tokenizer.json": not (encoder / "tokenizer.json").is_file(),
        "its weights are no model.safetensors": not _whole(encoder),
    }
    return next((why for why, holds in checks.items() if holds), "")


def _whole(encoder: Path) -> bool:
    """Whether the weights are one safetensors file; raises MissingError where there are none at all."""
    if (encoder / "model.safetensors").is_file():
        return True
    if not any(file for kind in ("*.safetensors", "*.bin") for file in encoder.glob(kind)):
        raise MissingError(
            f"{encoder} has no weights: looked for model.safetensors; copy the model's folder again"
        )
    return False


def _modules(path: Path) -> list[tuple[str, str]]:
    """Kind and folder of each module, in order."""
    try:
        return [(module["type"].rpartition(".")[2], module["path"]) for module in _json(path)]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is no list of modules with a type and a path each") from error


def _optional(path: Path) -> dict[str, Any]:
    return dict(_json(path)) if path.is_file() else {}


def _json(path: Path) -> Any:
    if not path.is_file():
        raise MissingError(f"{path.parent} is no sentence-transformers model: looked for {path.name} in it")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}; copy the model's folder again") from error


def _sample(file: Path, update: Callable[[bytes], None]) -> None:
    size = file.stat().st_size
    update(size.to_bytes(8, "little"))
    with file.open("rb") as stream:
        for offset in sorted({0, size // 2, max(0, size - MIB)}):
            stream.seek(offset)
            update(stream.read(MIB))
