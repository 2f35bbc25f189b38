"""95 % intervals: by Wilson's score for shares of independent trials (Wilson 1927), else by bootstrap.

The percentile bootstrap (Efron and Tibshirani 1993, ch. 13) resamples clusters: questions about one
conversation are not independent, so conversations are resampled.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

ROUNDS = 2000
Z = 1.959964
"""The 97.5 % point of the normal distribution."""


def bootstrap(clusters: Mapping[Any, Sequence[float]], *, seed: int = 0) -> tuple[float, float]:
    """The interval of the mean over all values, whole clusters resampled with replacement."""
    sums = np.array([sum(values) for values in clusters.values()])
    sizes = np.array([len(values) for values in clusters.values()])
    drawn = np.random.default_rng(seed).integers(0, len(sums), size=(ROUNDS, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The score interval of a share; trials must not be 0."""
    share = successes / trials
    scale = 1 + Z**2 / trials
    centre = (share + Z**2 / (2 * trials)) / scale
    half = Z * math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)
