"""An option that is given as KEY=VALUE, several times: on the command line, in the environment, in a file."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from vctx.errors import InputError

HIDDEN = "set, not shown"
SECRET = ("api_key",)
Pair = tuple[str, Any]
if TYPE_CHECKING:
    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType  # no generic in click before 8.4


class Pairs(_Type):
    """KEY=VALUE -> (key, value). A value that is JSON is what JSON says, any other is text.

    In the environment pairs stand as on a command line, or as one JSON object.
    """

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Pair:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not (key.isidentifier() and equals):
            self.fail(f"{value!r} is not KEY=VALUE", param, ctx)
        return key, _value(text)

    def split_envvar_value(self, rv: str) -> Sequence[Any]:
        if rv.lstrip().startswith("{"):
            try:
                return tuple(json.loads(rv).items())
            except ValueError as error:
                raise click.UsageError(f"{rv!r} in the environment is no JSON: {error}") from error
        try:
            return shlex.split(rv)
        except ValueError as error:
            raise click.UsageError(f"{rv!r} in the environment: {error}") from error


def told(shown: Mapping[str, Any]) -> str:
    """The pairs as they might be typed."""
    return " ".join(f"{key}={_typed(value)}" for key, value in shown.items())


def shown(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The pairs as a table, without the values that are nobody's to see."""
    return {key: HIDDEN if key in SECRET else value for key, value in pairs}


def table(what: str, value: object) -> tuple[Pair, ...]:
    """The pairs of a table in a settings file. Raises InputError."""
    if not isinstance(value, Mapping):
        raise InputError(f"{what} is a table, a line KEY = VALUE for each, not {value!r}")
    return tuple(value.items())


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
