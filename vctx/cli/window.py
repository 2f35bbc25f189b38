"""Commands on the window: window, recall, pin, unpin."""

from itertools import pairwise
from pathlib import Path

import click

from vctx.cli import complete, picture, show
from vctx.cli.look import look
from vctx.cli.session import Session, existing, query, session_options


@click.command()
@click.option("--map", "as_map", is_flag=True, help="Draw it: what takes the room, in which form, how old.")
@session_options
@existing
def window(session: Session, as_map: bool) -> None:
    """Show what the model would see, tokens per message. No model is asked: a summary that is due waits.

    A look changes nothing: in a --window that is too small for what stands, it shows what would be left.

    \b
      vctx window --db book.db
      vctx window --db book.db --map
      vctx window --db book.db --json
    """
    with session.open() as ctx:
        limit, stands = ctx.budget.room, sum(frame.tokens for frame in ctx.frames)
        if stands > limit:
            click.echo(
                f"{stands:,} tokens of messages stand in the window, and this one has room for {limit:,}: "
                "shown is what would be left (--window names another)",
                err=True,
            )
        if as_map:
            regions, title = ctx.regions(), Path(session.db).name
            session.emit(picture.data(regions), picture.drawn(regions, title, look()))
            return
        messages, due = ctx.seen()
        upto = [ctx.tokens(messages[:n]) for n in range(1, len(messages) + 1)]
        counts = [after - before for before, after in pairwise([0, *upto])]
    told = show.seen(messages, counts, limit, due)
    session.emit(show.window(messages, counts, limit, due), told, exact=True)


@click.command()
@click.argument("query", callback=query)
@click.option("--tokens", type=click.IntRange(min=1), help="Spend up to this many, where there is enough.")
@session_options
@existing
def recall(session: Session, query: str, tokens: int | None) -> None:
    """Page in what answers a query; the model is not asked.

    \b
      vctx recall --db book.db "the white whale"
      vctx recall --db book.db "the white whale" --tokens 500
    """
    with session.open() as ctx:
        hits = ctx.recall(query, tokens=tokens)
        pages = ctx.pages([hit.page for hit in hits])
    session.emit([show.hit(h, p) for h, p in zip(hits, pages, strict=True)], show.hits(hits, pages))


@click.command()
@click.argument("page", type=int, shell_complete=complete.resident)
@session_options
@existing
def pin(session: Session, page: int) -> None:
    """Keep a page in the window, through any flush.

    \b
      vctx pin --db alice.db 1
    """
    with session.open() as ctx:
        ctx.pin(page)
    session.emit({"pinned": page}, f"page {page} stays in the window")


@click.command()
@click.argument("page", type=int, shell_complete=complete.resident)
@session_options
@existing
def unpin(session: Session, page: int) -> None:
    """Let a pinned page leave the window again.

    \b
      vctx unpin --db alice.db 1
    """
    with session.open() as ctx:
        ctx.unpin(page)
    session.emit({"unpinned": page}, f"page {page} may leave the window")


COMMANDS = (window, recall, pin, unpin)
