"""Commands for a folder of sessions: list them, search one user's, say whose they are, forget."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vctx.boot import EMBEDDER
from vctx.cli import show
from vctx.cli.session import progress

if TYPE_CHECKING:
    from vctx.store import Store

_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _user(text: str, **more: object) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option("--user", envvar="VCTX_USER", help=text, **more)  # type: ignore[arg-type]


@click.group()
def store() -> None:
    """Keep many sessions in a folder, a file each.

    Use one of them with --db FOLDER/NAME.db.
    """


@store.command()
@_FOLDER
@_user("Only this user's.")
@_JSON
def ls(folder: str, user: str | None, as_json: bool) -> None:
    """List the sessions; exit code 1 where one cannot be read, which is named.

    \b
      vctx store ls chats/ --user ann
    """
    with _opened(folder) as sessions:
        found = sessions.sessions(user)
    click.echo(json.dumps([asdict(info) for info in found]) if as_json else show.sessions(found))
    sys.exit(1 if any(info.problem for info in found) else 0)


@store.command()
@_FOLDER
@click.argument("query")
@_user("Whose sessions are searched; without it, those that are nobody's.", default="")
@click.option("-k", default=10, show_default=True, type=click.IntRange(min=1), help="Pages to show.")
@click.option(
    "--embedder", envvar="VCTX_EMBEDDER", default=EMBEDDER, show_default=True, help="The embedding model."
)
@_JSON
def search(folder: str, query: str, user: str, k: int, embedder: str, as_json: bool) -> None:
    """Search across one user's sessions, best first; never across users.

    \b
      vctx store search chats/ "which hotel in Lisbon?" --user ann
    """
    with _opened(folder, embedder) as sessions:
        found = sessions.search(query, user=user, k=k)
    click.echo(json.dumps(show.matches(found), ensure_ascii=False) if as_json else show.matched(found))
    for info in found.unread:
        click.echo(f"not searched: {info.name}: {info.problem}", err=True)


@store.command()
@_FOLDER
@click.argument("name")
@_user("Whose it is; once somebody's, it stays theirs.")
@click.option("--title", help="What it is called.")
def own(folder: str, name: str, user: str | None, title: str | None) -> None:
    """Say whose a session is, or what it is called.

    \b
      vctx store own chats/ trip --user ann --title "The trip to Lisbon"
    """
    with _opened(folder) as sessions:
        sessions.own(name, user=user, title=title)


@store.command()
@_FOLDER
@click.argument("name", required=False)
@_user("All sessions of this user.")
@_JSON
def forget(folder: str, name: str | None, user: str | None, as_json: bool) -> None:
    """Delete a session, or all of a user's, with all that was derived from them.

    It says that they are gone only after it has looked.

    \b
      vctx store forget chats/ trip
      vctx store forget chats/ --user ann
    """
    if bool(name) == bool(user):
        raise click.UsageError("name a session, or a user with --user")
    with _opened(folder) as sessions:
        gone = sessions.forget(name) if name else sessions.forget_user(user or "")
    click.echo(json.dumps({"purged": gone}) if as_json else show.gone(gone))
    sys.exit(0 if gone else 1)


def _opened(folder: str, embedder: str = EMBEDDER) -> "Store":
    from vctx.boot import open_store

    return open_store(Path(folder), embedder=embedder, progress=progress)
