"""Text as wide as the terminal: lines are broken between words, where there are any. Pure."""

import textwrap
from collections.abc import Iterable, Iterator
from itertools import chain


def folded(text: str, width: int) -> str:
    """A text with its lines at most `width` columns wide; what goes on stands below where its line began."""
    return "\n".join(part for line in text.split("\n") for part in _folded(line, width))


def _folded(line: str, width: int) -> list[str]:
    if "\x1b" in line or cells(line) <= width:
        return [line]  # a picture is as wide as it is
    indent = line[: len(line) - len(line.lstrip())]
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(line) or [""]


def flowing(pieces: Iterable[str], width: int) -> Iterator[str]:
    """A text that comes in pieces, word by word, a new line before each word that would pass `width`.

    Letters of two columns, such as Chinese, are words of their own: there are no gaps between them.
    """
    column, gap, word, loose = 0, "", "", False
    for char in chain.from_iterable(pieces):
        wide = cells(char) == 2
        if not (wide or char.isspace()):
            word += char
            continue
        if word:
            text, column = _placed(gap, word, column, width, loose=loose)
            yield text
            gap, word, loose = "", "", False
        if wide:
            text, column = _placed(gap, char, column, width, loose=True)
            yield text
            gap, loose = "", True
            continue
        gap += char
        if char == "\n":
            yield gap
            column, gap = 0, ""
    if word:
        yield _placed(gap, word, column, width, loose=loose)[0]


def _placed(gap: str, word: str, column: int, width: int, *, loose: bool) -> tuple[str, int]:
    """What is printed at this column for a gap and a word, and the column after it.

    A line may end before the word where there is a gap, or where it is `loose`.
    """
    wide = cells(gap) + cells(word)
    if column and (gap or loose) and column + wide > width:
        return f"\n{word}", _column(cells(word), width)
    if not column:  # an indentation leaves a word its room
        gap = gap[: max(0, width - cells(word))]
        wide = cells(gap) + cells(word)
    return gap + word, _column(column + wide, width)


def _column(wide: int, width: int) -> int:
    """Where a text ends that the terminal breaks at its edge: at the edge itself, where it fills the line."""
    return (wide - 1) % width + 1


def cells(text: str) -> int:
    """The columns that a text takes: two for a letter of Chinese, none for an accent of its own."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    wide = wcswidth(text)
    return wide if wide >= 0 else len(text)
