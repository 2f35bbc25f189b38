"""The command line: parse, call, print. Data on stdout, progress and errors on stderr."""

import io
import sys
from itertools import pairwise
from pathlib import Path

import click

from vctx.cli import keep, learn, measure, past, show, store
from vctx.cli.session import Session, existing, session_options
from vctx.errors import VctxError


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


for command in (*past.COMMANDS, *keep.COMMANDS, learn.train_recall, store.store, measure.evaluate):
    main.add_command(command)
