"""`vctx add`: files, folders and standard input -> documents of a session."""

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vctx.cli import show
from vctx.cli.session import INTERRUPTED, Session, progress, session_options
from vctx.errors import InputError, UnreadableError
from vctx.types import Added, Reading, Skipped

if TYPE_CHECKING:
    from vctx.context import Context

LONG = 512
"""Chunks whose embedding takes long enough to say what is there meanwhile."""
STDIN = "-"


@dataclass
class Haul:
    """What a run has come to."""

    added: list[Added] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Item:
    """A file that shall be added."""

    path: Path | None
    """None for standard input."""
    name: str
    found: bool = False
    """It was not named itself, but found in a folder: there, what is no text is skipped."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--name", help="How the pages cite the document (for one file; default: its file name).")
@click.option("--password", envvar="VCTX_PASSWORD", help="Opens an encrypted PDF.")
@click.option("--replace", is_flag=True, help="Another text may take the place of one under its name.")
@click.option("--strict", is_flag=True, help="Stop at the first file that cannot be added.")
@session_options
def add(
    session: Session,
    files: tuple[str, ...],
    name: str | None,
    password: str | None,
    replace: bool,
    strict: bool,
) -> None:
    """Add files and folders, searchable from then on.

    PDF, DOCX, EPUB, HTML, Markdown, text, source code, chats as JSON Lines, and the exports of ChatGPT and
    Claude, as downloaded; what a file is, its content says. A folder is added with all that is in it; - is
    standard input. What is there already is not written again, and of a file that has changed only what
    changed. Interrupted with Ctrl-C, the same command goes on where it was.

    \b
      vctx add --db book.db moby-dick.txt
      vctx add --db notes.db notes/ thesis.docx
      vctx add --db chats.db chatgpt-export.zip
      echo "Milk, bread, salt." | vctx add --db lists.db - --name groceries
    """
    if name and len(files) > 1:
        raise click.UsageError("--name goes with one file")
    haul = Haul()
    with ExitStack() as stack:
        # A session is made once there is something to add.
        opened = functools.cache(lambda: stack.enter_context(session.open()))
        items = list(_items(files, name, haul))
        # What is wrong with the only file is all that there is to say.
        strict = strict or (len(items) == 1 and not items[0].found)
        for item in items:
            _add(opened, item, haul, password, replace, strict)
        if haul.added:
            _embed(opened())
    if haul.added or session.as_json:
        session.emit([show.document(d) for d in haul.added], show.documents(haul.added))
    _report(haul)


def _embed(ctx: "Context") -> None:
    if ctx.stats().pending > LONG:
        waiting = show.many(ctx.stats().pending, "chunk")
        click.echo(f"{waiting} are on disk and found by their words; now by their meaning", err=True)
    try:
        ctx.embed()
    except KeyboardInterrupt:
        waits = ctx.stats().pending
        what = "1 chunk waits" if waits == 1 else f"{waits:,} chunks wait"
        click.echo(f"interrupted: {what} to be embedded; the same command goes on there", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


def _items(files: Sequence[str], name: str | None, haul: Haul) -> Iterator[Item]:
    """The files that are meant. Files of one name from several folders are told apart by their paths."""
    from vctx.boot import walk

    base = Counter(Path(file).name for file in files)
    for file in files:
        path = Path(file)
        if file == STDIN:
            yield Item(None, name or "stdin")
        elif path.is_dir():
            for found in walk(path):
                if isinstance(found, Skipped):
                    haul.skipped.append(found)
                else:
                    yield Item(
                        found, str(Path(name or path.resolve().name, found.relative_to(path))), found=True
                    )
        else:
            yield Item(path, name or (path.name if base[path.name] == 1 else file))


def _add(
    opened: "Callable[[], Context]",
    item: Item,
    haul: Haul,
    password: str | None,
    replace: bool,
    strict: bool,
) -> None:
    try:
        reading = _read(item, password)
    except UnreadableError as error:
        if item.path and item.found:
            haul.skipped.append(Skipped(item.path, error.kind))
        else:
            _failed(error, haul, strict)
        return
    except InputError as error:
        _failed(error, haul, strict)
        return
    ctx = opened()
    try:
        haul.added.append(ctx.add(reading, replace=replace))
    except InputError as error:
        _failed(error, haul, strict)
    for note in reading.notes:
        click.echo(f"{item.name}: {note}", err=True)


def _failed(error: InputError, haul: Haul, strict: bool) -> None:
    if strict:
        raise error
    haul.failed.append(str(error))
    click.echo(f"not added: {error}", err=True)


def _read(item: Item, password: str | None) -> Reading:
    from vctx.boot import read, reading

    if item.path is None:
        return reading(sys.stdin.buffer.read(), item.name, password=password, progress=progress)
    return read(item.path, name=item.name, password=password, progress=progress)


def _report(haul: Haul) -> None:
    """Says what was skipped and what failed; with the latter, the exit code is 1."""
    reasons: dict[str, list[str]] = {}
    for one in haul.skipped:
        reasons.setdefault(one.why, []).append(str(one.path))
    for why, paths in reasons.items():
        some = ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")
        click.echo(f"skipped, {why}: {some} ({len(paths)})", err=True)
    if haul.failed:
        raise click.ClickException(
            f"{show.many(len(haul.failed), 'file')} of {len(haul.failed) + len(haul.added)} not added"
        )
