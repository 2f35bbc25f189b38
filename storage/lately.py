"""Pages that were read lately, in two generations: what nobody asks for any more leaves."""

from collections.abc import Iterable, Mapping

from vctx.types import Page

GENERATION = 8192
"""Pages of a generation, at most: most of those that a recall has read will be candidates again."""


class Lately:
    """Pages by number; at most two generations of them."""

    def __init__(self) -> None:
        self._new: dict[int, Page] = {}
        self._old: dict[int, Page] = {}

    def known(self, ids: Iterable[int]) -> dict[int, Page]:
        """Those of the pages that are here; they stay for another generation."""
        new, old = self._new, self._old
        found: dict[int, Page] = {}
        for id in ids:
            if (page := new.get(id)) is not None:
                found[id] = page
            elif (page := old.get(id)) is not None:
                found[id] = new[id] = page
        return found

    def keep(self, pages: Mapping[int, Page]) -> None:
        """Takes in pages that were just read."""
        self._new |= pages
        if len(self._new) > GENERATION:
            self._old, self._new = self._new, {}

    def clear(self) -> None:
        """Forgets all of them."""
        self._new, self._old = {}, {}
