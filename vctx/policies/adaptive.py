"""Policies of two queues, for what was used once and what was used again: 2q and arc. Ghosts are pages that
have left and are still remembered, without their text."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

from vctx.policies.base import Queue

IN, OUT = 0.25, 0.5
"""2q's shares, as Johnson and Shasha recommend: of its first queue, and of the ghosts it remembers."""


class Ghosts:
    """Pages that have left, oldest first, and the tokens of all."""

    def __init__(self) -> None:
        self.tokens = 0
        self._pages: OrderedDict[int, int] = OrderedDict()

    def __contains__(self, page: int) -> bool:
        return page in self._pages

    def add(self, pages: Mapping[int, int]) -> None:
        """These pages, each with its tokens, have left now."""
        for page, tokens in pages.items():
            self.tokens += tokens - self._pages.get(page, 0)
            self._pages[page] = tokens

    def forget(self, page: int) -> bool:
        """Whether the page was among them; it is no more."""
        tokens = self._pages.pop(page, None)
        self.tokens -= tokens or 0
        return tokens is not None

    def shorten(self, room: float) -> None:
        """Forgets the oldest until the rest is within `room` tokens."""
        while self._pages and self.tokens > room:
            self.tokens -= self._pages.popitem(last=False)[1]


class TwoQ(Queue):
    """2Q, full version (Johnson and Shasha 1994): a page waits in a first-in-first-out queue; only if it is
    asked for again after it has left does it come to the main queue, which is lru's.

    The first queue empties while it holds more than a quarter of the tokens that stay. Pages of 10 tokens:
    1 was said, left, and was paged in again, so it stands in the main queue; 2, 3, 4 are said. The first
    queue holds 30 of 40: 2 leaves, then 3 (20 of 30); 10 of 20 is still more than a quarter: 4, then 1.
    """

    name: str = "2q"

    def __init__(self) -> None:
        super().__init__()
        self._ghosts = Ghosts()

    @property
    def share(self) -> float:
        return IN

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        if page in self.once or page in self.again:
            self.touched(page, tick)
        elif self._ghosts.forget(page):
            self.again[page] = tokens
        else:
            self.once[page] = tokens

    def touched(self, page: int, tick: int) -> None:
        if page in self.again:
            self.again.move_to_end(page)

    def left(self, pages: Sequence[int], tick: int) -> None:
        room = OUT * self.tokens
        out, _ = self.part(pages)
        self._ghosts.add(out)
        self._ghosts.shorten(room)

    def forgot(self, pages: Collection[int]) -> None:
        super().forgot(pages)
        for page in pages:
            self._ghosts.forget(page)


class Arc(Queue):
    """The adaptive replacement cache (Megiddo and Modha 2003): two lru queues, for pages used once and for
    those used again, and the ghosts of both; a fault on a ghost gives more room to its queue.

    The target for the first queue is a share of the tokens that stay, from 0 to 1; a fault moves it by the
    page's share of what stood before the last flush, times the ratio of the ghosts where the other has more.
    Pages 1, 2, 3 of 10 tokens are said, and 1 is referenced: the queues are 2, 3 and 1. With the share still
    0, the first queue empties first: 2, 3, 1. If only 2 leaves and is asked for again, the share becomes
    10/30, and 2 joins the second queue behind 1: now 10 of 30 stand in the first, no more than its share,
    so 1 leaves first; then 10 of 20 is more than a third: 3, then 2.
    """

    name: str = "arc"

    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self._size = 1
        """Tokens that stood before the last flush: what the textbook calls the cache's size."""
        self._gone_once = Ghosts()
        self._gone_again = Ghosts()

    @property
    def share(self) -> float:
        return self._share

    def loaded(self, page: int, tokens: int, tick: int, *, fault: bool) -> None:
        if page in self.once or page in self.again:
            self.touched(page, tick)
        elif page in self._gone_once:
            self._lean(tokens, self._gone_once, self._gone_again)
            self._gone_once.forget(page)
            self.again[page] = tokens
        elif page in self._gone_again:
            self._lean(-tokens, self._gone_again, self._gone_once)
            self._gone_again.forget(page)
            self.again[page] = tokens
        else:
            self.once[page] = tokens

    def touched(self, page: int, tick: int) -> None:
        tokens = self.once.pop(page, None)
        if tokens is not None:
            self.again[page] = tokens
        elif page in self.again:
            self.again.move_to_end(page)

    def left(self, pages: Sequence[int], tick: int) -> None:
        self._size = max(self.tokens, 1)
        once, again = self.part(pages)
        self._gone_once.add(once)
        self._gone_again.add(again)
        self._gone_once.shorten(self._size - sum(self.once.values()))
        self._gone_again.shorten(2 * self._size - self.tokens - self._gone_once.tokens)

    def forgot(self, pages: Collection[int]) -> None:
        super().forgot(pages)
        for page in pages:
            self._gone_once.forget(page)
            self._gone_again.forget(page)

    def _lean(self, tokens: int, mine: Ghosts, other: Ghosts) -> None:
        ratio = max(1.0, other.tokens / max(mine.tokens, 1))
        self._share = min(1.0, max(0.0, self._share + ratio * tokens / self._size))
