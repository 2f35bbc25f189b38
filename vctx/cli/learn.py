"""`vctx train-recall`: weights for recall from a user's own questions, or from made ones."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vctx.boot import EMBEDDER
from vctx.cli.session import progress
from vctx.errors import InputError

if TYPE_CHECKING:
    from vctx.eval.training import Case
    from vctx.weights import Weights


@click.command(name="train-recall")
@click.option(
    "--db", envvar="VCTX_DB", type=click.Path(exists=True, dir_okay=False), help="The session to learn from."
)
@click.option(
    "--labelled",
    type=click.Path(exists=True, dir_okay=False),
    help="JSON Lines of a query and the pages that answer it; by default the session's log is read.",
)
@click.option("--made", type=int, help="Train on this many made conversations, as the default weights were.")
@click.option("--out", type=click.Path(dir_okay=False), default="weights.json", show_default=True)
@click.option("--force", is_flag=True, help="Write the weights even where they are not better.")
@click.option(
    "--ablate",
    type=click.Path(file_okay=False),
    help="Also train without each group of signals in turn, and write these weights into this folder.",
)
@click.option("--embedder", default=EMBEDDER, show_default=True, help="The embedding model.")
@click.option("--tokenizer", default="o200k_base", show_default=True, help="Whose tokens are counted.")
def train_recall(
    db: str | None,
    labelled: str | None,
    made: int | None,
    out: str,
    force: bool,
    ablate: str | None,
    embedder: str,
    tokenizer: str,
) -> None:
    """Train recall on your own questions, if it is worth it.

    Learns from questions whose answering pages are known: labelled in a file, or from the session's log
    (pages that were recalled and that the reply then quoted). Compared with the default weights on questions
    that were not trained on; where the gain may be chance, nothing is written.

    \b
      vctx train-recall --db alice.db --labelled questions.jsonl --out alice.json
      vctx train-recall --db alice.db --out alice.json
      VCTX_WEIGHTS=alice.json vctx chat --db alice.db
      vctx train-recall --made 36 --force --out mine.json --ablate ablation
    """
    from vctx import weights as known
    from vctx.eval.trial import ENOUGH, folds, trial

    if (db is None) == (made is None):
        raise click.UsageError("name a session (--db), or a number of made conversations (--made)")
    cases = (
        _made(made, embedder, tokenizer) if made is not None else _own(str(db), labelled, embedder, tokenizer)
    )
    if len(cases) < ENOUGH and not force:
        raise InputError(
            f"{len(cases)} questions with known pages are too little to beat the default weights: "
            f"at least {ENOUGH} are needed"
        )
    # Made questions train the weights that ship: from the plain sum, and compared with it.
    start = known.load("plain" if made is not None else None)
    with progress("folds", len(folds(cases))) as advance:
        found = trial(cases, start, advance)
    click.echo(found.text())
    if found.better or force:
        about = {
            "questions": len(cases),
            "from": "made conversations" if made is not None else Path(str(db)).name,
        }
        _write(cases, about, start, Path(out))
    if ablate:
        _ablated(cases, start, Path(ablate))


def _own(db: str, labelled: str | None, embedder: str, tokenizer: str) -> "list[Case]":
    from vctx.boot import open
    from vctx.eval import logged
    from vctx.weights import VALUES

    with open(
        db, model=None, tokenizer=tokenizer, embedder=embedder, weights=VALUES, background=False
    ) as ctx:
        answered = logged.labelled(Path(labelled)) if labelled else logged.logged(ctx)
        return list(logged.cases(ctx, answered))


def _made(count: int, embedder: str, tokenizer: str) -> "list[Case]":
    from vctx import embed
    from vctx.boot import tokenizer as named
    from vctx.eval import training

    with progress("conversations", count) as advance:
        seeds = range(training.FIRST, training.FIRST + count)
        return list(training.made(seeds, named(tokenizer), embed.load(embedder), advance))


def _ablated(cases: "list[Case]", start: "Weights", folder: Path) -> None:
    from vctx.eval import ablation

    with progress("groups of signals", len(ablation.GROUPS) + 1) as advance:
        written = ablation.ablate(cases, start, folder, advance)
    click.echo(f"vctx eval ... {' '.join(f'--also {file}' for file in written)}", err=True)


def _write(cases: "list[Case]", about: dict[str, object], start: "Weights", out: Path) -> None:
    from vctx.eval.training import train
    from vctx.weights import dump

    out.write_text(dump(train(cases, about, start)), encoding="utf-8")
    click.echo(f"{out}: vctx.open(..., weights={str(out)!r}), or VCTX_WEIGHTS={out}", err=True)
