"""`vctx eval`: what a memory layer forgets, a command for each task."""

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vctx.boot import EMBEDDER
from vctx.cli.session import progress

if TYPE_CHECKING:
    from vctx.eval.report import Row
    from vctx.eval.talk import Conversation, Score
    from vctx.ports import Embedder


@dataclass(frozen=True)
class Measurement:
    """The options of one measurement."""

    weights: str | None
    baseline: str | None
    embedder: "str | Embedder"
    tokenizer: str
    as_json: bool

    @property
    def parts(self) -> dict[str, Any]:
        """What every run is given."""
        return {"embedder": self.embedder, "tokenizer": self.tokenizer, "progress": progress}

    @property
    def ranked_by(self) -> str | None:
        """The weights in force: a baseline ranks all candidates, which trained weights would cut."""
        return "plain" if self.baseline else self.weights

    def emit(self, title: str, rows: "Sequence[Row]") -> None:
        """Prints the rows as a table or as JSON."""
        from vctx.eval import report

        click.echo(json.dumps(report.data(rows)) if self.as_json else report.table(title, rows))


def _embedding(_context: click.Context, _option: click.Parameter, name: str) -> "str | Embedder":
    # Imported here because numpy is not needed to start the command line.
    from vctx.fakes import HashingEmbedder

    return HashingEmbedder() if name == "hashing" else name


_RANKED = (
    click.option("--weights", help="A file of weights, or 'plain'; by default those that ship."),
    click.option(
        "--baseline",
        type=click.Choice(["last", "random", "bm25", "dense", "fusion", "oracle"]),
        help="Rank by something simple instead.",
    ),
)
_COUNTED = (
    click.option(
        "--embedder",
        default=EMBEDDER,
        show_default=True,
        callback=_embedding,
        help="The embedding model, or 'hashing': bags of words, where vectors play no part.",
    ),
    click.option("--tokenizer", default="o200k_base", show_default=True, help="Whose tokens are counted."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


def measured(ranked: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of a measurement, gathered as its first argument."""

    def gathering(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def gathered(**options: Any) -> None:
            own = {name: options.pop(name, None) for name in Measurement.__dataclass_fields__}
            command(Measurement(**own), **options)

        for option in reversed((*(_RANKED if ranked else ()), *_COUNTED)):
            gathered = option(gathered)
        return gathered

    return gathering


@click.group(name="eval")
def evaluate() -> None:
    """Measure what a memory layer forgets."""


@evaluate.command()
@click.option(
    "--data", required=True, type=click.Path(exists=True, dir_okay=False), help="LoCoMo's JSON, as released."
)
@click.option("--train", type=click.Choice(["leave-one-out"]), help="Train on the other conversations.")
@measured()
def locomo(run: Measurement, data: str, train: str | None) -> None:
    """Evidence recall on LoCoMo's long conversations, within token budgets.

    Counts in OpenAI's o200k_base; VCTX_TIKTOKEN names its BPE file where there is no network.

    \b
      vctx eval locomo --data locomo10.json
      vctx eval locomo --data locomo10.json --weights plain
      vctx eval locomo --data locomo10.json --train leave-one-out
    """
    from vctx.eval import crossed, locomo

    conversations = locomo.load(Path(data))
    if train:
        _told(run, list(crossed.run(conversations, locomo.ANSWERABLE, **run.parts)), locomo.ANSWERABLE)
    else:
        _asked(run, conversations, locomo.ANSWERABLE)


@evaluate.command()
@click.option("--conversations", default=10, show_default=True, help="How many; seeds 0, 1, ...")
@click.option("--sessions", default=22, show_default=True, help="Chat sessions in each.")
@click.option("--people", default=2, show_default=True, help="Who takes part.")
@click.option("--assistant", is_flag=True, help="A user with an assistant, without names.")
@click.option("--distractors", default=0.5, show_default=True, help="Share of scenes with talk of the like.")
@click.option("--updates", default=0.15, show_default=True, help="Share of scenes that change what held.")
@click.option("--contradictions", default=0.06, show_default=True, help="Share of scenes put right later.")
@click.option("--times", default=0.8, show_default=True, help="Share of tellings that say when.")
@measured()
def chats(run: Measurement, conversations: int, **shape: Any) -> None:
    """Evidence recall on made conversations: dated chats in which things happen, change, are corrected.

    \b
      vctx eval chats --conversations 20 --sessions 60 --distractors 0.9
    """
    from vctx.eval import chats
    from vctx.eval.story import Recipe

    _asked(run, list(chats.made(range(conversations), Recipe(**shape))), ())


def _asked(run: Measurement, conversations: "Sequence[Conversation]", together: Sequence[str]) -> None:
    from vctx.eval import chat
    from vctx.eval.baselines import ORDERS

    order = ORDERS[run.baseline] if run.baseline else None
    _told(run, list(chat.run(conversations, **run.parts, weights=run.ranked_by, order=order)), together)


def _told(run: Measurement, scores: "Sequence[Score]", together: Sequence[str]) -> None:
    from vctx.eval import report

    run.emit("evidence recall within", report.chats(scores, together))


@evaluate.command()
@click.option("--data", type=click.Path(exists=True, dir_okay=False), help="lost-in-the-middle's NQ file.")
@click.option("--others", default=2000, show_default=True, help="Documents around NQ's passages.")
@click.option("--articles", default=240, show_default=True, help="Made articles, where no file is named.")
@click.option("--db", type=click.Path(dir_okay=False), help="Keep the archive in this file, for another run.")
@measured()
def docqa(run: Measurement, data: str | None, others: int, articles: int, db: str | None) -> None:
    """Questions about documents pooled in one archive: is the passage that answers within a budget?

    Made articles with questions of one and two hops, or (--data) NaturalQuestions' passages among others.

    \b
      vctx eval docqa --articles 240
      vctx eval docqa --data nq-open-oracle.jsonl.gz --others 2000
    """
    from vctx.eval import docqa, report
    from vctx.eval.articles import library

    made = docqa.load(Path(data)) if data else library(1, articles=articles)
    around = list(docqa.around(others)) if data else []
    archive = Path(db) if db else None
    found = docqa.run(made, around, **run.parts, db=archive, baseline=run.baseline, weights=run.ranked_by)
    run.emit("evidence recall within", report.docqa(list(found)))


@evaluate.command(name="nested-kv")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False),
    help="The folder of MemGPT's files.",
)
@click.option("--samples", default=10, show_default=True, help="Chains of each depth.")
@click.option("--pooled", is_flag=True, help="All samples of a depth in one session.")
@measured(ranked=False)
def nested_kv(run: Measurement, data: str, samples: int, pooled: bool) -> None:
    """MemGPT's nested key-value task: chains of keys, solved where every page of one is placed.

    \b
      vctx eval nested-kv --data nested-kv/ --samples 100
    """
    from vctx.eval import nested_kv, report

    chains = nested_kv.load(Path(data), samples=samples)
    solved = nested_kv.run(chains, **run.parts, pooled=pooled)
    run.emit("chains solved within", report.nested_kv(list(solved)))
