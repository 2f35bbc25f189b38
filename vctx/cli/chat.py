"""`vctx chat`: a conversation, on a terminal or from a pipe."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from vctx.cli import lines, show, slash, speech
from vctx.cli.session import Session, session_options
from vctx.errors import BudgetError, VctxError
from vctx.types import Call

if TYPE_CHECKING:
    from vctx.context import Context


@click.command()
@session_options
@click.pass_context
def chat(context: click.Context, /, session: Session) -> None:
    """Chat; what has left the window is paged in when it matters.

    On a terminal, Enter sends and Alt-Enter begins a new line; Ctrl-C ends an answer, Ctrl-D the chat.
    /help lists what may be asked of vctx itself: /window, /why 17, /pin 17, /forget 17, /fork, ... Each is
    the command of that name. From a pipe, each line is a message. Everything said is kept in the session.

    \b
      vctx chat --db alice.db
      vctx chat --db alice.db --window 2048
      echo "My cat is called Miso." | vctx chat --db alice.db
    """
    from vctx.cli import terminal

    group = context.find_root().command
    assert isinstance(group, click.Group)
    with session.open() as ctx:
        talk = Talk(ctx, replace(session, held=ctx), group)
        if terminal.capable() and not session.as_json:
            click.secho(talk.greeting(), dim=True)
            talk.follow(terminal.lines(group, talk.session, talk.past, talk.status), aloud=True)
        else:
            talk.follow((line.rstrip("\r\n") for line in sys.stdin), aloud=False)


@dataclass
class Talk:
    """A chat that goes on."""

    ctx: "Context"
    session: Session
    group: click.Group
    faults: int = 0
    """Of this chat."""
    calls: tuple[Call, ...] = ()
    """Of the session, where their prices are named: those that were read so far."""

    def follow(self, lines: Iterator[str], *, aloud: bool) -> None:
        """Answers line by line; `aloud` as people like it, else as a program does."""
        with suppress(slash.Quit):
            for line in lines:
                if slash.said(line):
                    self._command(line, aloud=aloud)
                elif text := line.strip():
                    self._aloud(text) if aloud else self._plain(text)

    def _command(self, line: str, *, aloud: bool) -> None:
        """On a terminal Ctrl-C ends the command, and not the chat."""
        try:
            slash.run(line, self.group, self.session)
        except KeyboardInterrupt:
            if not aloud:
                raise
            click.secho("\n(cancelled)", dim=True)

    def _plain(self, text: str) -> None:
        answer = self.ctx.chat(speech.text(text))
        self.session.emit(show.answer(answer, None, []), show.said(answer))

    def _aloud(self, text: str) -> None:
        """The answer while it comes; what goes wrong, and Ctrl-C, end it, and not the chat."""
        try:
            said = speech.heard(self.ctx, text, aloud=True)
        except KeyboardInterrupt:
            click.secho("\n(cancelled; what you said is kept)", dim=True)
        except VctxError as error:
            click.secho(f"\nError: {error}", err=True, fg="red")
        else:
            self.faults += said.answer.faults
            below = show.under(said.answer, said.quote, said.pages, said.reserve)
            click.secho(f"\n{lines.folded(below, get_terminal_size().columns)}\n", dim=True)

    def greeting(self) -> str:
        """Where the chat is, and what to do."""
        pages = self.ctx.stats().pages
        begun = f"{pages:,} pages on disk" if pages else "a new session"
        name = Path(self.session.db).name
        return f"{name}: {begun}. Alt-Enter: new line; /help: commands; Ctrl-D: end."

    def past(self) -> list[str]:
        """What the user has said, oldest first."""
        from vctx.cli.terminal import REMEMBERED

        said = self.ctx.history(REMEMBERED)
        return [page.text for page in said if page.role == "user"]

    def status(self) -> str:
        """One line: the session, what its window holds against the limit, faults and cost."""
        branch = f" (branch {self.ctx.branch})" if self.ctx.branch else ""
        faults = show.many(self.faults, "fault")
        return "   ".join((Path(self.session.db).name + branch, self._taken(), faults, *self._cost()))

    def _taken(self) -> str:
        room = self.ctx.budget.room
        try:
            taken = sum(region.tokens for region in self.ctx.regions() if region.name != "free")
        except BudgetError:
            return f"window over its {room:,} tokens"
        return f"window {taken:,} of {room:,} tokens, {taken / room:.0%}"

    def _cost(self) -> tuple[str, ...]:
        """Of the session's calls, where prices are named; the journal is read from where it was last."""
        if not self.session.prices:
            return ()
        new = self.ctx.usage(self.calls[-1].tick if self.calls else -1)
        self.calls += new.calls
        cost = replace(new, calls=self.calls).cost
        told = "cost not known" if cost is None else show.cost(cost, new.unit)
        return (told,) if self.calls else ()
