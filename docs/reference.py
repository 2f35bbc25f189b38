"""Writes docs/cli.md: what `--help` says of every command. `python docs/reference.py`; a test holds it."""

from collections.abc import Iterator
from pathlib import Path

import click

from vctx.cli import main

PAGE = Path(__file__).with_name("cli.md")
HEAD = "# The command line\n\nMade by `python docs/reference.py` from `--help`.\n"


def text() -> str:
    """The page: a section for each command."""
    top = click.Context(main, info_name="vctx", terminal_width=100, **main.context_settings)
    return "\n".join([HEAD, *sections(top)])


def sections(context: click.Context) -> Iterator[str]:
    """The command, then what stands below it."""
    command = context.command
    yield f"## {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from sections(click.Context(command.commands[name], info_name=name, parent=context))


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
