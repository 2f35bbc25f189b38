"""Learns recall's weights from labelled questions: a logistic model that stays near a prior. Numpy and scipy.

    labelled rows -> signals of each candidate -> maximum a posteriori weights -> a file of weights

Every question counts the same, however many candidates it has. The prior is a Gaussian around given weights
(by default none): what the data says little about stays as it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

import vctx

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One question's candidates: their signals, which were needed, and how many needed ones were missed."""

    group: str
    """What is kept together in cross-validation: the conversation."""
    signals: Array
    """(candidates, signals)"""
    gold: NDArray[np.bool_]
    chunk: NDArray[np.bool_]
    """Whether each candidate is a document's chunk."""


@dataclass(frozen=True, slots=True)
class Model:
    """Weights in order of the signals, and a bias."""

    weights: Array
    bias: float


def fit(rows: Sequence[Labelled], prior: Array, strength: float, *, chunk: bool) -> Model:
    """The most probable weights under a Gaussian prior of precision `strength` around `prior`.

    Weighted so that every question counts one; the bias is free.
    """
    signals, gold, weight = _stacked(rows, chunk)
    n = len({id(row) for row in rows})

    def loss(theta: Array) -> tuple[float, Array]:
        logits = signals @ theta[:-1] + theta[-1]
        errors = expit(logits) - gold
        off = theta[:-1] - prior
        value = float(weight @ (np.logaddexp(0.0, logits) - gold * logits)) + 0.5 * strength * float(
            off @ off
        )
        slope = np.append(signals.T @ (weight * errors) + strength * off, weight @ errors)
        return value / n, slope / n

    start = np.append(prior, -3.0)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return Model(found.x[:-1], float(found.x[-1]))


def _stacked(rows: Sequence[Labelled], chunk: bool) -> tuple[Array, Array, Array]:
    parts = [(row, row.chunk == chunk) for row in rows]
    signals = np.concatenate([row.signals[mask] for row, mask in parts])
    gold = np.concatenate([row.gold[mask] for row, mask in parts]).astype(float)
    weight = np.concatenate([np.ones(int(mask.sum())) for row, mask in parts])
    return signals, gold, weight


def signals_of(hits: Sequence[vctx.Hit], names: Sequence[str]) -> Array:
    """The values that hits show, a row for each hit."""
    return np.array([[hit.signals[name] for name in names] for hit in hits]).reshape(len(hits), len(names))


def folds(rows: Sequence[Labelled]) -> Iterator[tuple[list[Labelled], list[Labelled]]]:
    """(the others, one group) for each group in turn."""
    for group in dict.fromkeys(row.group for row in rows):
        yield [r for r in rows if r.group != group], [r for r in rows if r.group == group]


def means(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The mean of each list."""
    return {name: float(np.mean(found)) for name, found in values.items()}
