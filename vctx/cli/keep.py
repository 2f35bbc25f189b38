"""Commands that keep a session, or part with it: forget, backup, check, export, import, reembed."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TextIO

import click

from vctx.cli import complete, show
from vctx.cli.session import Session, existing, file_options, progress, session_options


@click.command()
@click.argument("pages", nargs=-1, type=int, shell_complete=complete.messages)
@click.option(
    "--document",
    shell_complete=complete.documents,
    help="Forget a document by its name, with all its chunks.",
)
@session_options
@existing
def forget(session: Session, pages: tuple[int, ...], document: str | None) -> None:
    """Erase pages or a document from all files of the session.

    Every summary made of them goes too. It says that they are gone only after it has looked; exit code 1
    while another process still reads them: run it again without pages, then.

    \b
      vctx forget --db alice.db 17 18
      vctx forget --db book.db --document moby-dick.txt
    """
    with session.open() as ctx:
        gone = ctx.forget(pages, document=document) if pages or document else ctx.scrub()
    session.emit({"purged": gone}, show.gone(gone))
    sys.exit(0 if gone else 1)


@click.command()
@click.argument("target", type=click.Path(dir_okay=False))
@file_options
@existing
def backup(session: Session, target: str) -> None:
    """Copy the session to a new file, while others may use it.

    \b
      vctx backup --db alice.db alice-monday.db
    """
    with session.disk() as disk:
        disk.backup(Path(target))
    session.emit({"backup": target}, f"copied to {target}")


@click.command()
@click.option("--no-repair", is_flag=True, help="Only look.")
@file_options
@existing
def check(session: Session, no_repair: bool) -> None:
    """Compare every row with its checksum.

    What is derived and wrong is made anew.

    Exit code 1 where something was lost that only a copy can bring back.

    \b
      vctx check --db alice.db
    """
    with session.disk() as disk:
        report = disk.check(repair=not no_repair)
    data = {"problems": list(report.problems), "repaired": list(report.repaired)}
    session.emit(data, show.report(report.problems, report.repaired))
    sys.exit(1 if report.problems else 0)


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@file_options
@existing
def export(session: Session, target: str) -> None:
    """Write the whole session as JSON Lines, without loss.

    \b
      vctx export --db alice.db > alice.jsonl
    """
    with session.disk() as disk, _written(target) as stream:
        rows = disk.export(stream)
    click.echo(f"{rows} rows", err=True)


@contextmanager
def _written(target: str) -> Iterator[TextIO]:
    if target == "-":
        yield sys.stdout
        return
    try:
        with Path(target).open("x", encoding="utf-8") as stream:
            try:
                yield stream
            except BaseException:
                Path(target).unlink()  # whole or absent
                raise
    except FileExistsError as error:
        raise click.ClickException(f"{target} is there already; name a new file") from error
    except OSError as error:
        raise click.ClickException(
            f"{target} cannot be written: {error.strerror}; name another file"
        ) from error


@click.command(name="import")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@file_options
def import_(session: Session, source: str) -> None:
    """Make a session of an export; wholly, or not at all. - is standard input.

    \b
      vctx import --db copy.db alice.jsonl
      vctx export --db alice.db | vctx import --db moved.db -
    """
    if Path(session.db).exists():
        raise click.ClickException(f"{session.db} is there already; import makes a new session")
    from vctx.boot import unmake

    try:
        with _read(source) as stream, session.disk() as disk:
            rows = disk.import_(stream)
    except BaseException as error:
        if Path(session.db).exists():
            unmake(session.db)  # what this import has begun; what somebody wrote meanwhile stays
        if isinstance(error, OSError | UnicodeDecodeError):
            raise click.ClickException(
                f"{source} cannot be read: {error}; export the session again"
            ) from error
        raise
    session.emit({"rows": rows}, f"{rows} rows")


def _read(source: str) -> AbstractContextManager[TextIO]:
    return nullcontext(sys.stdin) if source == "-" else Path(source).open(encoding="utf-8")


@click.command()
@session_options
@existing
def reembed(session: Session) -> None:
    """Change the session's embedding model for good.

    All of it is embedded anew. If it is interrupted, run it again: it goes on where it was.

    \b
      vctx reembed --db alice.db --embedder BAAI/bge-small-en-v1.5
    """
    from vctx.boot import reembed

    pages = reembed(session.db, session.embedder, progress=progress)
    session.emit({"pages": pages, "embedder": session.embedder}, f"{pages} pages embedded anew")


COMMANDS = (forget, backup, check, export, import_, reembed)
