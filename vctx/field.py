"""What was learnt about a question's candidates, and what shows of it, whatever is asked. Pure; numpy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from vctx.candidates import Column, Numbers
from vctx.dates import Days, intervals
from vctx.kept import Kept
from vctx.lexicon import Traits, holds, traits
from vctx.types import Page

SITTING = timedelta(hours=6)
"""A longer silence ends what is one conversation."""
UNTITLED: frozenset[str] = frozenset()


def _title(page: Page) -> frozenset[str]:
    if page.source is None:
        return UNTITLED
    return traits(f"{page.source.document} {page.source.heading}").stems


LIKE = Kept(lambda page: traits(page.text))
"""What a page's text is like."""
TITLE = Kept(_title)
"""The stems of a page's title and heading."""
TIMES: Kept[tuple[Days, ...]] = Kept(lambda page: intervals(page.text, page.created_at.date()))
"""The times that a page speaks of."""
DATED = Kept(lambda page: holds(page.text, "time"))
"""Whether a page tells when."""
NAMED = Kept(lambda page: holds(page.text, "name"))
"""Whether a page names somebody."""


@dataclass(frozen=True)
class Field:
    """Pages and neighbours in the order in which they stand, with the cosines of two texts to each."""

    pages: Sequence[Page]
    question: Column
    """Cosine of each page to the question; NaN where it has no vector."""
    core: Column
    now: datetime
    names: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Names that the best candidates name, and the pages that were found for each."""
    places: Sequence[int] | None = None
    """Where each page stands; by default, its number."""

    @cached_property
    def ids(self) -> Numbers:
        """The number of each page."""
        return np.array([page.id for page in self.pages], np.int64)

    def rows(self, pages: Numbers) -> Numbers:
        """Where pages stand among these."""
        order = np.argsort(self.ids, kind="stable")
        found: Numbers = order[self.ids.searchsorted(pages, sorter=order)]
        return found

    @cached_property
    def like(self) -> list[Traits]:
        """What each page's text is like."""
        return LIKE.all(self.pages)

    @cached_property
    def titled(self) -> bool:
        """Whether any page is of a document."""
        return any(page.source for page in self.pages)

    @cached_property
    def titles(self) -> list[frozenset[str]]:
        """The stems of each page's title and heading."""
        return TITLE.all(self.pages)

    @cached_property
    def talk(self) -> Column:
        """1 for what somebody said, 0 for a chunk."""
        return np.array([page.talk for page in self.pages], np.float64)

    @cached_property
    def written(self) -> Column:
        """When each page was written, in seconds."""
        return np.array([page.created_at.timestamp() for page in self.pages])

    @cached_property
    def goes_on(self) -> NDArray[np.bool_]:
        """Whether each page but the last goes on in the next: the same sitting, or the same document."""
        places = self.ids if self.places is None else np.array(self.places, np.int64)
        found: NDArray[np.bool_] = (np.diff(places) == 1) & self._same
        return found

    @cached_property
    def sitting(self) -> Numbers:
        """The number of the sitting, or of the document, of each page."""
        return np.concatenate([[0], np.cumsum(~self._same)]).astype(np.int64)

    @cached_property
    def starts(self) -> Numbers:
        """Where each sitting begins."""
        return np.flatnonzero(np.diff(self.sitting, prepend=-1))

    @cached_property
    def _same(self) -> NDArray[np.bool_]:
        close: NDArray[np.bool_] = np.diff(self.written) < SITTING.total_seconds()
        if not self.titled:
            return close
        names = [page.source.document if page.source and not page.talk else "" for page in self.pages]
        talk = np.array([not name for name in names[1:]], bool)
        same: NDArray[np.bool_] = np.array([a == b for a, b in pairwise(names)], bool) & (close | ~talk)
        return same

    def trait(self, name: str) -> Column:
        """One of the traits of each page, as a number."""
        return np.fromiter(map(attrgetter(name), self.like), np.float64, len(self.like))

    def near(self, values: Column) -> Column:
        """The mean of each page's value and its neighbours'."""
        total, count = values.copy(), np.ones(len(values))
        total[1:] += values[:-1] * self.goes_on
        total[:-1] += values[1:] * self.goes_on
        count[1:] += self.goes_on
        count[:-1] += self.goes_on
        mean: Column = total / count
        return mean

    def before(self, values: Column) -> Column:
        """The value of the page before each; the mean of all where there is none."""
        out = np.full(len(values), values.mean())
        out[1:] = np.where(self.goes_on, values[:-1], out[1:])
        return out

    def after(self, values: Column) -> Column:
        """The value of the page after each; the mean of all where there is none."""
        out = np.full(len(values), values.mean())
        out[:-1] = np.where(self.goes_on, values[1:], out[:-1])
        return out

    def most(self, values: Column) -> Column:
        """The largest value in each page's sitting; of a table, in each of its columns."""
        best: Column = np.maximum.reduceat(values, self.starts, axis=0)[self.sitting]
        return best
