"""Commands that look back and go back: why, diff, branches, fork, switch, rewind."""

from dataclasses import asdict

import click

from vctx import explain, journal
from vctx.cli import complete, told
from vctx.cli.session import Session, existing, file_options, session_options
from vctx.types import Entry


@click.command()
@click.argument("page", type=int, required=False, shell_complete=complete.messages)
@click.option("--at", "tick", type=int, help="Instead: the whole window after this tick of the log.")
@file_options
@existing
def why(session: Session, page: int | None, tick: int | None) -> None:
    """Tell why a page is in the window, or is not.

    All that happened to it is listed, oldest first.

    \b
      vctx why --db alice.db 17
      vctx why --db alice.db --at 40
    """
    if (page is None) == (tick is None):
        raise click.UsageError("name a page, or a tick with --at")
    entries, branch = _journal(session)
    if page is not None:
        events = explain.why(page, entries, branch)
        if not events:
            _there(session, page)
        nothing = f"page {page} was never in the window"
    else:
        events = explain.window(_tick(tick, entries), entries, branch)
        nothing = f"the window was empty at tick {tick}"
    session.emit([told.event(e) for e in events], told.events(events) or nothing)


@click.command()
@click.argument("before", type=int)
@click.argument("after", type=int)
@file_options
@existing
def diff(session: Session, before: int, after: int) -> None:
    """Show how the window differs between two ticks of the log.

    \b
      vctx diff --db alice.db 40 52
    """
    entries, branch = _journal(session)
    change = explain.change(_tick(before, entries), _tick(after, entries), entries, branch)
    session.emit(told.change(change), told.changed(change) or "no difference")


@click.command()
@file_options
@existing
def branches(session: Session) -> None:
    """List the branches; the session goes on with *.

    \b
      vctx branches --db alice.db
    """
    with session.disk() as disk:
        rows = journal.branches(disk.entries())
    session.emit([asdict(row) for row in rows], told.branches(rows))


@click.command()
@click.option(
    "--at",
    type=int,
    shell_complete=complete.messages,
    help="The last message that the branch shares (default: the newest).",
)
@session_options
@existing
def fork(session: Session, at: int | None) -> None:
    """Make a branch, and print its number. It costs no page; the session stays where it is.

    \b
      vctx fork --db alice.db --at 17
    """
    with session.open() as ctx:
        branch = ctx.fork(at)
    session.emit({"branch": branch}, str(branch))


@click.command()
@click.argument("branch", type=int, shell_complete=complete.branches)
@session_options
@existing
def switch(session: Session, branch: int) -> None:
    """Go on with another branch.

    \b
      vctx switch --db alice.db 1
    """
    with session.open() as ctx:
        ctx.switch(branch)
    session.emit({"branch": branch}, f"on branch {branch}")


@click.command()
@click.argument("at", type=int, shell_complete=complete.messages)
@session_options
@existing
def rewind(session: Session, at: int) -> None:
    """Go back to a message: fork after it, and go on there. `vctx switch` finds what came after.

    \b
      vctx rewind --db alice.db 17
    """
    with session.open() as ctx:
        branch = ctx.rewind(at)
    session.emit({"branch": branch}, f"on branch {branch}, after page {at}")


COMMANDS = (why, diff, branches, fork, switch, rewind)


def _journal(session: Session) -> tuple[list[Entry], int]:
    with session.disk() as disk:
        entries = disk.entries()
    return entries, journal.current(entries)


def _there(session: Session, page: int) -> None:
    """Raises DiskError for a number that no page has."""
    with session.disk() as disk:
        disk.get([page])


def _tick(tick: int | None, entries: list[Entry]) -> int:
    if tick is None or not 0 <= tick < len(entries):
        raise click.UsageError(f"the log has ticks from 0 to {len(entries) - 1}, not {tick}")
    return tick
