"""A reply's text in pieces, as it grows: what may turn out to be no text of it is held back. Pure."""

from collections.abc import Sequence

from vctx.formats import OPEN, called
from vctx.types import ToolCall

UNFINISHED = "\ufffd"
"""As which a tokenizer decodes a character whose last bytes are still to come."""


class Pieces:
    """Gives out a growing text, and never a part of a stop string, of a call, or of half a character.

    `stops` end the text; where `calls` may stand in it, nothing from the first of them on is given out
    before the end, nor the white space before it.
    """

    def __init__(self, *, stops: Sequence[str] = (), calls: bool = False) -> None:
        self._stops = tuple(stops)
        self._calls = calls
        self._given = ""

    def stopped(self, text: str) -> bool:
        """Whether a stop string stands in it."""
        return any(stop in text for stop in self._stops)

    def grow(self, text: str) -> str:
        """What may be given out of `text`, all that was generated so far, and was not yet."""
        return self._give(self._sure(text))

    def end(self, text: str, first: int = 1) -> tuple[str, tuple[ToolCall, ...]]:
        """(what is left to give out of the whole text, the calls in it, by ids from `call_<first>` on)."""
        text = text[: min((at for stop in self._stops if (at := text.find(stop)) >= 0), default=len(text))]
        text, calls = called(text.strip(), first) if self._calls else (text, ())
        return self._give(text), calls

    @property
    def given(self) -> str:
        """All that was given out."""
        return self._given

    def _give(self, text: str) -> str:
        if not text.startswith(self._given):
            return ""
        piece = text[len(self._given) :]
        self._given = text
        return piece

    def _sure(self, text: str) -> str:
        marks = (*self._stops, OPEN) if self._calls else self._stops
        text = text[: min((_begins(text, mark) for mark in marks), default=len(text))]
        text = text.rstrip(UNFINISHED)
        return text.strip() if self._calls else text


def _begins(text: str, mark: str) -> int:
    """Where `mark` begins in `text`, or may at its end; its length where it cannot."""
    at = text.find(mark)
    if at >= 0:
        return at
    ends = (n for n in range(min(len(mark) - 1, len(text)), 0, -1) if text.endswith(mark[:n]))
    return len(text) - next(ends, 0)
