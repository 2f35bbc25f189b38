"""What the terminal can show: colours, where NO_COLOR does not ask for none, and letters beyond ASCII."""

import os
import sys

import click

from vctx.cli.picture import Look


def look() -> Look:
    """Of standard output."""
    return Look(_spells("█"), coloured())


def coloured() -> bool:
    """Whether what is printed may be coloured: on a terminal, unless NO_COLOR or TERM=dumb."""
    context = click.get_current_context(silent=True)
    refused = context is not None and context.find_root().color is False
    return sys.stdout.isatty() and not refused


def _spells(text: str) -> bool:
    """Whether the stream can encode a text, and the locale is not the bare C, where Python claims UTF-8."""
    locale = next((os.environ[n] for n in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(n)), "")
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return locale not in ("C", "POSIX")
