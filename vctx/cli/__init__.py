"""The command line: parse, call, print. Data on stdout, progress and errors on stderr."""

import errno
import io
import os
import sys

import click

from vctx.cli import (
    adding,
    ask,
    chat,
    completion,
    config,
    keep,
    learn,
    measure,
    models,
    past,
    reading,
    replay,
    store,
    window,
)
from vctx.cli import settings as file
from vctx.cli.session import INTERRUPTED
from vctx.errors import VctxError

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Say and ask": (adding.add, ask.ask, chat.chat),
    "Look": reading.COMMANDS,
    "Window": window.COMMANDS,
    "Look back, go back": (*past.COMMANDS, replay.replay),
    "Keep": keep.COMMANDS,
    "More": (
        store.store,
        models.models,
        learn.train_recall,
        measure.evaluate,
        config.config,
        completion.completion,
    ),
}
"""The commands, in the order in which `--help` lists them."""


class _Group(click.Group):
    """Turns every error that vctx raises on purpose, and the system's, into one line and exit code 1."""

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
        except (KeyboardInterrupt, RuntimeError) as error:
            # Python 3.11 wraps what is raised while a class is made.
            if not any(isinstance(one, KeyboardInterrupt) for one in (error, error.__cause__)):
                raise
            click.echo("interrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends in silence: whoever reads has had enough
            what = error.filename or "what is printed cannot be written"
            raise click.ClickException(f"{what}: {error.strerror}") from error


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


for command in (command for commands in SECTIONS.values() for command in commands):
    main.add_command(command)
