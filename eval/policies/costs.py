"""What a run costs: tokens that the cache serves and that it does not, at a provider's prices. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from vctx.eval.policies.runs import Run
from vctx.prices import bill, cached
from vctx.types import Prices


@dataclass(frozen=True, slots=True)
class Bill:
    """What all prompts of a run cost."""

    money: float
    """In the prices' unit."""
    served: int
    """Tokens that the prefix cache served."""
    anew: int
    """Tokens that it did not."""


def billed(run: Run, prices: Prices, start: int = 0, stop: int | None = None) -> Bill:
    """The bill of a run, or of its calls from `start` up to `stop`."""
    prompts = list(_prompts(run))[start:stop]
    served = sum(cached(prices, same) for _, same, idle in prompts if idle <= prices.lifetime)
    return Bill(bill(prices, prompts), served, sum(tokens for tokens, _, _ in prompts) - served)


def money(units: float, prices: Prices) -> float:
    """Tokens at the plain price, in the prices' unit."""
    return units * prices.input / 1e6


def _prompts(run: Run) -> Iterator[tuple[int, int, float]]:
    """Of each prompt its tokens, what it shares with the one before, and the seconds since."""
    last = -math.inf
    for prompt in run.prompts:
        yield prompt.tokens, prompt.same, prompt.at - last
        last = prompt.at
