"""Which strings quote a text, and what is left of a journal line without them. Pure."""

import json
import re
from collections.abc import Sequence
from typing import Any

_WORD = re.compile(r"[^\W_]+")

_RUN = 4
"""Words in a row that make a quotation; a text that has fewer is quoted by all of its words."""

_PART = 8
"""Characters that make one where a string stands in the text as it is."""

_PIECE = 32
"""Characters of a piece to look for in files: what is shorter stands in other texts, too."""

_RARE = 7
"""Letters of a word that is worth looking for by itself."""


class Quotes:
    """The texts that are gone, and `lost`: their words that stand in no other text."""

    def __init__(self, texts: Sequence[str], lost: set[str]) -> None:
        self._texts = [text.strip() for text in texts if text.strip()]
        self._lost = lost
        self._runs = {run for text in texts for run in _runs(words(text))}

    def without(self, line: str) -> str:
        """A line of JSON with every string in it that quotes emptied; the same line where none does."""
        if ':"' not in line and '["' not in line:
            return line
        old = json.loads(line)
        new = self._cleared(old)
        return line if new == old else json.dumps(new, ensure_ascii=False, separators=(",", ":"))

    def within(self, string: str) -> bool:
        """Whether a string holds a lost word, a run of words of a text, a text, or a part of one."""
        found = words(string)
        if not self._lost.isdisjoint(found) or not self._runs.isdisjoint(_runs(found)):
            return True
        part = string.strip()
        return any(_either_in(part, text) for text in self._texts)

    def _cleared(self, value: Any) -> Any:
        if isinstance(value, str):
            return "" if self.within(value) else value
        if isinstance(value, list):
            return [self._cleared(item) for item in value]
        if isinstance(value, dict):
            return {key: self._cleared(item) for key, item in value.items()}
        return value


def _either_in(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    return short == long or (len(short) >= _PART and short in long)


def words(text: str) -> list[str]:
    """The words of a text in lower case, in order."""
    return _WORD.findall(text.lower())


def pieces(texts: Sequence[str], lost: set[str], limit: int) -> list[bytes]:
    """At most `limit` byte strings that should be in no file once the texts are gone."""
    found: dict[bytes, None] = {}
    rare = sorted((word for word in lost if len(word) >= _RARE), key=len, reverse=True)
    for text in [*texts, *rare[: len(texts)]]:
        middle = max(0, len(text) // 2 - _PIECE // 2)
        found[text[middle : middle + _PIECE].encode("utf-8", "surrogatepass")] = None
        found[text[:_PIECE].encode("utf-8", "surrogatepass")] = None
    return [piece for piece in found if len(piece) >= _RARE][:limit]


def _runs(found: Sequence[str]) -> list[tuple[str, ...]]:
    """Every run of words; all of them where they are too few for one."""
    if len(found) < _RUN:
        return [tuple(found)] if found else []
    return [tuple(found[i : i + _RUN]) for i in range(len(found) - _RUN + 1)]
