"""What a trace's locality is: the miss-ratio curve of lru, the working set over time. Pure."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from vctx.eval.policies.simulate import simulate
from vctx.eval.policies.trace import Referred, Sent, Trace
from vctx.policies import named
from vctx.types import Prices


def distances(trace: Trace) -> list[float]:
    """Of each reference, the tokens of the distinct pages referenced since the last to it, itself included.

    The stack distances of Mattson et al. (1970), in tokens; infinite for a first reference.
    """
    stack: OrderedDict[int, int] = OrderedDict()
    found: list[float] = []
    for event in trace.events:
        if not isinstance(event, Referred):
            continue
        for hit in event.hits:
            found.append(_depth(stack, hit.page) if hit.page in stack else float("inf"))
            stack[hit.page] = hit.tokens
            stack.move_to_end(hit.page)
    return found


def _depth(stack: OrderedDict[int, int], page: int) -> float:
    depth = 0
    for other in reversed(stack):
        depth += stack[other]
        if other == page:
            break
    return float(depth)


def miss_ratios(trace: Trace, sizes: Sequence[int]) -> dict[int, float]:
    """The share of references that lru misses in a cache of each size in tokens, without flushes.

    One pass for all sizes (Mattson et al. 1970): a reference misses where its distance exceeds the size.
    """
    found = distances(trace)
    return {size: sum(d > size for d in found) / max(len(found), 1) for size in sizes}


def fault_ratios(
    trace: Trace, policy: str, windows: Sequence[int], prices: Prices | None = None
) -> dict[int, float]:
    """The share of references that fault under a policy in windows of each size: flushes included."""
    found = {}
    for window in windows:
        budget = replace(trace.setting.budget, window=window)
        run = simulate(trace, named(policy), prices, replace(trace.setting, budget=budget))
        found[window] = run.faults / max(run.references, 1)
    return found


def working_set(trace: Trace, tau: int) -> list[int]:
    """At each call, the tokens of the pages referenced within the last `tau` calls (Denning 1968)."""
    return list(_sizes(trace, tau))


def _sizes(trace: Trace, tau: int) -> Iterator[int]:
    last: dict[int, tuple[int, int]] = {}
    calls = 0
    for event in trace.events:
        if isinstance(event, Referred):
            last |= {hit.page: (calls, hit.tokens) for hit in event.hits}
        elif isinstance(event, Sent):
            last = {page: seen for page, seen in last.items() if seen[0] > calls - tau}
            yield sum(tokens for _, tokens in last.values())
            calls += 1
