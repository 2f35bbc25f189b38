"""95 % intervals by the percentile bootstrap over clusters (Efron and Tibshirani 1993, ch. 13).

Questions about one conversation are not independent, so conversations are resampled, not questions.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

ROUNDS = 2000


def bootstrap(clusters: Mapping[Hashable, Sequence[float]], *, seed: int = 0) -> tuple[float, float]:
    """The interval of the mean over all values, whole clusters resampled with replacement."""
    sums = np.array([sum(values) for values in clusters.values()])
    sizes = np.array([len(values) for values in clusters.values()])
    drawn = np.random.default_rng(seed).integers(0, len(sums), size=(ROUNDS, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
