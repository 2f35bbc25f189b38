"""`vctx replay`: a session's journal under other policies: the same requests, other faults, another bill."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from vctx.cli.session import Session, existing, file_options
from vctx.cli.show import laid
from vctx.policies import POLICIES
from vctx.prices import TABLE
from vctx.types import Prices

if TYPE_CHECKING:
    from vctx.eval.policies.trace import Setting, Trace

HEAD = ("policy", "faults", "tokens", "came back soon", "flushes", "read", "written", "bill")


@click.command()
@click.option(
    "--policy",
    "policies",
    type=click.Choice(sorted(POLICIES)),
    multiple=True,
    help="May be given several times (default: all).",
)
@click.option(
    "--prices",
    envvar="VCTX_PRICES",
    default="anthropic",
    show_default=True,
    help=f"Of a prompt's tokens: {', '.join(TABLE)}, or a JSON file.",
)
@click.option("--window", type=click.IntRange(min=64), help="Another window, in tokens.")
@click.option("--fault", type=click.FloatRange(0, 1, min_open=True), help="Another share for one fault.")
@click.option("--low", type=click.FloatRange(0, 1), help="Another low mark, as a share of the room.")
@file_options
@existing
def replay(session: Session, policies: tuple[str, ...], fault: float | None, low: float | None) -> None:
    """Compare policies on what a session asked: faults and cost.

    The requests are the recorded ones; nothing is changed, and no model is loaded. First stands the policy
    that decided; "came back soon" are faults on pages that had left within the 8 calls before.

    \b
      vctx replay --db alice.db
      vctx replay --db alice.db --policy priced --prices openai
      vctx replay --db alice.db --policy lru --window 8192
    """
    from vctx.eval.policies.record import recorded
    from vctx.prices import load

    with session.disk() as disk:
        trace = recorded(disk.entries(), session.db)
    prices = load(session.prices)
    assert prices is not None
    rows = [_row(trace, trace.policy, prices, None)]
    other = _setting(trace.setting, {"window": session.window, "fault": fault, "low": low})
    asked = policies or tuple(sorted(POLICIES))
    rows += [_row(trace, name, prices, other) for name in asked if other or name != trace.policy]
    session.emit({"recorded": trace.policy, "prices": prices.name, "runs": rows}, _table(rows, prices))


def _setting(setting: "Setting", given: dict[str, Any]) -> "Setting | None":
    changed = {name: value for name, value in given.items() if value is not None}
    budget = replace(setting.budget, **changed)
    if budget.room < 2 * (setting.fixed + setting.cap):
        raise click.UsageError(f"a window of {budget.window} tokens leaves no room beside what stands first")
    return replace(setting, budget=budget) if changed else None


def _row(trace: "Trace", name: str, prices: Prices, setting: "Setting | None") -> dict[str, Any]:
    from vctx.eval.policies.costs import billed
    from vctx.eval.policies.simulate import simulate
    from vctx.policies import named

    run = simulate(trace, named(name), prices, setting)
    cost = billed(run, prices)
    return {
        "policy": name,
        "faults": run.faults,
        "tokens": run.fault_tokens,
        "came back soon": run.thrashed,
        "flushes": run.flushes,
        "read": cost.served,
        "written": cost.anew,
        "bill": cost.money,
    }


def _table(runs: list[dict[str, Any]], prices: Prices) -> str:
    """One line for each run; the bill with its difference from the first."""
    first = runs[0]["bill"]
    lines: list[tuple[str, ...]] = [HEAD]
    for n, row in enumerate(runs):
        difference = f" ({row['bill'] / first - 1:+.1%})" if n and first else ""
        figures = (f"{row[name]:,}" for name in HEAD[1:-1])
        lines.append((row["policy"], *figures, f"{row['bill']:.4g} {prices.unit}{difference}"))
    return "\n".join(laid(lines, left=(0, len(HEAD) - 1)))
