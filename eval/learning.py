"""A logistic model that stays near a prior, by numpy and scipy.

The prior is a Gaussian around given weights: what the data says little about stays as it was. The scale of
weights that only rank is fitted first, with the bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

import vctx

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One question's candidates: their signals, and which were needed."""

    group: str
    """What is kept together in cross-validation: the conversation, the archive."""
    signals: Array
    """(candidates, signals)"""
    gold: NDArray[np.bool_]
    chunk: NDArray[np.bool_]
    """Whether each candidate is a document's chunk."""
    weight: Array | None = None
    """How much each candidate counts; None: as much as any."""


@dataclass(frozen=True, slots=True)
class Model:
    """Weights in order of the signals, and a bias."""

    weights: Array
    bias: float


def fit(rows: Sequence[Labelled], prior: Array, strength: float, *, scaled: bool) -> Model:
    """The most probable weights under a Gaussian prior of precision `strength` around `prior`.

    With `scaled`, around the multiple of it that fits best. The bias is free.
    """
    signals = np.concatenate([row.signals for row in rows])
    gold = np.concatenate([row.gold for row in rows]).astype(float)
    weight = np.concatenate([np.ones(len(r.gold)) if r.weight is None else r.weight for r in rows])
    if scaled:
        along = (signals @ prior)[:, None]
        prior = prior * _minimum(along, gold, weight, np.zeros(1), 0.0).weights[0]
    return _minimum(signals, gold, weight, prior, strength)


def _minimum(signals: Array, gold: Array, weight: Array, prior: Array, strength: float) -> Model:
    """Of the negative log posterior: weighted log loss and the distance from the prior."""

    def loss(theta: Array) -> tuple[float, Array]:
        logits = signals @ theta[:-1] + theta[-1]
        off = theta[:-1] - prior
        errors = weight * (expit(logits) - gold)
        value = float(weight @ (np.logaddexp(0.0, logits) - gold * logits)) + strength * float(off @ off) / 2
        slope = np.append(signals.T @ errors + strength * off, errors.sum())
        return value / gold.sum(), slope / gold.sum()

    found = minimize(loss, np.append(prior, -5.0), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return Model(found.x[:-1], float(found.x[-1]))


def signals_of(hits: Sequence[vctx.Hit], names: Sequence[str]) -> Array:
    """The values that hits show, a row for each hit."""
    return np.array([[hit.signals[name] for name in names] for hit in hits]).reshape(len(hits), len(names))
