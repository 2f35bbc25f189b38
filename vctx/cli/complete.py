"""What the shell, and the chat, complete: sessions, pages, documents, branches. Cheap, and never an error."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from vctx.errors import VctxError

if TYPE_CHECKING:
    from vctx.ports import Disk

NEWEST = 50
"""Pages that are offered."""
SHOWN = 60
"""Characters of a page that are shown beside its number."""

Items = list[CompletionItem]


def sessions(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Files that end in .db, and folders on the way to them."""
    folder, begun = os.path.split(incomplete)
    try:
        found = sorted(Path(folder or ".").iterdir())
    except OSError:
        return []
    return [
        CompletionItem(str(path), "dir" if path.is_dir() else "plain")
        for path in found
        if path.name.startswith(begun) and (path.suffix == ".db" or path.is_dir())
        if begun.startswith(".") or not path.name.startswith(".")
    ]


def messages(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The newest messages of the session, by number."""

    def look(disk: "Disk") -> Iterator[CompletionItem]:
        for page in reversed(disk.pages(kind="message", last=NEWEST)):
            yield CompletionItem(str(page.id), help=f"{page.role}: {_short(page.text)}")

    return _looked(context, incomplete, look)


def resident(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The pages that stand in the window."""
    from vctx import journal

    def look(disk: "Disk") -> Iterator[CompletionItem]:
        entries = disk.entries()
        state = journal.replay(entries, journal.beginning(entries, journal.current(entries)))
        numbers = sorted({frame.page for frame in state.frames}, reverse=True)[:NEWEST]
        for page in disk.get(numbers):
            yield CompletionItem(str(page.id), help=_short(page.text))

    return _looked(context, incomplete, look)


def documents(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The documents of the session, by name."""
    return _looked(context, incomplete, lambda disk: (CompletionItem(d.name) for d in disk.documents()))


def branches(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The branches of the session, by number."""
    from vctx import journal

    def look(disk: "Disk") -> Iterator[CompletionItem]:
        for row in journal.branches(disk.entries()):
            root = "the trunk" if row.parent is None else f"from {row.parent} after page {row.at}"
            yield CompletionItem(str(row.id), help=root)

    return _looked(context, incomplete, look)


def _looked(
    context: click.Context, incomplete: str, look: "Callable[[Disk], Iterator[CompletionItem]]"
) -> Items:
    """What a look at the session's file offers; nothing where there is none, or it cannot be read."""
    db = _file(context)
    if not db or not Path(db).is_file():
        return []
    from vctx.boot import disk

    try:
        with closing(disk(db)) as file:
            return [item for item in look(file) if str(item.value).startswith(incomplete)]
    except VctxError:
        return []


def _file(context: click.Context) -> str:
    """The session that a half-written command line names; within a chat, the chat's."""
    held = getattr(context.obj, "db", "")
    return held or context.params.get("db") or os.environ.get("VCTX_DB", "")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def first(command: click.Command, context: click.Context, incomplete: str) -> Sequence[CompletionItem]:
    """What the first argument of a command may be."""
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            return parameter.shell_complete(context, incomplete)
    return []
