"""Writes docs/cli.md: what `--help` says of every command. `python docs/reference.py`; a test holds it."""

from collections.abc import Iterator
from pathlib import Path

import click

from vctx.cli import main

PAGE = Path(__file__).with_name("cli.md")
HEAD = "# The command line\n\nMade by `python docs/reference.py` from `--help`.\n"


def text() -> str:
    """The page: a section for each command."""
    return "\n".join([HEAD, *sections(main, "vctx")])


def sections(command: click.Command, name: str) -> Iterator[str]:
    """The command, then what stands below it."""
    context = click.Context(command, info_name=name, **{**command.context_settings, "terminal_width": 100})
    yield f"## {name}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from sections(command.commands[below], f"{name} {below}")


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
