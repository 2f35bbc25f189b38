"""What each signal counts for: weights that ship, weights that a user trained, and the plain sum. Pure but
for reading the file.

    score = bias + the sum of weight * signal, for messages and for chunks of documents each

Trained, a score is the logit of how probably the page is needed, and a fault chooses by probability for its
tokens. The plain sum was set by hand, and chooses in order of rank.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from vctx.errors import InputError

FILE = Path(__file__).with_name("weights.json")
"""The default weights. What they were trained on stands in them."""

LEAST = 0.05
"""How probably a page is needed beside the best one, at least, to be worth its tokens."""

SIGNALS = (
    *("dense", "core", "near_dense", "near_core", "before_dense", "next_dense", "sitting_dense"),
    *("top_dense", "top_core", "top_near"),
    *("lexical", "near_lexical", "top_lexical", "cover", "near_cover", "sitting_cover", "pairs"),
    *("author", "mentions", "told"),
    *("within", "after", "happened", "lately"),
    *("answers", "replies", "asks", "questions", "acknowledges", "own", "length", "brief"),
    *("has_time", "has_number", "has_name"),
    *("title", "named", "hop", "linked"),
)
"""Every signal; see `vctx.signals`."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights for messages and for chunks; a signal without one counts nothing."""

    message: Mapping[str, float]
    chunk: Mapping[str, float]
    message_bias: float = 0.0
    chunk_bias: float = 0.0
    trained: bool = True
    """Whether a score is a logit; else it only ranks."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What they were trained on."""

    def floor(self, best: float) -> float:
        """The score below which a page is not worth its tokens beside one of score `best`."""
        if not self.trained:
            return 0.0
        least = LEAST / (1 + math.exp(-min(max(best, -30.0), 30.0)))
        return math.log(least / (1 - least))


PLAIN = Weights(
    message={
        "dense": 1.0,
        "lexical": 0.5,
        "near_dense": 1.0,
        "near_lexical": 0.5,
        "core": 1.0,
        "near_core": 1.0,
        "author": 1.0,
        "answers": 1.0,
        "asks": -1.0,
    },
    # As much together as those of a message, so that both may answer one question.
    chunk={"dense": 3.0, "lexical": 1.5},
    trained=False,
)
"""1 for meaning and for marks, a half for words: set by hand."""

VALUES = Weights(dict.fromkeys(SIGNALS, 1.0), dict.fromkeys(SIGNALS, 1.0), trained=False)
"""Each signal counts as it is: a hit then shows the values themselves. For training."""


def load(name: str | PathLike[str] | Weights | None) -> Weights:
    """The default weights (None), the plain sum ("plain"), or those of a file. Raises InputError."""
    if isinstance(name, Weights):
        return name
    if name == "plain":
        return PLAIN
    return _read(FILE if name is None else Path(name))


@cache
def _read(path: Path) -> Weights:
    try:
        data = json.loads(path.read_text("utf-8"))
        made = {
            kind: (_numbers(data[kind]["signals"]), float(data[kind]["bias"]))
            for kind in ("message", "chunk")
        }
    except OSError as error:
        raise InputError(f"cannot read the weights in {path}: {error}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} holds no weights: {error!r}; `vctx train-recall` writes such a file"
        ) from error
    if unknown := {name for numbers, _ in made.values() for name in numbers} - set(SIGNALS):
        raise InputError(f"{path} weighs signals that this vctx has not: {', '.join(sorted(unknown))}")
    (message, a), (chunk, b) = made["message"], made["chunk"]
    return Weights(message, chunk, a, b, bool(data.get("trained", True)), data.get("about", {}))


def dump(weights: Weights) -> str:
    """As the file holds them."""
    parts = {
        "about": dict(weights.about),
        "trained": weights.trained,
        "message": {"bias": round(weights.message_bias, 3), "signals": _rounded(weights.message)},
        "chunk": {"bias": round(weights.chunk_bias, 3), "signals": _rounded(weights.chunk)},
    }
    return json.dumps(parts, indent=2, ensure_ascii=False) + "\n"


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}
