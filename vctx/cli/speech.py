"""An answer while it comes: the pages that were found for it, the model's words, then the sources."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from vctx.cli import lines, show
from vctx.errors import InputError
from vctx.types import Answer, Hit, Page, Quote

if TYPE_CHECKING:
    from vctx.context import Context
    from vctx.turn import Request


UNREADABLE = "\ufffd"
"""What stands for bytes that are no UTF-8."""
ODD = 0.3
"""The share of such characters, and of control characters, above which it is no text."""


@dataclass(frozen=True)
class Said:
    """An answer with the sentence that supports it, and the pages that it had."""

    answer: Answer
    quote: Quote | None
    pages: Sequence[Page]
    reserve: int
    """Tokens that the reply might have taken."""


def text(given: str) -> str:
    """What was said, if it is text. Raises InputError for other bytes, as a pipe may bring them."""
    odd = sum(char == UNREADABLE or (char < " " and char not in "\t\n\r\f\x1b") for char in given)
    if "\0" in given or odd > len(given) * ODD:
        raise InputError("what was said is no text in UTF-8: `vctx add -` takes files")
    return given


def heard(ctx: "Context", text: str, *, aloud: bool) -> Said:
    """Asks; `aloud`, the model's words are printed as they come, and what happens meanwhile on stderr."""
    told = _Told(ctx)
    try:
        with ctx.stream(text, watch=told if aloud else None) as stream:
            for piece in _wide(trimmed(stream)):
                if aloud:
                    told.clear()
                    click.echo(piece, nl=False)
            answer = stream.answer
    finally:
        told.clear()
    if aloud:
        click.echo("" if answer.text.strip() else show.said(answer))
    quote = ctx.support(f"{text} {answer}", answer.hits)
    return Said(answer, quote, pages(ctx, answer.hits), ctx.budget.reserve)


def _wide(pieces: Iterable[str]) -> Iterable[str]:
    """As wide as the terminal, where there is one."""
    return lines.flowing(pieces, get_terminal_size().columns) if sys.stdout.isatty() else pieces


def trimmed(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces without the white space at either end."""
    begun, held = False, ""
    for piece in pieces:
        text = held + piece if begun else piece.lstrip()
        said = text.rstrip()
        held = text[len(said) :]
        if said:
            begun = True
            yield said


def pages(ctx: "Context", hits: Sequence[Hit]) -> list[Page]:
    """The pages of hits, each once."""
    return ctx.pages(list(dict.fromkeys(hit.page for hit in hits)))


@dataclass
class _Told:
    """Says on stderr what the turn is about to do, in one line that goes when the model speaks."""

    ctx: "Context"
    _stands: list[str] = field(default_factory=list)

    def __call__(self, step: "Request") -> None:
        from vctx.turn import ModelCall, ToolRun

        self.clear()
        if isinstance(step, ModelCall):
            self._say(f"reading {show.places(pages(self.ctx, step.hits))}" if step.hits else "")
        elif isinstance(step, ToolRun):
            click.secho(f"  {step.call.name} {step.call.arguments}", err=True, dim=True)

    def _say(self, text: str) -> None:
        if text and sys.stderr.isatty():
            width = get_terminal_size().columns
            click.secho(text if len(text) < width else f"{text[: width - 1]}…", err=True, dim=True, nl=False)
            self._stands.append(text)

    def clear(self) -> None:
        """Takes the line away."""
        if self._stands:
            click.echo("\r\x1b[K", err=True, nl=False, color=True)
            self._stands.clear()
