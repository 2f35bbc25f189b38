"""The command line: parse, call, print. Data on stdout, progress and errors on stderr."""

import io
import os
import sys
from pathlib import Path

import click

from vctx.cli import ask, chat, completion, config, keep, learn, measure, past, reading, show, store, window
from vctx.cli import settings as file
from vctx.cli.session import Session, session_options
from vctx.errors import VctxError

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Say and ask": (ask.ask, chat.chat),
    "Look": reading.COMMANDS,
    "Window": window.COMMANDS,
    "Look back, go back": past.COMMANDS,
    "Keep": keep.COMMANDS,
    "More": (store.store, learn.train_recall, measure.evaluate, config.config, completion.completion),
}
"""The commands, in the order in which `--help` lists them."""


class _Group(click.Group):
    """Turns every error that vctx raises on purpose into one line and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        limit = formatter.width - 6 - max(map(len, self.commands))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(str(c.name), c.get_short_help_str(limit)) for c in commands])

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
@click.pass_context
def main(context: click.Context) -> None:
    """Virtual memory for language models: documents and chats far larger than the model's window.

    \b
      vctx add --db book.db moby-dick.txt
      vctx ask --db book.db "Who is the captain of the Pequod?"
      vctx chat --db alice.db
    """
    # Colours only on a terminal (click sees to that), and not where NO_COLOR asks for none: no-color.org.
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        context.color = False
    file.apply(context)


@click.command()
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


SECTIONS["Say and ask"] = (add, *SECTIONS["Say and ask"])
for command in (command for commands in SECTIONS.values() for command in commands):
    main.add_command(command)
