"""The seams to what lasts: a session's disk, the folder of many, and what reads several as one."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from vctx.types import Document, Entry, Page, Search, SessionInfo, Source, Stats, Vector

if TYPE_CHECKING:
    from vctx.candidates import Candidates
    from vctx.ports.models import Vectors


class Report(Protocol):
    """What a check of the disk found."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What only a copy can bring back."""
        ...

    @property
    def repaired(self) -> tuple[str, ...]:
        """What was derived and wrong, and has been made anew."""
        ...


class Disk(Protocol):
    """Where pages, vectors and the journal of one session last. Raises DiskError."""

    @property
    def embedder(self) -> tuple[str, int] | None:
        """Name and dimension of what made the vectors; None while there are none."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """The write lock of the session: all that is written inside is durable at its end, or absent."""
        ...

    def relaxed(self) -> AbstractContextManager[None]:
        """For bulk import: transactions inside end before they are durable; at its own end all of them are.

        Until then a power cut may take the last of them, in order. The end of the process takes none.
        """
        ...

    def put(self, pages: Sequence[Page]) -> list[Page]:
        """Stores pages and returns them with `id`, `seq` and `group` assigned. Inside a transaction.

        Those of group 0 become one group.
        """
        ...

    def add(self, document: Document) -> None:
        """Records a document whose chunks have been put. Inside a transaction."""
        ...

    def documents(self) -> list[Document]: ...

    def remove(self, document: str) -> list[int]:
        """Removes the record of a document and returns its chunks, to be erased. Inside a transaction.

        Raises InputError where there is none of that name.
        """
        ...

    def move(self, places: Mapping[int, Source]) -> None:
        """Writes down where pages stand now in a document that was changed; of none, if none has moved.

        Inside a transaction, with what is put and erased.
        """
        ...

    def erase(self, pages: Sequence[int]) -> tuple[int, ...]:
        """Deletes pages, every summary made from them, and all that was derived. Inside a transaction.

        Returns all pages that went; the journal keeps its plans and loses the texts that quote them.
        """
        ...

    def scrub(self) -> bool:
        """Removes the bytes of what was erased; False while a reader still holds them."""
        ...

    def get(self, ids: Sequence[int]) -> list[Page]:
        """The pages in the order asked; a DiskError names an id that is not there."""
        ...

    def pages(
        self, *, kind: str | None = None, last: int | None = None, branch: int | None = None
    ) -> list[Page]:
        """Pages in order; the last `last` of a kind; what `branch` sees (None: of all branches)."""
        ...

    def fork(self, parent: int = 0, at: int | None = None) -> int:
        """A new branch that sees what `parent` sees up to page `at` (None: all of it now), and its own pages.

        Inside a transaction. Every session begins with branch 0; a page names its branch when it is put,
        and `put` raises InputError for one that nobody forked, as does whatever reads with its number.
        What is forgotten is forgotten in all branches.
        """
        ...

    def note(self, entry: Entry) -> None:
        """Appends to the journal. Inside a transaction."""
        ...

    def entries(self, since: int = -1) -> list[Entry]:
        """Journal entries with a tick above `since`, in order."""
        ...

    def pending(self, limit: int) -> list[Page]:
        """Up to `limit` pages that wait for their embedding, oldest first."""
        ...

    def known(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the hashes whose vector is stored already."""
        ...

    def index(
        self, rows: Sequence[Vector], hashes: Sequence[bytes], vectors: "Vectors", embedder: str
    ) -> None:
        """Stores new vectors, (len(hashes), dim), and the spans that refer to them.

        Opens its own transaction. All spans of a page come in one call: every page named in `rows` is
        no longer pending. Raises MismatchError for another embedder.
        """
        ...

    def reembed(self, embedder: str, dim: int) -> int:
        """Drops the vectors of any other embedder, so that this one makes them anew; returns what waits.

        Opens its own transaction. Until the pages are embedded again, they are found by their words.
        """
        ...

    def search(self, search: Search, vector: "Vectors | None", *, branch: int | None = None) -> "Candidates":
        """The union of the best by meaning and by words, unranked, at most one hit a span.

        Where a page was found by one signal, the other is filled in where it exists. With `branch`, only
        what that branch sees.
        """
        ...

    def cosines(self, vectors: "Sequence[Vectors]", pages: Sequence[int]) -> "Vectors":
        """The cosine of each page, by its best span, to each vector: (len(vectors), len(pages)).

        NaN for a page that has not been embedded.
        """
        ...

    def around(self, pages: Sequence[int], *, branch: int | None = None) -> list[Page]:
        """The pages and those that stand next to them, in order of id; what is not there is left out.

        With `branch`, those of the pages that the branch sees, and what it sees right before and after.
        """
        ...

    def places(self, pages: Sequence[int]) -> list[int]:
        """Where each page stands: places that follow each other are side by side. Mostly its number.

        In a document that was brought up to date, the order of the text; these places are beyond all numbers.
        """
        ...

    def beside(self, pages: Sequence[int], reach: int) -> list[int]:
        """The numbers of the pages and of `reach` before and after each, whether they are there or not."""
        ...

    def phrase(self, text: str, k: int, *, branch: int | None = None) -> list[int]:
        """The first `k` pages, by id, that hold the words of `text` in this order; of what `branch` sees."""
        ...

    def written(self, first: date, last: date, *, branch: int | None = None) -> list[int]:
        """What was said from one day to the other, by id; of what `branch` sees. Documents have no day."""
        ...

    def stats(self) -> Stats: ...

    def kinds(self) -> Mapping[str, int]:
        """How many pages there are of each kind, on all branches."""
        ...

    def backup(self, target: Path) -> None:
        """Copies the session, as it stands at one moment, to a new file. Raises InputError if it is there."""
        ...

    def check(self, *, repair: bool = True) -> Report:
        """Compares every row with its checksum, and what is derived with what it was made from."""
        ...

    def export(self, stream: TextIO) -> int:
        """Writes the session as JSON Lines, without loss; returns how many rows it has."""
        ...

    def import_(self, stream: TextIO) -> int:
        """Fills an empty session from an export; wholly, or (InputError) not at all."""
        ...

    def close(self) -> None: ...


class Shelf(Protocol):
    """The sessions of one user, read as if they were one. A page's number says its session, too."""

    @property
    def unread(self) -> Mapping[str, SessionInfo]:
        """Sessions that could not be searched, by name."""
        ...

    def look(self) -> list[str]:
        """Takes in what has changed; returns the sessions in which pages wait for their embedding."""
        ...

    def disk(self, name: str) -> Disk:
        """One session, open. DiskError where it cannot be, or is another user's."""
        ...

    def place(self, page: int) -> tuple[str, int]:
        """The session and its own number of a page."""
        ...

    def search(self, search: Search, vector: "Vectors") -> "Candidates": ...

    def cosines(self, vectors: "Sequence[Vectors]", pages: Sequence[int]) -> "Vectors": ...

    def around(self, pages: Sequence[int]) -> list[Page]: ...

    def places(self, pages: Sequence[int]) -> list[int]: ...

    def beside(self, pages: Sequence[int], reach: int) -> list[int]: ...

    def phrase(self, text: str, k: int) -> list[int]: ...

    def written(self, first: date, last: date) -> list[int]: ...

    def close(self) -> None: ...


class Folder(Protocol):
    """A folder of sessions. Raises DiskError, and InputError for a name that leads out of it."""

    def file(self, name: str) -> Path:
        """The file of a session."""
        ...

    def own(self, name: str, user: str | None, title: str | None) -> Path:
        """Makes a session where there is none, and writes down whose it is and its title, where given.

        Returns its file. InputError for a session of another user.
        """
        ...

    def sessions(self) -> list[SessionInfo]:
        """What each session says of itself, by name; one that cannot be read says why."""
        ...

    def forget(self, names: list[str]) -> bool:
        """Deletes sessions, and all that was derived of them; True once no file has them."""
        ...
