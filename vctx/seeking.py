"""Recall on one session's disk: what waits is embedded, what a recall requests is read, hits are loaded.

`vctx.recall` decides what is asked and how it is ranked; the window, what of it is loaded.
"""

import math
from collections.abc import Collection, Sequence
from typing import Any

from vctx import quote, recall
from vctx.backlog import Backlog
from vctx.ports import Clock, Disk
from vctx.types import Beside, Find, Hit, Places, Quote, Read, Score, Search, Written
from vctx.weights import Weights
from vctx.window import Window

PRICED = 64
"""Hits that a fault may choose among."""
BOUND = 2048
"""Pages that a recall embeds before it searches; more wait, and the journal says how many."""


class Seeking:
    """Finds what answers a query on `disk`, and loads it into `window`."""

    def __init__(self, disk: Disk, backlog: Backlog, window: Window, weights: Weights, clock: Clock) -> None:
        self._disk = disk
        self._backlog = backlog
        self._window = window
        self._weights = weights
        self._clock = clock

    def search(
        self, query: str, k: int | None, before: Sequence[str] | None, without: Collection[int]
    ) -> list[Hit]:
        """Ranks what is on disk for a query; see `Memory.search`."""
        self._backlog.embed(BOUND, self._window.scale.text)
        last = self._disk.pages(kind="message", last=2, branch=self._branch)
        said = [page.text for page in last if page.origin == "user" and page.text != query]
        today = last[-1].created_at if last else self._clock()
        steps = recall.recall(
            query, weights=self._weights, now=today, before=said if before is None else before, most=k
        )
        vectors: dict[str, Any] = {}
        return recall.run(steps, lambda request: self._answer(request, vectors, without))

    def load(
        self, ranked: Sequence[Hit], query: str, tokens: int | None, *, hold: int = 0, whole: bool
    ) -> list[Hit]:
        """Loads of what is ranked what is worth its price; with `whole`, as much as the tokens hold."""
        floor = -math.inf if whole else self._weights.floor(ranked[0].score if ranked else 0.0)
        waiting = self._disk.stats().pending
        return self._window.load(ranked, query, tokens, hold=hold, floor=floor, waiting=waiting)

    def support(self, claim: str, hits: Sequence[Hit]) -> Quote | None:
        """The sentence in what `hits` brought in that is nearest to a claim in meaning."""
        found = quote.candidates([(self._window.ledger.page(hit.page), hit.span) for hit in hits])
        if not found:
            return None
        vectors = self._backlog.vectors([claim, *(text for _, text in found)])
        return quote.nearest(found, (vectors[1:] @ vectors[0]).tolist())

    @property
    def _branch(self) -> int:
        return self._window.ledger.branch

    def _answer(self, request: recall.Request, vectors: dict[str, Any], without: Collection[int]) -> Any:
        """What the disk has for a request of recall; each text is embedded once."""
        match request:
            case Search(text):
                vector = self._vectors((text,), vectors)[0]
                return self._disk.search(request, vector, branch=self._branch).without(without)
            case Score(texts, pages):
                return self._disk.cosines(self._vectors(texts, vectors), pages)
            case Read(pages):
                around = self._disk.around(pages, branch=self._branch)
                return [page for page in around if page.id not in without] if without else around
            case Places(pages):
                return self._disk.places(pages)
            case Beside(pages, reach):
                return self._disk.beside(pages, reach)
            case Written(first, last):
                written = self._disk.written(first, last, branch=self._branch)
                return [page for page in written if page not in without]
            case Find(phrase, k):
                named = self._disk.phrase(phrase, k, branch=self._branch)
                return [page for page in named if page not in without]

    def _vectors(self, texts: Sequence[str], known: dict[str, Any]) -> Any:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known |= zip(new, self._backlog.vectors(new), strict=True)
        return [known[text] for text in texts]
