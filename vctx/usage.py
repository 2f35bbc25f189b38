"""What the calls of models took: tokens and cost, as a fold of the journal. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from vctx import prices as pricing
from vctx.types import Call, Entry, Prices, Reply, Usage

WHY: Mapping[str, Literal["summary", "gist"]] = {"fold": "summary", "gist": "gist"}
"""What a call was for, by the cause of its entry; else for a reply."""
UNNAMED = "no prices were named"


def cost(prices: Prices | None, prompt: int | None, cached: int | None, reply: int | None) -> float | None:
    """What one call costs, in the unit of the prices; None where these, or the tokens, are not known.

    What the provider does not report as cached was not.
    """
    if prices is None or prices.output is None or prompt is None or reply is None:
        return None
    return pricing.cost(prices, prompt, min(cached or 0, prompt)) + prices.output * reply / 1e6


def of(reply: Reply, prices: Prices | None) -> float | None:
    """What a reply has cost; see `cost`."""
    return cost(prices, reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens)


def usage(entries: Iterable[Entry], prices: Prices | None) -> Usage:
    """The calls that a journal tells of, on all branches, at these prices."""
    calls = tuple(_call(entry, prices) for entry in entries if "usage" in entry.outcome)
    return Usage(calls, prices.unit if prices else "$", _why(calls, prices))


def _call(entry: Entry, prices: Prices | None) -> Call:
    told: Mapping[str, Any] = entry.outcome["usage"]
    prompt, cached, reply = (told.get(name) for name in ("prompt", "cached", "reply"))
    return Call(
        entry.tick,
        entry.at,
        told.get("model", ""),
        WHY.get(entry.cause, "reply"),
        prompt,
        cached,
        reply,
        cost(prices, prompt, cached, reply),
        told.get("calls", 1),
    )


def _why(calls: Iterable[Call], prices: Prices | None) -> str:
    if prices is None:
        return UNNAMED
    if prices.output is None:
        return f"the prices {prices.name!r} do not say what a reply costs"
    unknown = sum(call.cost is None for call in calls)
    return f"of {unknown} calls the tokens were not reported" if unknown else ""
