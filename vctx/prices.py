"""What a prompt costs: a provider's prices for tokens that its prefix cache serves and for those it does not.

The table is what the providers' own pages said in October 2026 (Anthropic: platform.claude.com, "Prompt
caching"; OpenAI: developers.openai.com, "Prompt caching"; DeepSeek: api-docs.deepseek.com, "Context
Caching"; Google: ai.google.dev, "Context caching"). Prices change: a JSON file, or a mapping, says others:

    {"base": "anthropic", "input": 5.0}
    {"input": 0.2, "read": 0.25, "minimum": 1024, "step": 128, "lifetime": 300, "output": 0.8}

Pure but for `load`, which reads such a file.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

from vctx.errors import InputError
from vctx.types import Prices

TABLE: Mapping[str, Prices] = {
    prices.name: prices
    for prices in (
        # $3 is Claude Sonnet's; the cache is asked for in the request, and each use prolongs it.
        Prices("anthropic", 3.0, read=0.1, write=1.25, minimum=1024, lifetime=300, output=15.0),
        Prices("anthropic-1h", 3.0, read=0.1, write=2.0, minimum=1024, lifetime=3600, output=15.0),
        # $5 is GPT-5.5's; caches are dropped after five to ten idle minutes: five are sure.
        Prices("openai", 5.0, read=0.1, minimum=1024, step=128, lifetime=300, output=30.0),
        # GPT-4o's generation: half the price.
        Prices("openai-4o", 2.5, read=0.5, minimum=1024, step=128, lifetime=300, output=10.0),
        # V4 Flash; kept on disk for hours, at least.
        Prices("deepseek", 0.14, read=0.02, minimum=64, step=64, lifetime=3600, output=0.28),
        # 2.5 Flash, implicit caching; how long it lasts is not said.
        Prices("gemini", 0.3, read=0.1, minimum=2048, lifetime=300, output=2.5),
        # Seconds of prefill at a thousand tokens a second; what the model has read stays in its KV cache.
        Prices("local", 1000.0, read=0.0, unit="s"),
        # Every token at one price, whatever stood before.
        Prices("none", 1.0, read=1.0),
    )
}
"""By name. Money is for a million tokens; of input, but for `output`."""

_CHECKS: Mapping[str, Callable[[float], bool]] = {
    "input": lambda value: value > 0,
    "read": lambda value: value >= 0,
    "write": lambda value: value > 0,
    "minimum": lambda value: value >= 0 and value == int(value),
    "step": lambda value: value >= 1 and value == int(value),
    "lifetime": lambda value: value >= 0,
    "output": lambda value: value >= 0,
}


def load(prices: str | PathLike[str] | Mapping[str, Any] | Prices | None) -> Prices | None:
    """Prices by name, from a JSON file, or from what such a file says; None stays None.

    Raises InputError.
    """
    if prices is None or isinstance(prices, Prices):
        return prices
    if isinstance(prices, Mapping):
        return parse(prices)
    if isinstance(prices, str) and prices in TABLE:
        return TABLE[prices]
    try:
        return parse(json.loads(Path(prices).read_text("utf-8")))
    except FileNotFoundError as error:
        raise InputError(
            f"no prices are called {str(prices)!r}, and there is no such file; there are: {', '.join(TABLE)}"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read prices from {prices}: {error}") from error


def parse(said: Any) -> Prices:
    """Prices as a mapping says them: those of its "base", where it names one, with its own instead."""
    if not isinstance(said, Mapping):
        raise InputError("prices are an object: input, read, write, minimum, step, lifetime, output")
    given = dict(said)
    base = given.pop("base", None)
    if base is not None and base not in TABLE:
        raise InputError(f"no prices are called {base!r}; there are: {', '.join(TABLE)}")
    if unknown := given.keys() - {field.name for field in fields(Prices)}:
        raise InputError(f"prices do not know {', '.join(sorted(map(str, unknown)))}")
    if base is None and not {"input", "read"} <= given.keys():
        raise InputError("prices need input and read, or a base whose prices they change")
    for name, sound in _CHECKS.items():
        value = given.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not sound(value):
            raise InputError(f"prices: {name} cannot be {value!r}")
    if "input" in given:
        given.setdefault("output", None)  # a base's own would belong to another input
    start = TABLE[base] if base is not None else Prices("own", 1.0, 1.0)
    return replace(start, **{"name": "own", **given})


def cached(prices: Prices, shared: int) -> int:
    """Tokens that a warm cache serves of a prompt whose first `shared` tokens are those of the one before."""
    return 0 if shared < prices.minimum else shared - shared % prices.step


def cost(prices: Prices, tokens: int, served: int) -> float:
    """What a prompt of so many tokens costs, of which the cache serves `served`.

    What is too short to be kept costs the plain price.
    """
    write = prices.write if tokens >= prices.minimum else 1.0
    return prices.input * (prices.read * served + write * (tokens - served)) / 1e6


def bill(prices: Prices, prompts: Iterable[tuple[int, int, float]]) -> float:
    """What prompts cost, one after the other.

    Of each: its tokens, how many of the first it shares with the one before it, and the seconds since
    that (infinity for the first).
    """
    return math.fsum(
        cost(prices, tokens, cached(prices, shared) if idle <= prices.lifetime else 0)
        for tokens, shared, idle in prompts
    )
