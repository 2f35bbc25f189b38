"""Commands that look: ls, show, stats, log, search. None of them changes a session."""

import click

from vctx import journal
from vctx.cli import complete, show, sums, told
from vctx.cli.session import Session, existing, file_options, query, session_options
from vctx.prices import TABLE, load
from vctx.thrash import thrash
from vctx.usage import usage


@click.command()
@file_options
@existing
def ls(session: Session) -> None:
    """List the documents and count the conversation.

    \b
      vctx ls --db book.db
    """
    with session.disk() as disk:
        stats, said = disk.stats(), disk.kinds().get("message", 0)
    session.emit(show.stats(stats, said), show.listing(stats, said))


@click.command(name="show")
@click.argument("pages", nargs=-1, type=int, required=True, shell_complete=complete.messages)
@file_options
@existing
def show_(session: Session, pages: tuple[int, ...]) -> None:
    """Print pages as they stand on disk, whole, with their place.

    \b
      vctx show --db book.db 12
      vctx show --db book.db 12 13 --json
    """
    with session.disk() as disk:
        found = disk.get(pages)
    session.emit([show.page(page) for page in found], show.pages(found), exact=True)


@click.command()
@click.option(
    "--prices",
    envvar="VCTX_PRICES",
    help=f"Of a model's tokens: {', '.join(TABLE)}, or a JSON file.",
)
@file_options
@existing
def stats(session: Session) -> None:
    """Count what is on disk, what paging did, what calls cost.

    The tokens of a call are those that the model, or the endpoint, reported: sent, of these served by a
    cache, and replied. Prices are for a million tokens; without them no cost is known.

    \b
      vctx stats --db book.db
      vctx stats --db alice.db --prices openai
    """
    prices = load(session.prices)
    with session.disk() as disk:
        stood, kinds, entries = disk.stats(), disk.kinds(), disk.entries()
    counts, calls = sums.counts(stood, kinds, entries), usage(entries, prices)
    session.emit({**counts, "usage": sums.spent(calls)}, sums.table(counts, calls))
    if lately := thrash(entries, journal.current(entries)):
        click.echo(lately.cure, err=True)


@click.command()
@file_options
@existing
def log(session: Session) -> None:
    """Show each paging decision and its reason, oldest first.

    \b
      vctx log --db book.db
    """
    with session.disk() as disk:
        entries = disk.entries()
    session.emit([told.entry(e) for e in entries], told.decisions(entries))


@click.command()
@click.argument("query", callback=query)
@click.option("-k", default=5, show_default=True, type=click.IntRange(min=1), help="Pages to show.")
@session_options
@existing
def search(session: Session, query: str, k: int) -> None:
    """Rank what is on disk for a query, best first. No model is asked, and the window stays as it is.

    \b
      vctx search --db book.db "the white whale"
      vctx search --db book.db "the white whale" -k 2 --json
    """
    with session.reader() as ctx:
        hits = ctx.search(query, k)
        pages = ctx.pages([hit.page for hit in hits])
    session.emit([show.hit(h, p) for h, p in zip(hits, pages, strict=True)], show.hits(hits, pages))


COMMANDS = (ls, show_, stats, log, search)
