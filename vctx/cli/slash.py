"""What may be said to a chat instead of to its model: `/why 17` is `vctx why 17` on the open session."""

import shlex
from collections.abc import Mapping
from typing import Any

import click

from vctx.cli.session import Session
from vctx.errors import VctxError

NAMES = (
    *("window", "why", "pin", "unpin", "forget", "fork", "switch", "rewind", "branches"),
    *("search", "recall", "show", "ls", "log", "diff", "stats", "add", "export", "backup", "check"),
)
"""Commands of the command line that a chat knows, by the same names and with the same arguments."""
HELP, QUIT = "help", "quit"
_LIKE_THE_GROUP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


class Quit(Exception):
    """The user has said /quit."""


def said(line: str) -> bool:
    """Whether a line is a command. One that begins with a space is not, and is said as it stands."""
    return line.startswith("/")


def known(group: click.Group) -> dict[str, click.Command]:
    """The commands of a chat, but for /help and /quit."""
    return {name: group.commands[name] for name in NAMES if name in group.commands}


def run(line: str, group: click.Group, session: Session) -> None:
    """Does what a line beginning with / says. What is wrong is told, and the chat goes on.

    Raises Quit, and KeyboardInterrupt after Ctrl-C.
    """
    commands = known(group)
    try:
        name, *args = shlex.split(line[1:]) or [HELP]
        if name == QUIT:
            raise Quit
        if name == HELP:
            click.echo(_help(commands, args))
        elif name in commands:
            commands[name].main(
                args, f"/{name}", standalone_mode=False, obj=session, color=_color(), **_LIKE_THE_GROUP
            )
        else:
            _wrong(f"no command is called /{name}; /help lists them; a line that begins with a space is said")
    except (click.ClickException, VctxError) as error:
        _wrong(error.format_message() if isinstance(error, click.ClickException) else str(error))
    except ValueError as error:
        _wrong(f"{error}: {line}")
    except click.Abort as error:  # click's name for Ctrl-C
        raise KeyboardInterrupt from error
    except (SystemExit, click.exceptions.Exit):
        pass  # an exit code is the shell's business


def _help(commands: Mapping[str, click.Command], args: list[str]) -> str:
    if args and (command := commands.get(args[0].removeprefix("/"))):
        return command.get_help(click.Context(command, info_name=f"/{command.name}", **_LIKE_THE_GROUP))
    rows = [(f"/{name}", command.get_short_help_str(60)) for name, command in commands.items()]
    rows += [(f"/{HELP} COMMAND", "Tell more of one."), (f"/{QUIT}", "End; Ctrl-D does, too.")]
    return "\n".join(f"  {name:<15} {words}" for name, words in rows)


def _color() -> bool | None:
    context = click.get_current_context(silent=True)
    return context.find_root().color if context else None


def _wrong(text: str) -> None:
    click.secho(f"Error: {text}", err=True, fg="red")
