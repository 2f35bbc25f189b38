"""`vctx eval policies`: what every policy costs, beside the optimum and what needs no paging."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vctx.boot import EMBEDDER
from vctx.cli.session import progress
from vctx.prices import TABLE

if TYPE_CHECKING:
    from vctx.eval.policies.laboratory import Result
    from vctx.eval.policies.trace import Trace
    from vctx.eval.talk import Conversation

FILE = click.Path(exists=True, dir_okay=False)
SYSTEM = "You are a friend who remembers what was said."


@click.command()
@click.argument("traces", nargs=-1, type=FILE)
@click.option("--data", type=FILE, help="LoCoMo's JSON: its chats, each with its questions on the way.")
@click.option("--made", type=click.IntRange(min=1), help="So many made chats instead.")
@click.option(
    "--window",
    "windows",
    multiple=True,
    type=click.IntRange(min=512),
    default=(4096, 8192),
    show_default=True,
    help="Of the chats, in tokens; may be repeated.",
)
@click.option(
    "--prices",
    "providers",
    multiple=True,
    default=("anthropic", "openai"),
    show_default=True,
    help=f"{', '.join(TABLE)}, or a JSON file; may be repeated.",
)
@click.option(
    "--sittings",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Of each chat, spread evenly, for which the optimum is bounded (seconds each); 0 for none.",
)
@click.option("--embedder", default=EMBEDDER, show_default=True, help="Of the recalls; or 'hashing'.")
@click.option("--tokenizer", default="o200k_base", show_default=True, help="Whose tokens are counted.")
@click.option("--out", type=click.Path(file_okay=False), help="Keep traces, figures and pictures here.")
@click.option(
    "--record", type=(FILE, click.Path(dir_okay=False)), help="Only write the trace of a session: DB TRACE."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def policies(
    traces: tuple[str, ...],
    data: str | None,
    made: int | None,
    windows: tuple[int, ...],
    providers: tuple[str, ...],
    sittings: int,
    embedder: str,
    tokenizer: str,
    out: str | None,
    record: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """What every paging policy costs, faults and flushes included, beside the least that anybody could pay.

    On traces (JSON Lines, from `--record` or `--out`), on chats with real recalls (--data, --made), or on
    made reference strings: zipf, loop, scan, phases. Intervals are of 95 %, paired with `priced`.

    \b
      vctx eval policies
      vctx eval policies --data locomo10.json --out runs/policies
      vctx eval policies --record alice.db alice.jsonl
      vctx eval policies alice.jsonl --prices openai
    """
    from vctx.eval.policies import laboratory, pictures
    from vctx.prices import load

    if record:
        _record(*record)
        return
    folder = Path(out) if out else None
    chosen = [prices for name in providers if (prices := load(name))]
    found: list[Result] = []
    played: list[Trace] = []
    bounds = laboratory.Bounds(sittings, folder) if sittings else None
    for trace in _traces(traces, data, made, windows, embedder, tokenizer, folder):
        played.append(trace)
        with progress(f"{trace.name}, {trace.setting.budget.window:,}", len(chosen)) as advance:
            for prices in chosen:
                found += laboratory.results(trace, prices, bounds)
                advance(1)
    rows = laboratory.rows(found)
    figures = {"rows": laboratory.data(rows), "references_per_cpu_second": laboratory.speed(found)}
    if folder:
        pictures.write(rows, played, folder)
        (folder / "policies.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    click.echo(json.dumps(figures) if as_json else laboratory.table(rows))
    if not as_json:
        slowest = min(laboratory.speed(found).values())
        click.echo(f"\nsimulated at {slowest:,.0f} references a second of CPU time, or more")


def _record(session: str, file: str) -> None:
    from vctx.boot import disk
    from vctx.eval.policies.record import recorded
    from vctx.eval.policies.trace import write

    with closing(disk(session)) as opened:
        trace = recorded(opened.entries(), Path(session).stem)
    write(trace, Path(file))
    click.echo(f"{file}: {len(trace.events):,} events, {trace.references:,} references")


def _traces(
    files: Sequence[str],
    data: str | None,
    made: int | None,
    windows: Sequence[int],
    embedder: str,
    tokenizer: str,
    folder: Path | None,
) -> "Iterator[Trace]":
    from vctx.eval import chats, locomo
    from vctx.eval.policies import synthetic
    from vctx.eval.policies.trace import read

    yield from (read(Path(file)) for file in files)
    conversations: list[Conversation] = locomo.load(Path(data)) if data else []
    conversations += chats.made(range(made or 0))
    for window in windows:
        for conversation in conversations:
            yield _chatted(conversation, window, embedder, tokenizer, folder)
    if not files and not conversations:
        yield from map(synthetic.made, synthetic.SHAPES)


def _chatted(
    conversation: "Conversation", window: int, embedder: str, tokenizer: str, folder: Path | None
) -> "Trace":
    """The trace of a chat; one that is in the folder already is read from there."""
    from vctx.eval.policies.record import played
    from vctx.eval.policies.trace import read, write
    from vctx.fakes import HashingEmbedder

    file = folder / f"{conversation.name}-{window}.jsonl" if folder else None
    if file and file.exists():
        return read(file)
    vectors = HashingEmbedder() if embedder == "hashing" else embedder
    with progress(f"chat {conversation.name}, {window:,}", len(conversation.turns)) as advance:
        made = played(
            conversation, advance, window=window, embedder=vectors, tokenizer=tokenizer, system=SYSTEM
        )
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(made, file)
    return made
