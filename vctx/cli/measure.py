"""`vctx eval`: what a memory layer forgets, a command for each task."""

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vctx.cli.laboratory import policies
from vctx.cli.measuring import FILE, FOLDER, Measurement, measured, written
from vctx.cli.session import progress

if TYPE_CHECKING:
    from vctx.eval.talk import Conversation
    from vctx.weights import Weights


@click.group(name="eval")
def evaluate() -> None:
    """Measure what a memory layer forgets, beside plain baselines."""


evaluate.add_command(policies)


@evaluate.command()
@click.option("--data", required=True, type=FILE, help="LoCoMo's JSON, as released.")
@click.option("--train", type=click.Choice(["leave-one-out"]), help="Train on the other conversations.")
@measured
def locomo(run: Measurement, data: str, train: str | None) -> None:
    """Evidence recall on LoCoMo's long conversations, within token budgets.

    Counts in OpenAI's o200k_base; VCTX_TIKTOKEN names its BPE file where there is no network.

    \b
      vctx eval locomo --data locomo10.json
      vctx eval locomo --data locomo10.json --weights plain
      vctx eval locomo --data locomo10.json --train leave-one-out
      vctx eval locomo --data locomo10.json --window 2048 --model smollm2 --questions 20 --out runs/local
    """
    from vctx.eval import locomo

    conversations = locomo.load(Path(data))
    trained = _trained(run, conversations, locomo.ANSWERABLE) if train else {}
    run.emit(locomo.task(conversations, Path(data)), per_case=trained)


def _trained(
    run: Measurement, conversations: "list[Conversation]", answerable: tuple[str, ...]
) -> "dict[str, Weights]":
    from vctx.boot import tokenizer
    from vctx.eval import crossed

    counts = tokenizer(run.tokenizer)
    return crossed.weights(
        conversations, answerable, counts=counts, embedder=run.vectors(), progress=progress
    )


@evaluate.command()
@click.option("--conversations", default=10, show_default=True, help="How many; seeds 0, 1, ...")
@click.option("--sessions", default=22, show_default=True, help="Chat sessions in each.")
@click.option("--people", default=2, show_default=True, help="Who takes part.")
@click.option("--assistant", is_flag=True, help="A user with an assistant, without names.")
@click.option("--distractors", default=0.5, show_default=True, help="Share of scenes with talk of the like.")
@click.option("--updates", default=0.15, show_default=True, help="Share of scenes that change what held.")
@click.option("--contradictions", default=0.06, show_default=True, help="Share of scenes put right later.")
@click.option("--times", default=0.8, show_default=True, help="Share of tellings that say when.")
@measured
def chats(run: Measurement, conversations: int, **shape: Any) -> None:
    """Evidence recall on made conversations: dated chats in which things happen, change, are corrected.

    \b
      vctx eval chats --conversations 20 --sessions 60 --distractors 0.9
    """
    from vctx.eval import chats
    from vctx.eval.story import Recipe

    run.emit(chats.task(range(conversations), Recipe(**shape)))


@evaluate.command()
@click.option("--data", type=FILE, help="lost-in-the-middle's NQ file.")
@click.option("--others", default=2000, show_default=True, help="Documents around NQ's passages.")
@click.option("--articles", default=240, show_default=True, help="Made articles, where no file is named.")
@click.option("--db", type=click.Path(dir_okay=False), help="Keep the archive in this file, for another run.")
@measured
def docqa(run: Measurement, data: str | None, others: int, articles: int, db: str | None) -> None:
    """Questions about documents pooled in one archive: is the passage that answers within a budget?

    Made articles with questions of one and two hops, or (--data) NaturalQuestions' passages among others.

    \b
      vctx eval docqa --articles 240
      vctx eval docqa --data nq-open-oracle.jsonl.gz --others 2000
    """
    from vctx.eval import docqa

    task = docqa.passages(Path(data), others) if data else docqa.articles(articles)
    run.emit(task, keep=Path(db) if db else None)


@evaluate.command(name="nested-kv")
@click.option("--data", required=True, type=FOLDER, help="The folder of MemGPT's files.")
@click.option("--samples", default=10, show_default=True, help="Chains of each depth.")
@click.option("--pooled", is_flag=True, help="All samples of a depth in one session.")
@measured
def nested_kv(run: Measurement, data: str, samples: int, pooled: bool) -> None:
    """MemGPT's nested key-value task: chains of keys, solved where every page of one is placed (`all`).

    \b
      vctx eval nested-kv --data nested-kv/ --samples 100
    """
    from vctx.eval import nested_kv

    run.emit(nested_kv.task(Path(data), samples=samples, pooled=pooled))


@evaluate.command()
@click.option(
    "--length",
    "lengths",
    multiple=True,
    type=click.IntRange(min=200),
    default=(2000, 8000, 32000),
    show_default=True,
    help="Tokens of a haystack; may be repeated.",
)
@click.option("--depths", default=5, show_default=True, help="Depths, from the beginning to the end.")
@click.option("--needles", default=1, show_default=True, help="Sentences that answer one question together.")
@click.option("--per-cell", default=4, show_default=True, help="Questions in each cell of the map.")
@click.option("--distractors", default=0, show_default=True, help="Sentences of the same form about others.")
@measured
def needle(
    run: Measurement, lengths: tuple[int, ...], depths: int, needles: int, per_cell: int, distractors: int
) -> None:
    """Needles in a haystack of made articles: found at any depth, at any length? The report draws the map.

    \b
      vctx eval needle --out runs/needle
      vctx eval needle --needles 4 --distractors 20 --length 64000
    """
    from vctx.boot import tokenizer
    from vctx.eval import needle

    recipe = needle.Recipe(tuple(sorted(lengths)), depths, needles, per_cell, distractors, run.seed)
    run.emit(needle.task(recipe, tokenizer(run.tokenizer)))


@evaluate.command()
@click.option("--data", required=True, type=FILE, help="JSON Lines, a case a line; see docs/eval.md.")
@click.option("--skip-bad", is_flag=True, help="Say on stderr what is wrong with a line, and take the rest.")
@measured
def jsonl(run: Measurement, data: str, skip_bad: bool) -> None:
    """Questions of your own: a history, questions about it, and what answers them.

    \b
      vctx eval jsonl --data mine.jsonl --out runs/mine
    """
    from vctx.eval import jsonl

    run.emit(jsonl.load(Path(data), functools.partial(click.echo, err=True) if skip_bad else None))


@evaluate.command()
@click.argument("run", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def report(run: str, as_json: bool) -> None:
    """Print the figures of a run once more, however far it came, and write its page anew.

    \b
      vctx eval report runs/local
    """
    from vctx.eval import log, report

    found = log.read(Path(run))
    click.echo(json.dumps(report.data(found)) if as_json else report.table(found))
    written(Path(run))


@evaluate.command()
@click.argument("before", type=FOLDER)
@click.argument("after", type=FOLDER)
@click.option("--system", multiple=True, help="The system; given twice, that of each run.  [default: vctx]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(before: str, after: str, system: tuple[str, ...], as_json: bool) -> None:
    """Compare two runs, or two systems of one, question by question.

    Differences are after less before, with 95 % intervals by bootstrap over conversations.

    \b
      vctx eval compare runs/plain runs/trained
      vctx eval compare runs/a runs/a --system dense --system vctx
    """
    from dataclasses import asdict

    from vctx.eval import compare, log

    if len(system) > 2:
        raise click.UsageError("there are two runs: name one system, or one for each")
    named = (*system, *system)[:2] if system else ("vctx", "vctx")
    found = compare.compare(log.read(Path(before)), log.read(Path(after)), (named[0], named[1]))
    click.echo(json.dumps([asdict(d) for d in found]) if as_json else compare.table(found))
