"""A chat's input on a terminal: history, several lines, completion, a status line. By prompt_toolkit.

What was said is read from the session itself, never from a file of its own: what is forgotten is gone
from the history, too.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from vctx.cli import complete, slash

if TYPE_CHECKING:
    from vctx.cli.session import Session

REMEMBERED = 200
"""Messages that the history begins with."""


class Slash(Completer):
    """Completes the names of commands, and their first argument, as the shell would."""

    def __init__(self, group: click.Group, session: "Session") -> None:
        self._commands = slash.known(group)
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not slash.said(text) or "\n" in text:
            return
        name, space, rest = text[1:].partition(" ")
        if not space:
            for known in (*self._commands, slash.HELP, slash.QUIT):
                if known.startswith(name):
                    yield Completion(known, start_position=-len(name))
        elif name in self._commands and " " not in rest:
            command = self._commands[name]
            context = click.Context(command, obj=self._session)
            for item in complete.first(command, context, rest):
                yield Completion(str(item.value), -len(rest), display_meta=item.help or "")


def capable() -> bool:
    """Whether there is a terminal at both ends that can do more than print."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def lines(
    group: click.Group, session: "Session", past: Callable[[], Iterable[str]], status: Callable[[], str]
) -> Iterator[str]:
    """What the user says, one message at a time, until Ctrl-D. Ctrl-C clears what is being written."""
    below = ""
    prompt: PromptSession[str] = PromptSession(
        multiline=True,
        key_bindings=_keys(),
        completer=Slash(group, session),
        complete_while_typing=Condition(lambda: False),
        bottom_toolbar=lambda: FormattedText([("noreverse fg:ansibrightblack", below)]),
        prompt_continuation="  ",
        enable_history_search=True,
    )
    while True:
        # Once for each prompt: the line below is drawn at every key.
        below = status()
        prompt.history = prompt.default_buffer.history = InMemoryHistory(list(past()))
        try:
            yield prompt.prompt("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def _keys() -> KeyBindings:
    """Enter sends; Alt-Enter, or Enter after a backslash, begins a new line."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
