"""The journal on disk: one row a tick, appended and read; only `forget` changes it."""

from vctx.errors import DiskError
from vctx.storage.codec import ENTRY, entry_of, entry_row, raw_text, sealed, stored
from vctx.storage.file import File
from vctx.storage.quotes import Quotes
from vctx.types import Entry

_INSERT = f"INSERT INTO journal ({ENTRY}, sum) VALUES (?,?,?,?,?,?,?,?)"
_SINCE = f"SELECT {ENTRY}, sum FROM journal WHERE tick > ? ORDER BY tick"


class Journal:
    """The table `journal`."""

    def __init__(self, file: File) -> None:
        self._file = file

    def note(self, entry: Entry) -> None:
        """Appends; DiskError for a tick that is there. Inside a transaction."""
        with self._file.lock:
            if self._file.rows("SELECT 1 FROM journal WHERE tick = ?", (entry.tick,)):
                raise DiskError(
                    f"tick {entry.tick} is in the journal of {self._file.path} already;"
                    " fold what another process noted, and take the next"
                )
            self._file.write(_INSERT, entry_row(entry))

    def blank(self, quotes: Quotes) -> None:
        """Empties every string in requests and outcomes that quotes. Inside a transaction."""
        changed = []
        for row in self._file.rows(f"SELECT {ENTRY}, sum FROM journal"):
            tick, cause, at = row[:3]
            request, policy, plan, outcome = map(raw_text, row[3:7])
            clean = (quotes.without(request), quotes.without(outcome))
            if clean != (request, outcome):
                # A garbled entry stays one.
                sum = row[-1]
                if sealed(row):
                    sum = stored((tick, cause, at, clean[0], policy, plan, clean[1]))[-1]
                changed.append((*clean, sum, tick))
        self._file.write_all("UPDATE journal SET request = ?, outcome = ?, sum = ? WHERE tick = ?", changed)

    def entries(self, since: int) -> list[Entry]:
        """Entries with a tick above `since`, in order."""
        return [entry_of(row) for row in self._file.rows(_SINCE, (since,))]
