"""`vctx chat`: a conversation, on a terminal or from a pipe."""

import sys

import click

from vctx.cli import show
from vctx.cli.session import Session, session_options


@click.command()
@session_options
def chat(session: Session) -> None:
    """Chat; what has left the window is paged in when it matters.

    An empty line is skipped; end with Ctrl-D. Everything said is kept in the session.

    \b
      vctx chat --db alice.db --window 2048
    """
    with session.open() as ctx:
        for line in sys.stdin:
            if text := line.strip():
                answer = ctx.chat(text)
                session.emit(show.answer(answer, None, []), show.said(answer))
