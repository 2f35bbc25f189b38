"""`vctx config`: which value of each setting is in force, and from where."""

import functools
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from vctx.cli import pairs, settings
from vctx.cli.pairs import HIDDEN, Pairs
from vctx.cli.session import OPTIONS, with_options

KEYS = ("OPENAI_API_KEY",)
"""Variables whose value is nobody's to see."""


class Setting(NamedTuple):
    """One line of what is in force."""

    key: str
    value: Any
    source: str


@click.command()
@click.option("--path", "only_path", is_flag=True, help="Only where the file stands, or would stand.")
@functools.partial(with_options, options=OPTIONS)
@click.pass_context
def config(context: click.Context, /, only_path: bool, as_json: bool, **options: Any) -> None:
    """Show every setting in force, and what says so.

    A flag goes before the environment (VCTX_MODEL), and that before the file: the nearest vctx.toml, here
    or in a folder above, else ~/.config/vctx/config.toml. A key of the file is a flag without its dashes:

    \b
      db = "alice.db"
      window = 8192
      base-url = "http://localhost:8000/v1"
      [model-options]
      temperature = 0

    \b
      vctx config
      vctx config --path
    """
    path = settings.find()
    if only_path:
        click.echo(path or settings.own())
        return
    rows = [*_given(context), *_process(context), *_keys()]
    if as_json:
        data = {"file": path and str(path), "settings": [row._asdict() for row in rows]}
        click.echo(json.dumps(data, ensure_ascii=False))
    else:
        wide = max(len(_told(row.value)) for row in rows)
        click.echo("\n".join(f"{row.key:<15} {_told(row.value):<{wide}}  {row.source}" for row in rows))


def _given(context: click.Context) -> Iterator[Setting]:
    for parameter in context.command.params:
        if name := settings.key(parameter):
            assert parameter.name and isinstance(parameter.envvar, str)
            match context.get_parameter_source(parameter.name):
                case ParameterSource.COMMANDLINE:
                    source = parameter.opts[0]
                case ParameterSource.ENVIRONMENT:
                    source = parameter.envvar
                case ParameterSource.DEFAULT_MAP:
                    source = str(settings.find())
                case _:
                    source = "default"
            value = context.params[parameter.name]
            yield Setting(name, pairs.shown(value) if isinstance(parameter.type, Pairs) else value, source)


def _process(context: click.Context) -> Iterator[Setting]:
    """What the parts read from the environment; the file's values have been put there by now."""
    written = settings.load(settings.known(_root(context))).values
    for name in settings.PROCESS:
        variable = f"VCTX_{name.upper()}"
        value = os.environ.get(variable)
        ours = name in written and str(written[name]) == value
        source = str(settings.find()) if ours else variable
        yield Setting(name, value, source if value else "default")


def _keys() -> Iterator[Setting]:
    for name in KEYS:
        yield Setting(name, HIDDEN if os.environ.get(name) else None, "environment")


def _root(context: click.Context) -> click.Group:
    root = context.find_root().command
    assert isinstance(root, click.Group)
    return root


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return pairs.told(value) or "-"
    return "-" if value in (None, "") else " ".join(str(value).split())
