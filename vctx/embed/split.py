"""Where a long text is cut. Pure: offsets in, spans out.

A span ends after the last paragraph break of its second half; failing that after a sentence, a line,
a word; failing all of them before the first token that does not fit.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from vctx.types import Span

BREAKS = (
    ("\n\n", "\r\n\r\n", "\u2029"),
    (". ", "! ", "? ", ".\n", "!\n", "?\n", "。", "！", "？"),
    ("\n", "\r"),
    (" ", "\t", "\u00a0", "\u3000"),
)
"""Best first; the break itself stays with the span that it ends."""

Counter = Callable[[Sequence[str]], list[int]]


def split(text: str, starts: Sequence[int], budget: int, cap: int) -> list[Span]:
    """Consecutive spans that cover `text`, each of at most `budget` tokens and `cap` characters.

    `starts` holds the first character of every token of the whole text, ascending. A token may count
    differently once its span stands alone: see `settle`.
    """
    spans: list[Span] = []
    start = 0
    while start < len(text):
        stop = _stop(text, start, starts, budget, cap)
        spans.append((start, stop))
        start = stop
    return spans or [(0, 0)]


def settle(text: str, spans: Sequence[Span], count: Counter, budget: int) -> list[Span]:
    """Halves each span that exceeds `budget` tokens when counted by itself, until none does.

    A single character is never cut.
    """
    settled: list[Span] = []
    todo = list(spans)
    while todo:
        counts = count([text[start:stop] for start, stop in todo])
        over = [
            tokens > budget and stop - start > 1 for (start, stop), tokens in zip(todo, counts, strict=True)
        ]
        settled += [span for span, big in zip(todo, over, strict=True) if not big]
        todo = [half for span, big in zip(todo, over, strict=True) if big for half in _halves(text, span)]
    return sorted(settled)


def _stop(text: str, start: int, starts: Sequence[int], budget: int, cap: int) -> int:
    first = bisect_left(starts, start)
    fits = starts[first + budget] if first + budget < len(starts) else len(text)
    stop = min(fits, start + cap)
    # Several tokens may stand for one character (a Hangul syllable is two or three): go on by at least one.
    return len(text) if stop >= len(text) else _cut(text, start, max(stop, start + 1))


def _halves(text: str, span: Span) -> list[Span]:
    start, stop = span
    middle = _cut(text, start, (start + stop + 1) // 2)
    return [(start, middle), (middle, stop)]


def _cut(text: str, start: int, stop: int) -> int:
    """The best place in the second half of [start, stop] to end a span."""
    middle = start + (stop - start) // 2
    for kind in BREAKS:
        ends = [text.rfind(mark, middle, stop) + len(mark) for mark in kind if mark in text[middle:stop]]
        if ends:
            return max(ends)
    return stop
