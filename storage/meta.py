"""What a session says of itself: who made its vectors, whose it is, what it is called."""

from collections.abc import Mapping

from vctx.errors import DiskError
from vctx.storage.codec import meta_sum
from vctx.storage.file import File
from vctx.storage.settled import Settled

EMBEDDER = ("embedder", "dim")
OWNER = ("user", "title")

_SET = "INSERT OR REPLACE INTO meta (key, value, sum) VALUES (?, ?, ?)"


class Meta:
    """The table `meta`: texts by name, each with its checksum."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._settled = Settled(file)

    def get(self) -> Mapping[str, str]:
        """All that is known. DiskError for a garbled row."""
        return self._settled.get("meta", self._read)

    def embedder(self) -> tuple[str, int] | None:
        """Name and dimension of the embedder that made the vectors; None before the first."""
        found = self.get()
        there = [key for key in EMBEDDER if key in found]
        if there and len(there) < len(EMBEDDER):
            raise DiskError(f"the embedder of {self._file.path} is garbled; restore a copy")
        return (found["embedder"], int(found["dim"])) if there else None

    def set(self, values: Mapping[str, str]) -> None:
        """Inside a transaction."""
        self._file.write_all(_SET, ((key, value, meta_sum(key, value)) for key, value in values.items()))

    def record(self, embedder: str, dim: int) -> None:
        """Writes down who makes the vectors. Inside a transaction."""
        self.set({"embedder": embedder, "dim": str(dim)})

    def _read(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for key, value, sum in self._file.rows("SELECT key, value, sum FROM meta"):
            if key not in EMBEDDER + OWNER or meta_sum(key, value) != sum:
                raise DiskError(f"{key} is garbled in {self._file.path}; restore a copy")
            found[key] = value
        return found
