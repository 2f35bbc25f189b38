"""What stands in the sessions of one user, read as if it were one: for a search across them.

A page's number on the shelf is its session's number times 2**32, plus its own: so neighbours, spans and
scores mean what they mean within a session. Only the index of vectors goes across; words are asked for in
each session, in at most ASKED of them.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vctx.candidates import Candidates
from vctx.errors import DiskError
from vctx.storage import cache
from vctx.storage.disk import SqliteDisk, Vectors
from vctx.storage.folder import Folder, State
from vctx.storage.index import SpanIndex
from vctx.storage.lately import Lately
from vctx.storage.union import both, union, without
from vctx.types import Page, Search, SessionInfo

ASKED = 256
"""Sessions in which words are looked for: those that meaning found, then those that changed last."""

OPEN = 256
"""Sessions that are kept open."""

KEPT = 2000
"""Rows below which the index is made as fast as it is loaded."""

_SHIFT = 32
_MASK = (1 << _SHIFT) - 1


@dataclass
class _Taken:
    """What the index has of a session."""

    number: int
    state: State = ()
    forgotten: int = 0
    watermark: int = 0
    waiting: bool = False


class Shelf:
    """The sessions of `user` in a folder, as they stood at the last `look`; made for `embedder`'s vectors."""

    def __init__(self, folder: Folder, user: str, embedder: tuple[str, int]) -> None:
        self._folder = folder
        self._user = user
        self._embedder = embedder
        self.index = SpanIndex(embedder[1])
        """Of every embedded span; a page's number is the one on the shelf."""
        self._taken: dict[str, _Taken] = {}
        self._open: OrderedDict[str, SqliteDisk] = OrderedDict()
        self._names: dict[int, str] = {}
        self._lately = Lately()
        self._recent: list[str] = []
        self._saved = self._next = 0
        self.unread: dict[str, SessionInfo] = {}
        """Sessions that could not be searched, and why."""
        self._load()

    def look(self) -> list[str]:
        """Takes in what has changed since; returns the sessions in which pages wait for their embedding."""
        known = self._folder.look()
        mine = {name: info for name, (_, info) in known.items() if info.user == self._user}
        self.unread = {name: info for name, info in mine.items() if info.problem}
        state = {name: known[name][0] for name in mine}
        changed = [n for n, taken in self._taken.items() if not state.get(n) or taken.state != state[n]]
        if changed:
            self._lately.clear()
        # What has changed while nobody held it open may have been replaced: it is read anew.
        self._drop([name for name in changed if name not in self._open or name not in mine])
        for name, info in mine.items():
            if not info.problem and (name not in self._taken or name in changed):
                try:
                    self._take_in(name, state[name])
                except DiskError as error:
                    self._drop([name])
                    self.unread[name] = replace(info, problem=str(error))
        written = {name: max(state[name][::3], default=2**63) for name in self._taken}
        self._recent = sorted(written, key=lambda name: (-written[name], name))
        self._names = {taken.number: name for name, taken in self._taken.items()}
        return [name for name in self._recent if self._taken[name].waiting]

    def disk(self, name: str) -> SqliteDisk:
        """One session, open. DiskError where it cannot be, or is another user's."""
        if name not in self._open:
            disk = SqliteDisk(self._folder.file(name))
            try:
                # The catalogue may be wrong; the session is not.
                if disk.owner[0] != self._user:
                    raise DiskError(f"{name} is a session of another user")
            except BaseException:
                disk.close()
                raise
            self._open[name] = disk
            if len(self._open) > OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(name)
        return self._open[name]

    def place(self, page: int) -> tuple[str, int]:
        """The session and its own number of a page on the shelf."""
        return self._names[page >> _SHIFT], page & _MASK

    # -- as a disk is read

    def search(self, search: Search, vector: Vectors) -> Candidates:
        """As SqliteDisk.search; BM25 weighs a word by the pages of its session, which must rank the page."""
        dense = self.index.nearest(vector, search.k)
        meant, _ = self.index.named(dense[0])
        lexical: dict[int, float] = {}
        for name, disk in self._ask(dict.fromkeys(meant.tolist())).items():
            base = self._taken[name].number << _SHIFT
            found = disk.search(search, None)
            lexical |= zip((found.page | base).tolist(), found.lexical.tolist(), strict=True)
        best = dict(sorted(lexical.items(), key=lambda item: -item[1])[: search.k])
        rest = self.index.best(without(best, meant), vector)
        best |= {page: lexical[page] for page in meant.tolist() if page in lexical}
        return union(self.index, both(dense, rest), best)

    def cosines(self, vectors: Sequence[Vectors], pages: Sequence[int]) -> Vectors:
        """As SqliteDisk.cosines."""
        return self.index.cosines(np.array(pages, np.int64), np.array(vectors, np.float32))

    def around(self, pages: Sequence[int]) -> list[Page]:
        """As SqliteDisk.around, within the session of each; the pages carry their numbers on the shelf."""
        found: list[Page] = []
        for name, base, own in self._by_session(pages):
            near = {base | page.id: page for page in self.disk(name).around(own)}
            known = self._lately.known(near)
            new = {id: replace(page, id=id) for id, page in near.items() if id not in known}
            self._lately.keep(new)
            known |= new
            found += [known[id] for id in near]
        return found

    def places(self, pages: Sequence[int]) -> list[int]:
        """As SqliteDisk.places; on the shelf."""
        found = dict(zip(pages, pages, strict=True))
        for name, base, own in self._by_session(pages):
            stand = self.disk(name).places(own)
            found |= {base | page: base | place for page, place in zip(own, stand, strict=True)}
        return list(found.values())

    def beside(self, pages: Sequence[int], reach: int) -> list[int]:
        """As SqliteDisk.beside, within the session of each."""
        return [
            base | page
            for name, base, own in self._by_session(pages)
            for page in self.disk(name).beside(own, reach)
        ]

    def phrase(self, text: str, k: int) -> list[int]:
        """As SqliteDisk.phrase."""
        found: list[int] = []
        for name, disk in self._ask(()).items():
            base = self._taken[name].number << _SHIFT
            found += (base | page for page in disk.phrase(text, k - len(found)))
            if len(found) >= k:
                break
        return found

    def written(self, first: date, last: date) -> list[int]:
        """As SqliteDisk.written, in the sessions that changed last."""
        return [
            self._taken[name].number << _SHIFT | page
            for name, disk in self._ask(()).items()
            for page in disk.written(first, last)
        ]

    def close(self) -> None:
        """Keeps the index in its cache, where that saves time, and closes every session."""
        with suppress(OSError):
            self._save()
        while self._open:
            self._open.popitem()[1].close()

    def _ask(self, meant: Any) -> dict[str, SqliteDisk]:
        """The sessions in which words are looked for."""
        first = dict.fromkeys(self._names[page >> _SHIFT] for page in meant)
        return {name: self.disk(name) for name in list(first | dict.fromkeys(self._recent))[:ASKED]}

    def _by_session(self, pages: Sequence[int]) -> list[tuple[str, int, list[int]]]:
        """(name, what its numbers begin with, its own page numbers) of each session."""
        own: defaultdict[int, list[int]] = defaultdict(list)
        for page in pages:
            own[page >> _SHIFT].append(page & _MASK)
        return [(self._names[n], n << _SHIFT, own[n]) for n in sorted(own) if n in self._names]

    # -- the index

    def _take_in(self, name: str, state: State) -> None:
        disk = self.disk(name)
        if (made := disk.embedder) and made != self._embedder:
            raise DiskError(f"{name} was embedded by {made[0]}, not by {self._embedder[0]}: vctx reembed")
        if name not in self._taken:
            self._taken[name] = _Taken(self._next)
            self._next += 1
        taken = self._taken[name]
        forgotten, rows = disk.vectors(taken.watermark)
        if forgotten != taken.forgotten and taken.watermark:
            self.index.drop(self._rows([taken.number]))
            taken.watermark = 0
            forgotten, rows = disk.vectors(0)
        base = taken.number << _SHIFT
        self.index.add([(row[0], base | row[1], *row[2:]) for row in rows])
        taken.state, taken.forgotten, taken.waiting = state, forgotten, disk.stats().pending > 0
        taken.watermark = rows[-1][0] if rows else taken.watermark

    def _drop(self, names: Sequence[str]) -> None:
        numbers = [self._taken.pop(name).number for name in names if name in self._taken]
        if numbers:
            self.index.drop(self._rows(numbers))
        for name in names:
            if name in self._open:
                self._open.pop(name).close()

    def _rows(self, numbers: Sequence[int]) -> NDArray[np.bool_]:
        return np.isin(self.index.places[:, 0] >> _SHIFT, numbers)

    def _load(self) -> None:
        found = cache.load(self._folder.across(self._user))
        if found is not None and found[1].get("embedder") == list(self._embedder):
            self.index = found[0]
            self._taken = {
                name: _Taken(number, tuple(state), *rest)
                for name, (number, state, *rest) in found[1]["sessions"].items()
            }
            self._saved = len(self.index)
            self._next = 1 + max((taken.number for taken in self._taken.values()), default=-1)

    def _save(self) -> None:
        if len(self.index) < KEPT or 8 * abs(len(self.index) - self._saved) < len(self.index):
            return
        path = self._folder.across(self._user)
        part = cache.half(path)
        known = {name: astuple(taken) for name, taken in self._taken.items()}
        try:
            cache.save(part, self.index, {"embedder": self._embedder, "sessions": known})
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        # Whoever forgot something meanwhile has deleted the caches, perhaps before this one had its name.
        if any(self._changed(name, taken) for name, taken in self._taken.items()):
            path.unlink(missing_ok=True)

    def _changed(self, name: str, taken: _Taken) -> bool:
        if taken.state == self._folder.state(name):
            return False
        try:
            with SqliteDisk(self._folder.file(name)) as disk:
                return disk.vectors(taken.watermark)[0] != taken.forgotten
        except DiskError:
            return True
