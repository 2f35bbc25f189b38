"""`vctx add`: files -> documents of a session."""

from pathlib import Path

import click

from vctx.cli import show
from vctx.cli.session import Session, session_options


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False))
@click.option("--name", help="How the pages cite the document (for one file; default: its file name).")
@session_options
def add(session: Session, files: tuple[str, ...], name: str | None) -> None:
    """Add text documents, searchable from then on.

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
