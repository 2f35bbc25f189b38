"""`vctx ask`: one question, for people, pipes and scripts."""

import sys

import click

from vctx.cli import show, speech
from vctx.cli.session import Session, existing, session_options


@click.command()
@click.argument("question", default="-")
@session_options
@existing
def ask(session: Session, question: str) -> None:
    """Ask one question; print the answer and its source.

    Without a question, or with -, it is read from standard input. Question and answer join the
    conversation; `vctx search` looks without a model, and leaves no trace.

    \b
      vctx ask --db book.db "Who is the captain of the Pequod?"
      echo "Who is Ishmael?" | vctx ask --db book.db
      vctx ask --db book.db --json "Who is Queequeg?"
    """
    if question == "-" and sys.stdin.isatty():
        click.echo("(the question, then Ctrl-D)", err=True)
    text = speech.text(sys.stdin.read() if question == "-" else question).strip()
    if not text:
        raise click.UsageError("the question is empty")
    with session.open() as ctx:
        said = speech.heard(ctx, text, aloud=not session.as_json)
    below = show.source(said.answer, said.quote, said.reserve)
    session.emit(show.answer(said.answer, said.quote, said.pages), below)
