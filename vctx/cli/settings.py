"""Settings: flags, then the environment, then one file. What has a VCTX_ variable has a key in the file.

The file is the nearest `vctx.toml`, in the working directory or above it; else the user's own,
`~/.config/vctx/config.toml`. Only the command line reads it: the library opens what it is told to open.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from vctx.cli import pairs
from vctx.cli.pairs import Pairs
from vctx.errors import InputError
from vctx.prices import TABLE

NAME = "vctx.toml"
PROCESS = ("threads", "tiktoken", "cache")
"""Keys of the whole process: the parts read them from the environment, so that is where they are put."""
PATHS = ("db", "weights", "prices", "tiktoken", "cache")
"""Keys whose value is a path: relative to the file that holds it."""
WORDS = ("plain", *TABLE)
"""Values of such keys that are no path."""


class Settings(NamedTuple):
    """What a file says, by key; `path` is None where there is no file."""

    path: Path | None
    values: Mapping[str, Any]


def own() -> Path:
    """Where the user's own file stands, or would stand."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "vctx" / "config.toml"


def find() -> Path | None:
    """The file that is in force. Raises InputError where the current folder is gone."""
    try:
        here = Path.cwd()
    except OSError as error:
        raise InputError("the current folder is gone, or cannot be read: change to another (cd)") from error
    nearest = (folder / NAME for folder in (here, *here.parents))
    return next((path for path in (*nearest, own()) if path.is_file()), None)


def load(known: Mapping[str, click.Parameter]) -> Settings:
    """Reads the file that is in force. Raises InputError: unreadable, an unknown key, a wrong value."""
    path = find()
    if path is None:
        return Settings(None, {})
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return Settings(path, {key: _value(path, key, value, known) for key, value in table.items()})


def _value(path: Path, key: str, value: object, known: Mapping[str, click.Parameter]) -> Any:
    keys = (*known, *PROCESS)
    if key not in keys:
        near = difflib.get_close_matches(key.replace("_", "-").lower(), keys, n=1, cutoff=0.5)
        advice = f"the nearest is {near[0]!r}" if near else f"there are: {', '.join(sorted(keys))}"
        raise InputError(f"{path}: no setting is called {key!r}; {advice}")
    if key in known and isinstance(known[key].type, Pairs):
        return pairs.table(f"{path}: {key}", value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InputError(f"{path}: {key} is a string or a number, not {value!r}")
    if isinstance(value, str) and key in PATHS and value not in WORDS:
        return str(path.parent / Path(value).expanduser())
    if key in known:
        try:
            known[key].type.convert(value, known[key], None)
        except click.BadParameter as error:
            raise InputError(f"{path}: {key}: {error.message}") from error
    return value


def known(group: click.Group) -> dict[str, click.Parameter]:
    """Every key that a file may have, by the options that have a variable."""
    return {key(parameter): parameter for _, parameter in _options(group) if key(parameter)}


def key(parameter: click.Parameter) -> str:
    """What a file calls an option: its variable's name without VCTX_; empty for one that has none."""
    name = parameter.envvar if isinstance(parameter.envvar, str) else ""
    return name.removeprefix("VCTX_").lower().replace("_", "-") if name.startswith("VCTX_") else ""


def defaults(group: click.Group, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as click's default map: for each command those that it has an option for."""
    out: dict[str, Any] = {}
    for path, parameter in _options(group):
        if key(parameter) in values:
            place = out
            for name in path:
                place = place.setdefault(name, {})
            place[parameter.name or ""] = values[key(parameter)]
    return out


def apply(context: click.Context) -> None:
    """Puts the file in force below flags and environment, for every command of the group."""
    group = context.command
    assert isinstance(group, click.Group)
    settings = load(known(group))
    context.default_map = defaults(group, settings.values)
    for name in PROCESS:
        if name in settings.values:
            os.environ.setdefault(f"VCTX_{name.upper()}", str(settings.values[name]))


def _options(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Parameter]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _options(command, (*path, name))
        else:
            yield from (((*path, name), parameter) for parameter in command.params)
