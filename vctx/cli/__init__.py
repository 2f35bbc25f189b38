"""The command line: parse, call, print. Data on stdout, progress and errors on stderr."""

import io
import json
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from vctx.boot import EMBEDDER
from vctx.cli import keep, learn, past, show, store
from vctx.cli.session import Session, existing, progress, session_options
from vctx.errors import VctxError
from vctx.ports import Embedder


class _Group(click.Group):
    """Turns every error that vctx raises on purpose into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        # What a terminal or a pipe cannot spell is replaced, never a crash.
        for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace")):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors=errors)
        try:
            return super().invoke(ctx)
        except VctxError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            raise click.Abort() from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vctx")
def main() -> None:
    """Virtual memory for language models: documents and chats far larger than the model's window."""


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False))
@click.option("--name", help="How the pages cite the document (for one file; default: its file name).")
@session_options
def add(session: Session, files: tuple[str, ...], name: str | None) -> None:
    """Add text documents: split, embedded, and searchable from then on.

    \b
      vctx add --db book.db moby-dick.txt
      vctx add --db notes.db notes/*.md
    """
    if name and len(files) > 1:
        raise click.UsageError("--name goes with one file")
    from vctx.boot import read

    base = [Path(file).name for file in files]
    # Files of one name from several folders are told apart by their paths.
    names = [name or (file if base.count(Path(file).name) > 1 else None) for file in files]
    readings = [read(file, name=named) for file, named in zip(files, names, strict=True)]
    with session.open() as ctx:
        documents = [ctx.add(reading) for reading in readings]
        ctx.embed()
    session.emit([show.document(d) for d in documents], show.documents(documents))


@main.command()
@click.argument("question")
@session_options
@existing
def ask(session: Session, question: str) -> None:
    """Ask one question; the answer, its source, and what was paged in for it.

    \b
      vctx ask --db book.db "Who is the captain of the Pequod?"
      echo "Who is Ishmael?" | vctx ask --db book.db -
    """
    text = sys.stdin.read().strip() if question == "-" else question.strip()
    if not text:
        raise click.UsageError("the question is empty")
    with session.open() as ctx:
        answer = ctx.chat(text)
        quote = ctx.support(f"{text} {answer}", answer.hits)
        pages = ctx.pages(list(dict.fromkeys(hit.page for hit in answer.hits)))
    session.emit(show.answer(answer, quote, pages), show.answered(answer, quote))


@main.command()
@session_options
def chat(session: Session) -> None:
    """Chat with the model; what leaves its window stays on disk and is paged in when it matters.

    An empty line is skipped; end with Ctrl-D. Everything said is kept in the session.

    \b
      vctx chat --db alice.db --window 2048
    """
    with session.open() as ctx:
        while (text := session.prompt()) is not None:
            if text.strip():
                answer = ctx.chat(text)
                session.emit(show.answer(answer, None, []), show.said(answer))


@main.command()
@session_options
@existing
def ls(session: Session) -> None:
    """List the documents and count the conversation.

    \b
      vctx ls --db book.db
    """
    with session.disk() as disk:
        stats, said = disk.stats(), len(disk.pages(kind="message"))
    session.emit(show.stats(stats, said), show.listing(stats, said))


@main.command()
@session_options
@existing
def window(session: Session) -> None:
    """Show what the model would see: every message, with its tokens.

    \b
      vctx window --db book.db
      vctx window --db book.db --json
    """
    with session.open() as ctx:
        messages = ctx.messages()
        upto = [ctx.tokens(messages[:n]) for n in range(1, len(messages) + 1)]
        counts = [after - before for before, after in pairwise([0, *upto])]
        total, limit = sum(counts), ctx.budget.room
    session.emit(show.window(messages, counts, total, limit), show.seen(messages, counts, total, limit))


@main.command()
@session_options
@existing
def log(session: Session) -> None:
    """Show each paging decision and its reason, oldest first.

    \b
      vctx log --db book.db
    """
    with session.disk() as disk:
        entries = disk.entries()
    session.emit([show.entry(e) for e in entries], show.decisions(entries))


for command in (*past.COMMANDS, *keep.COMMANDS, learn.train_recall, store.store):
    main.add_command(command)


@main.group(name="eval")
def evaluate() -> None:
    """Measure what a memory layer forgets."""


def _measured(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every measurement."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--tokenizer", default="o200k_base", show_default=True, help="Whose tokens are counted."
        ),
        click.option(
            "--embedder",
            default=EMBEDDER,
            show_default=True,
            callback=_embedding,
            help="The embedding model, or 'hashing': bags of words, where vectors play no part.",
        ),
    ):
        command = option(command)
    return command


def _embedding(_context: click.Context, _option: click.Parameter, name: str) -> str | Embedder:
    # Imported here because numpy is not needed to start the command line.
    from vctx.fakes import HashingEmbedder

    return HashingEmbedder() if name == "hashing" else name


_ranked = (
    click.option("--weights", help="A file of weights, or 'plain'; by default those that ship."),
    click.option(
        "--baseline",
        type=click.Choice(["last", "random", "bm25", "dense", "fusion", "oracle"]),
        help="Rank by something simple instead.",
    ),
)


@evaluate.command()
@click.option(
    "--data", required=True, type=click.Path(exists=True, dir_okay=False), help="LoCoMo's JSON, as released."
)
@click.option("--train", type=click.Choice(["leave-one-out"]), help="Train on the other conversations.")
@_ranked[0]
@_ranked[1]
@_measured
def locomo(
    data: str,
    train: str | None,
    weights: str | None,
    baseline: str | None,
    embedder: str | Embedder,
    tokenizer: str,
    as_json: bool,
) -> None:
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
        scores = crossed.run(
            conversations, locomo.ANSWERABLE, tokenizer=tokenizer, embedder=embedder, progress=progress
        )
        _told(list(scores), locomo.ANSWERABLE, as_json)
    else:
        _asked(conversations, locomo.ANSWERABLE, weights, baseline, embedder, tokenizer, as_json)


@evaluate.command()
@click.option("--conversations", default=10, show_default=True, help="How many; seeds 0, 1, ...")
@click.option("--sessions", default=22, show_default=True, help="Chat sessions in each.")
@click.option("--people", default=2, show_default=True, help="Who takes part.")
@click.option("--assistant", is_flag=True, help="A user with an assistant, without names.")
@click.option("--distractors", default=0.5, show_default=True, help="Share of scenes with talk of the like.")
@click.option("--updates", default=0.15, show_default=True, help="Share of scenes that change what held.")
@click.option("--contradictions", default=0.06, show_default=True, help="Share of scenes put right later.")
@click.option("--times", default=0.8, show_default=True, help="Share of tellings that say when.")
@_ranked[0]
@_ranked[1]
@_measured
def chats(
    conversations: int,
    weights: str | None,
    baseline: str | None,
    embedder: str | Embedder,
    tokenizer: str,
    as_json: bool,
    **shape: Any,
) -> None:
    """Evidence recall on made conversations: dated chats in which things happen, change, are corrected.

    \b
      vctx eval chats --conversations 20 --sessions 60 --distractors 0.9
    """
    from vctx.eval import chats
    from vctx.eval.story import Recipe

    made = list(chats.made(range(conversations), Recipe(**shape)))
    _asked(made, (), weights, baseline, embedder, tokenizer, as_json)


def _asked(
    conversations: Any,
    together: Sequence[str],
    weights: str | None,
    baseline: str | None,
    embedder: str | Embedder,
    tokenizer: str,
    as_json: bool,
) -> None:
    from vctx.eval import chat
    from vctx.eval.baselines import ORDERS

    order = ORDERS[baseline] if baseline else None
    scores = chat.run(
        conversations,
        tokenizer=tokenizer,
        embedder=embedder,
        progress=progress,
        # A baseline ranks all candidates, which trained weights would cut.
        weights="plain" if baseline else weights,
        order=order,
    )
    _told(list(scores), together, as_json)


def _told(scores: Any, together: Sequence[str], as_json: bool) -> None:
    from vctx.eval import report

    rows = report.chats(scores, together)
    click.echo(json.dumps(report.data(rows)) if as_json else report.table("evidence recall within", rows))


@evaluate.command()
@click.option("--data", type=click.Path(exists=True, dir_okay=False), help="lost-in-the-middle's NQ file.")
@click.option("--others", default=2000, show_default=True, help="Documents around NQ's passages.")
@click.option("--articles", default=240, show_default=True, help="Made articles, where no file is named.")
@click.option("--db", type=click.Path(dir_okay=False), help="Keep the archive in this file, for another run.")
@_ranked[0]
@_ranked[1]
@_measured
def docqa(
    data: str | None,
    others: int,
    articles: int,
    db: str | None,
    weights: str | None,
    baseline: str | None,
    embedder: str | Embedder,
    tokenizer: str,
    as_json: bool,
) -> None:
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
    found = docqa.run(
        made,
        around,
        db=Path(db) if db else None,
        baseline=baseline,
        tokenizer=tokenizer,
        embedder=embedder,
        weights="plain" if baseline else weights,
        progress=progress,
    )
    rows = report.docqa(list(found))
    click.echo(json.dumps(report.data(rows)) if as_json else report.table("evidence recall within", rows))


@evaluate.command(name="nested-kv")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False),
    help="The folder of MemGPT's files.",
)
@click.option("--samples", default=10, show_default=True, help="Chains of each depth.")
@click.option("--pooled", is_flag=True, help="All samples of a depth in one session.")
@_measured
def nested_kv(
    data: str, samples: int, pooled: bool, embedder: str | Embedder, tokenizer: str, as_json: bool
) -> None:
    """MemGPT's nested key-value task: chains of keys, solved where every page of one is placed.

    \b
      vctx eval nested-kv --data nested-kv/ --samples 100
    """
    from vctx.eval import nested_kv, report

    chains = nested_kv.load(Path(data), samples=samples)
    solved = nested_kv.run(chains, tokenizer=tokenizer, embedder=embedder, progress=progress, pooled=pooled)
    rows = report.nested_kv(list(solved))
    click.echo(json.dumps(report.data(rows)) if as_json else report.table("chains solved within", rows))
