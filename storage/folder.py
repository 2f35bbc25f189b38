"""A folder of sessions: names and files, whose each is, and what was seen of it last.

Whose a session is, stands in its own file. The catalogue repeats it, with the file's times and size, so that
a listing need not open every file: it is derived, checked, and may be deleted at any time.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import astuple
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any

from vctx.errors import DiskError, InputError
from vctx.storage import cache
from vctx.storage.disk import SqliteDisk
from vctx.types import SessionInfo

END = ".db"
CATALOGUE = ".vctx-catalogue"

_LONGEST = 200
"""Bytes of a name: file systems take 255, and what stands beside a session adds to it."""

_FRESH = 2_000_000_000
"""Nanoseconds for which a file's time does not yet tell whether it was written once more."""

State = tuple[int, ...]
"""Times and sizes of a session's file and log: as long as they are the same, so is what stands there."""


class Folder:
    """The sessions in the folder at `path`, which is made where there is none. Raises DiskError."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path).absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DiskError(f"{path} cannot be a folder of sessions ({error.strerror})") from error
        self._known = self._read()

    def file(self, name: str) -> Path:
        """The file of a session; InputError for a name that is none, or that leads out of the folder."""
        odd = not name or name.startswith(".") or name != name.strip() or not name.isprintable()
        if odd or any(part in name for part in ("/", "\\", ":", END)) or len(name.encode()) > _LONGEST:
            raise InputError(
                f"{name!r} cannot name a session: use 1 to {_LONGEST} bytes of printable text, without slash,"
                f" backslash, colon or {END}, and no dot in front"
            )
        path = self.path / (name + END)
        if path.is_symlink():
            raise InputError(f"{path} is a link, which may lead out of the folder; use what it leads to")
        return path

    def sessions(self) -> list[SessionInfo]:
        """What each session says of itself, by name; one that cannot be read says why."""
        return [info for _, info in self.look().values()]

    def look(self) -> dict[str, tuple[State, SessionInfo]]:
        """The state of each session, and what it says of itself, by name."""
        known = {name: self._known_as(name, state) for name, state in self._states().items()}
        if known != self._known:
            self._known = known
            self._write()
        return known

    def state(self, name: str) -> State:
        """See `State`; empty while it cannot tell."""
        path = self.path / (name + END)
        return _state([file.stat() for file in (path, path.with_name(path.name + "-wal")) if file.exists()])

    def _states(self) -> dict[str, State]:
        with os.scandir(self.path) as files:
            there = {file.name: file for file in files if file.is_file(follow_symlinks=False)}
        names = sorted(file.removesuffix(END) for file in there if file.endswith(END) and file[0] != ".")
        beside = ((name, (there.get(name + END), there.get(f"{name}{END}-wal"))) for name in names)
        return {name: _state([file.stat() for file in files if file]) for name, files in beside}

    def across(self, user: str) -> Path:
        """The cache of the index across a user's sessions. The name does not say whose it is."""
        return self.path / f"{cache.ACROSS}{blake2b(user.encode(), digest_size=12).hexdigest()}"

    def own(self, name: str, user: str | None, title: str | None) -> Path:
        """Makes a session where there is none, and writes down whose it is and its title, where given.

        Returns its file. InputError for a session of another user: what is once somebody's, stays theirs.
        """
        path = self.file(name)
        with SqliteDisk(path) as disk:
            had = disk.owner
            wanted = (had[0] if user is None else user, had[1] if title is None else title)
            if had[0] and wanted[0] != had[0]:
                raise InputError(f"{name} is the session of another user; open another session for {user}")
            if wanted != had:
                with disk.transaction():
                    disk.own(*wanted)
        return path

    def forget(self, names: list[str]) -> bool:
        """Deletes sessions, and all that was derived of them; True once no file has them."""
        (self.path / CATALOGUE).unlink(missing_ok=True)
        for name in names:
            SqliteDisk.purge(self.file(name))
            self._known.pop(name, None)
        self._write()
        left = [file.name for file in self.path.iterdir()]
        return not any(file.startswith((*(name + END for name in names), cache.ACROSS)) for file in left)

    def _known_as(self, name: str, state: State) -> tuple[State, SessionInfo]:
        if state and name in self._known and self._known[name][0] == state:
            return self._known[name]
        return state, self._open(name)

    def _open(self, name: str) -> SessionInfo:
        try:
            with SqliteDisk(self.path / (name + END)) as disk:
                return SessionInfo(name, *disk.owner, disk.stats().pages)
        except DiskError as error:
            # Whose it was, where it could still be read.
            last = self._known[name][1] if name in self._known else SessionInfo(name)
            return SessionInfo(name, last.user, last.title, last.pages, str(error))

    def _read(self) -> dict[str, tuple[State, SessionInfo]]:
        try:
            data = json.loads((self.path / CATALOGUE).read_text("utf-8"))
            rows = data["sessions"]
            if data["sum"] != _sum(rows):
                return {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return {row[1][0]: (tuple(row[0]), SessionInfo(*row[1])) for row in rows}

    def _write(self) -> None:
        rows = [[list(state), list(astuple(info))] for state, info in self._known.values()]
        path = self.path / CATALOGUE
        part = cache.half(path)
        try:
            part.write_text(json.dumps({"sum": _sum(rows), "sessions": rows}), "utf-8")
            part.replace(path)
        except OSError:
            # A folder that may only be read is listed without it.
            part.unlink(missing_ok=True)


def _state(files: Sequence[os.stat_result]) -> State:
    # Whoever only reads makes an empty log.
    found = [(file.st_mtime_ns, file.st_size, file.st_ino) for file in files if file.st_size]
    fresh = any(at > time.time_ns() - _FRESH for at, *_ in found)
    return () if fresh else tuple(number for file in found for number in file)


def _sum(rows: Any) -> str:
    return blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()
