"""What the engines embed: chat turns, chunks, mixed lengths, queries, and texts to compare vectors of.

The Python documentation and the docstrings of its standard library, so no data file is needed; chat turns
and questions from LoCoMo where its file is given.
"""

import ast
import json
import pydoc_data.topics
import random
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vctx.embed.native import Native

SETS = {"chat": "chat turns", "chunks": "256-token chunks", "mixed": "mixed lengths"}


@dataclass(frozen=True)
class Size:
    """How much is measured: texts of each set, rounds, queries, texts whose vectors are compared."""

    chat: int
    chunks: int
    mixed: int
    rounds: int
    queries: int
    compared: int
    streams: tuple[int, ...]


QUICK = Size(128, 16, 48, 3, 60, 500, (10_000,))
FULL = Size(256, 32, 96, 3, 200, 5000, (10_000, 100_000, 1_000_000))
CUDA = Size(20_000, 4_000, 8_000, 5, 200, 5000, (100_000, 1_000_000))
"""A GPU is through with the others before it is warm."""


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
    """Texts by name of their set, the same in every run."""
    chance = random.Random(0)
    docs = [text for text in docstrings() if text]
    said, questions = turns(locomo, docs)
    chunks = long_chunks(embedder, docs, chance)
    cut = [text[: chance.randrange(100, len(text))] for text in chunks]
    half = size.mixed // 2
    compared = some(said, min(len(said), size.compared // 2), chance) + docs + cut + chunks
    return {
        "chat": some(said, size.chat, chance),
        "chunks": some(chunks, size.chunks, chance),
        "mixed": some(said, half, chance) + some(cut, size.mixed - half, chance),
        "queries": some(questions, min(len(questions), size.queries), chance),
        "compared": compared[: size.compared],
        "words": sorted({word for text in docs for word in text.split() if word.isalpha()})[:50_000],
    }


def long_chunks(embedder: Native, docs: Sequence[str], chance: random.Random) -> list[str]:
    """All documentation, cut where the model's limit is; what is over 200 tokens long, in any order."""
    long = "\n\n".join([*pydoc_data.topics.topics.values(), *docs])
    whole = [long[start:stop] for start, stop in embedder.spans(long)]
    chance.shuffle(whole)
    return [text for text, count in zip(whole, embedder._tokens.count(whole), strict=True) if count > 200]


def some(texts: Sequence[str], count: int, chance: random.Random) -> list[str]:
    """So many of the texts; each once while they last."""
    whole, rest = divmod(count, len(texts))
    return [*texts] * whole + chance.sample(texts, rest)
