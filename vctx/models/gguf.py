"""GGUF file -> transformers folder (config, tokenizer, chat template, weights). Imports torch."""

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from vctx.errors import InputError, MissingError
from vctx.models.noise import quiet

# How llama.cpp splits text for these vocabularies: every digit by itself, then as GPT-2 does
# (llama-vocab.cpp, LLAMA_VOCAB_PRE_TYPE_SMOLLM and its like). transformers reads no such hint and
# splits as GPT-2 alone, which cuts numbers and the spaces before them as the model never saw them.
DIGITS = frozenset({"smollm", "starcoder", "refact", "command-r", "codeshell"})
SPLIT_DIGITS = {
    "type": "Sequence",
    "pretokenizers": [
        {"type": "Digits", "individual_digits": True},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    ],
}


@quiet()
def convert(gguf: Path, target: Path, dtype: str) -> None:
    """Writes the transformers folder of `gguf` into the empty folder `target`, weights as `dtype`.

    Raises InputError where transformers cannot read the file, OSError where it cannot be written.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar that no setting turns off
        model, tokenizer = _load(gguf, dtype)
    # Loaded weights are unpacked, yet marked as quantised, and such a model refuses to be saved.
    model.hf_quantizer = None
    model.config.quantization_config = None
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    if _split(gguf) in DIGITS:
        _patch(target / "tokenizer.json")
    for file in target.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())


def _load(gguf: Path, dtype: str) -> tuple[Any, Any]:
    where, file = str(gguf.parent), gguf.name
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=file, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            where, gguf_file=file, dtype=getattr(torch, dtype), local_files_only=True
        )
    except ImportError as error:
        raise MissingError(f"a package is missing to read GGUF files: {error}") from error
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise InputError(f"transformers cannot read {gguf}: {error}") from error
    return model, tokenizer


def _split(gguf: Path) -> str:
    field = GGUFReader(gguf).fields.get("tokenizer.ggml.pre")
    return str(field.contents()) if field else ""


def _patch(file: Path) -> None:
    config = json.loads(file.read_text("utf-8"))
    config["pre_tokenizer"] = SPLIT_DIGITS
    file.write_text(json.dumps(config, ensure_ascii=False), "utf-8")
