"""Sums: what stands on disk, what paging has done, and what the calls of models took. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vctx import journal
from vctx.cli.show import cost, laid
from vctx.prices import TABLE
from vctx.thrash import thrash
from vctx.types import Entry, Plan, Stats, Usage
from vctx.usage import UNNAMED

HEAD = ("calls of a model", "calls", "sent", "cached", "replied", "cost")
WHY = {"reply": "replies", "summary": "summaries", "gist": "gists"}


def counts(stats: Stats, kinds: Mapping[str, int], entries: Sequence[Entry]) -> dict[str, Any]:
    """What stands on disk, and what the journal says that paging did."""
    recalls = [entry for entry in entries if entry.cause == "recall"]
    lately = thrash(entries, journal.current(entries))
    faults = sum(frame.fault for entry in recalls for frame in entry.plan.load)
    return {
        "documents": len(stats.documents),
        "messages": kinds.get("message", 0),
        "pages": stats.pages,
        "characters": stats.characters,
        "waiting for their embedding": stats.pending,
        "decisions": len(entries),
        "references": sum(len(entry.plan.touch) for entry in recalls) + faults,
        "faults": faults,
        "evictions": sum(_left(entry.plan) for entry in entries),
        "digests": sum(entry.cause == "fold" for entry in entries),
        "faults that came back soon": lately.again,
    }


def _left(plan: Plan) -> int:
    """Frames that left, and do not stand in another form."""
    return len(set(plan.evict).difference([frame.slot for frame in plan.load]))


def spent(usage: Usage) -> dict[str, Any]:
    """Tokens and cost of the calls, by model and by what they were for."""
    rows = [{"model": model, "for": why, **_row(part)} for (model, why), part in _parts(usage).items()]
    return {"by": rows, **_row(usage), "unit": usage.unit, "why": usage.why}


def table(counts: Mapping[str, int], usage: Usage) -> str:
    """Both for people; what was spent only where a model was called."""
    lines = [f"{name:<28}{value:>12,}" for name, value in counts.items()]
    return "\n".join(lines + (["", *_spent(usage)] if usage.calls else []))


def _parts(usage: Usage) -> dict[tuple[str, str], Usage]:
    """The calls of each model, those for replies and those for summaries apart."""
    kinds = dict.fromkeys((call.model, call.why) for call in usage.calls)
    return {
        kind: replace(usage, calls=tuple(call for call in usage.calls if (call.model, call.why) == kind))
        for kind in kinds
    }


def _row(usage: Usage) -> dict[str, Any]:
    return {
        "calls": usage.times,
        "prompt": usage.prompt,
        "cached": usage.cached,
        "reply": usage.reply,
        "cost": usage.cost,
    }


def _spent(usage: Usage) -> list[str]:
    parts = _parts(usage)
    rows = [_line(f"{model or 'a model'}, {WHY[why]}", part) for (model, why), part in parts.items()]
    total = [_line("all", usage)] if len(parts) > 1 else []
    return [*laid([HEAD, *rows, *total]), *_unknown(usage)]


def _line(name: str, usage: Usage) -> tuple[str, ...]:
    price = "-" if usage.cost is None else cost(usage.cost, usage.unit)
    return (name, *(f"{n:,}" for n in (usage.times, usage.prompt, usage.cached, usage.reply)), price)


def _unknown(usage: Usage) -> list[str]:
    if not usage.why:
        return []
    advice = f"; --prices names them: {', '.join(TABLE)}, or a JSON file" if usage.why == UNNAMED else ""
    return ["", f"what it cost is not known: {usage.why}{advice}"]
