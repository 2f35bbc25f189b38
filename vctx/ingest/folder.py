"""A folder -> the files in it, in a stable order, and what was left out with the reason."""

from collections.abc import Iterator
from pathlib import Path

from vctx.errors import InputError
from vctx.types import Skipped


def walk(folder: Path) -> Iterator[Path | Skipped]:
    """The files below a folder, by path; hidden ones, links in a circle and what is no file are skipped.

    A link is followed, to each folder once. Raises InputError where the folder itself cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    yield from _below(folder, {_identity(folder)})


def _below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path | Skipped]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        yield Skipped(folder, f"cannot be read: {error.strerror}")
        return
    for path in paths:
        if path.name.startswith("."):
            yield Skipped(path, "hidden")
        elif path.is_dir():
            if (identity := _identity(path)) in seen:
                yield Skipped(path, "a link to a folder that is there already")
            else:
                seen.add(identity)
                yield from _below(path, seen)
        elif path.is_file():
            yield path
        else:
            yield Skipped(path, "a link to nothing" if path.is_symlink() else "no file")


def _identity(folder: Path) -> tuple[int, int]:
    there = folder.stat()
    return there.st_dev, there.st_ino
