"""Bayesian linear regression of tokens on what a text is made of. Pure, standard library only.

The Kalman filter for a constant state (Kalman 1960), with a little drift, so that what was learnt long ago
weighs less. A feature that no reply has shown yet keeps its wide prior, and so a wide bound.
"""

import math

from vctx.models.features import FEATURES, Features

Z = 3.5
"""Standard deviations from the mean to a bound: one in 4,000, if the noise were normal."""
DRIFT = 0.002
"""Of the prior's variance, what a rate may move between two replies."""
SURPRISE, OUTLIER = 0.1, 25.0
"""Weight of the newest reply in what noise is expected; squared deviations that it counts as at most."""

_EVERY = range(len(FEATURES))


class Regression:
    """Rates in tokens for each feature, and how sure they are."""

    def __init__(self) -> None:
        self._mean = [float(feature.mean) for feature in FEATURES]
        self._cov = [[f.deviation**2 if i == j else 0.0 for j in _EVERY] for i, f in enumerate(FEATURES)]
        self._surprise = 1.0

    def mean(self, x: Features) -> float:
        """Tokens to be expected."""
        return sum(rate * n for rate, n in zip(self._mean, x, strict=True) if n)

    def above(self, x: Features, z: float = Z) -> float:
        """Tokens that are hardly ever exceeded; by `z` standard deviations from the mean."""
        return max(self.mean(x), floor(x)) + z * math.sqrt(self._variance(x) + self._noise(x))

    def below(self, x: Features) -> float:
        """Tokens that are hardly ever undercut; may be negative."""
        return self.mean(x) - Z * math.sqrt(self._variance(x) + self._noise(x))

    def learn(self, x: Features, tokens: int) -> None:
        """Moves the rates towards what a reply has counted."""
        gain = [sum(row[j] * n for j, n in enumerate(x) if n) for row in self._cov]
        noise = sum(g * n for g, n in zip(gain, x, strict=True)) + self._noise(x)
        error = tokens - self.mean(x)
        deviation = min(error * error / noise, OUTLIER)
        self._surprise = max(1.0, self._surprise * (1 - SURPRISE + SURPRISE * deviation))
        for i, feature in enumerate(FEATURES):
            share = gain[i] / noise
            self._mean[i] += share * error
            self._cov[i] = [old - share * g for old, g in zip(self._cov[i], gain, strict=True)]
            self._cov[i][i] += DRIFT * feature.deviation**2

    def _variance(self, x: Features) -> float:
        """Of the mean: what is not known of the rates."""
        at = [i for i in _EVERY if x[i]]
        return sum(x[i] * x[j] * self._cov[i][j] for i in at for j in at)

    def _noise(self, x: Features) -> float:
        """Of a text about its mean: texts of one kind differ, and tokens are whole."""
        costs = [max(m, f.floor) * n for m, f, n in zip(self._mean, FEATURES, x, strict=True)]
        spread = sum((f.spread * cost) ** 2 for f, cost in zip(FEATURES, costs, strict=True))
        return self._surprise * spread + sum(costs)


def floor(x: Features) -> float:
    """Tokens that the best tokenizers make of it."""
    return sum(feature.floor * n for feature, n in zip(FEATURES, x, strict=True))
