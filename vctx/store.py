"""What a user holds of many sessions: a folder, one file each. Sessions share nothing.

A search goes across the sessions of one user, whom the caller names; never across users.
"""

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vctx import recall
from vctx.backlog import Backlog
from vctx.context import Context
from vctx.errors import DiskError, InputError
from vctx.ports import Clock, Embedder, Folder, Progress, Shelf, now, silent
from vctx.seeking import BOUND
from vctx.types import Beside, Find, Found, Match, Places, Read, Score, Search, SessionInfo, Written
from vctx.weights import Weights


class Store:
    """A folder of sessions. Not for use by two threads at once; several processes may each hold one.

    `opener` makes a Context of a session's file, `shelf` reads a user's sessions as one (for the vectors of
    an embedder: name and dimension), `embedder` gives what embeds the queries of a search.
    """

    def __init__(
        self,
        folder: Folder,
        opener: Callable[[Path], Context],
        shelf: Callable[[str, tuple[str, int]], Shelf],
        embedder: Callable[[], Embedder],
        *,
        weights: Weights,
        clock: Clock = now,
        progress: Progress = silent,
    ) -> None:
        self._folder = folder
        self._opener = opener
        self._make = shelf
        self._embedder = embedder
        self._weights = weights
        self._clock = clock
        self._progress = progress
        self._shelf: tuple[str, Shelf] | None = None

    def open(self, name: str, *, user: str | None = None, title: str | None = None) -> Context:
        """Opens the session of that name, or makes it; `user` and `title` are kept in its file.

        Raises InputError for a name that leads out of the folder, and for a session of another user.
        """
        return self._opener(self._folder.own(name, user, title))

    def own(self, name: str, *, user: str | None = None, title: str | None = None) -> None:
        """Says whose a session is, or its title, without opening it."""
        if not self._folder.file(name).is_file():
            raise InputError(f"no session {name} in the store")
        self._folder.own(name, user, title)

    def sessions(self, user: str | None = None) -> list[SessionInfo]:
        """The sessions by name, of one user where given; one that cannot be read says why."""
        return [info for info in self._folder.sessions() if user is None or info.user == user]

    def search(self, query: str, *, user: str, k: int = 20) -> Found:
        """The best `k` pages in the sessions of `user` ("" for those that are nobody's), best first.

        A session that is damaged, or has the vectors of another embedder, is named in `unread`.
        """
        shelf = self._looked(user)
        vector = functools.cache(lambda text: self._embedder().embed([text])[0])
        steps = recall.recall(query, weights=self._weights, now=self._clock(), most=k)
        hits = recall.run(steps, lambda request: _answer(shelf, request, vector))
        places = [shelf.place(hit.page) for hit in hits]
        matches = [
            Match(name, shelf.disk(name).get([page])[0], replace(hit, page=page))
            for hit, (name, page) in zip(hits, places, strict=True)
        ]
        return Found(tuple(matches), tuple(shelf.unread.values()))

    def forget(self, name: str) -> bool:
        """Deletes a session, and all that was derived of it; True once no file has it.

        Raises DiskError where there is none. Whoever has it open can write to it no more.
        """
        self._part()
        return self._folder.forget([name])

    def forget_user(self, user: str) -> bool:
        """Deletes every session of a user, and all that was derived of them; True once no file has them.

        Raises InputError where the user has none; DiskError where a session that cannot be read may be
        theirs, once all others are gone.
        """
        mine = [info.name for info in self.sessions(user)]
        if not user or not mine:
            raise InputError(f"no session of {user or 'nobody'}; name a user that `sessions()` lists")
        unknown = [info.name for info in self.sessions("") if info.problem]
        self._part()
        gone = self._folder.forget(mine)
        if unknown:
            raise DiskError(
                f"{len(mine)} sessions were deleted; {', '.join(unknown)} cannot be read, and may belong to"
                f" {user}, too: check them, or forget them by name"
            )
        return gone

    def close(self) -> None:
        """Closes what searches hold open; who opened a context closes it. May be called again."""
        self._part()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _looked(self, user: str) -> Shelf:
        """The user's shelf, up to date; what waits there is embedded, within a bound."""
        embedder = self._embedder()
        if self._shelf is None or self._shelf[0] != user:
            self._part()
            self._shelf = user, self._make(user, (embedder.name, embedder.dim))
        shelf, left = self._shelf[1], BOUND
        for name in shelf.look():
            with suppress(DiskError):  # it is named when it is looked at again
                disk = shelf.disk(name)
                before = disk.stats().pending
                left -= before - Backlog(disk, embedder, self._progress).embed(left)
        shelf.look()
        return shelf

    def _part(self) -> None:
        if self._shelf is not None:
            self._shelf[1].close()
            self._shelf = None


def _answer(shelf: Shelf, request: recall.Request, vector: Callable[[str], Any]) -> Any:
    match request:
        case Search():
            return shelf.search(request, vector(request.text))
        case Score(texts, pages):
            return shelf.cosines([vector(text) for text in texts], pages)
        case Read(pages):
            return shelf.around(pages)
        case Places(pages):
            return shelf.places(pages)
        case Beside(pages, reach):
            return shelf.beside(pages, reach)
        case Written(first, last):
            return shelf.written(first, last)
        case Find(phrase, k):
            return shelf.phrase(phrase, k)
