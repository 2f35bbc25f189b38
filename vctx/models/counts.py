"""Counts of texts, remembered: a window is counted at every turn, and most of it was counted before."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

REMEMBERED = 1 << 16
"""Texts whose count is kept: by digest, so some 10 MB at most."""


class Counts:
    """A function that counts one text, and what it has counted."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._known: dict[bytes, int] = {}

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """The count of each text, in order."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> int:
        if not text:
            return 0
        key = blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            known = self._count(text)
            if len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known)), None)
            self._known[key] = known
        return known
