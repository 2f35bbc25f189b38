"""Writes docs/cli.md, what `--help` says, docs/reference.md, what docstrings say, and the table of policies.

A test holds them to what the code says:

python docs/reference.py
"""

import abc
import dataclasses
import enum
import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import vctx
from vctx.cli import main
from vctx.policies import POLICIES

FOLDER = Path(__file__).parent
POLICY = FOLDER / "policies.md"
CLI = "# The command line\n\nMade by `python docs/reference.py` from `--help`.\n"
LIBRARY = """# The library

Made by `python docs/reference.py` from the docstrings of all that `import vctx` gives. Tokens are tokens of
the target model, times are UTC, ticks count entries of the journal.
"""


def pages() -> dict[Path, str]:
    """Each page with what it should hold."""
    return {FOLDER / "cli.md": cli(), FOLDER / "reference.md": library(), POLICY: policies()}


def cli() -> str:
    """A section for each command."""
    top = click.Context(main, info_name="vctx", terminal_width=100, **main.context_settings)
    return "\n".join([CLI, *sections(top)])


def sections(context: click.Context) -> Iterator[str]:
    """The command, then what stands below it."""
    command = context.command
    yield f"## {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from sections(click.Context(command.commands[name], info_name=name, parent=context))


def library() -> str:
    """Functions first, then what they return, then nouns, seams and errors."""
    named = [(name, getattr(vctx, name)) for name in vctx.__all__]
    parts = {
        "Functions": [
            told for name, value in named if inspect.isfunction(value) for told in function(name, value)
        ],
        "Sessions": [told for name, value in named if _session(value) for told in class_(name, value)],
        "Nouns": [told for name, value in named if _noun(value) for told in noun(name, value)],
        "Seams": [
            told
            for name, value in named
            if getattr(value, "_is_protocol", False)
            for told in class_(name, value)
        ],
        "Errors": [told for name, value in named if _error(value) for told in noun(name, value)],
    }
    return "\n".join([LIBRARY, *(f"## {title}\n\n{chr(10).join(told)}" for title, told in parts.items())])


def policies() -> str:
    """The page on policies, its table filled in: each by its name and what its docstring says first."""
    begin, end = "<!-- policies: made by docs/reference.py -->", "<!-- end -->"
    before, _, rest = POLICY.read_text("utf-8").partition(begin)
    rows = [
        f"| `{name}` | {_first(doc(make if inspect.isclass(make) else make()))} |"
        for name, make in POLICIES.items()
    ]
    table = "\n".join(["| name | who leaves first |", "|---|---|", *rows])
    return f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"


def _first(text: str) -> str:
    """The first sentence, or what stands before the first blank line."""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return paragraph.replace("|", "\\|")


def function(name: str, value: Any, owner: str = "") -> Iterator[str]:
    """Its signature without types, and its docstring."""
    yield f"### `{owner}{name}{signature(value)}`\n"
    yield f"{doc(value)}\n"


def class_(name: str, value: Any) -> Iterator[str]:
    """Its docstring, then every public method in the order of the source, inherited ones after its own."""
    yield f"### `{name}`\n\n{doc(value)}\n"
    for base in value.__mro__:
        for member, found in vars(base).items():
            if member.startswith("_") or getattr(value, member, None) is None or base is object:
                continue
            if isinstance(found, property):
                yield f"#### `.{member}`\n\n{doc(found)}\n"
            elif isinstance(found, types.FunctionType) and vars(value).get(member, found) is found:
                awaited = "await " * inspect.iscoroutinefunction(found)
                yield f"#### `{awaited}.{member}{signature(found)}`\n\n{doc(found)}\n"


def noun(name: str, value: Any) -> Iterator[str]:
    """Its docstring and fields."""
    yield f"### `{name}`\n\n{doc(value)}\n"
    if fields := getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", None):
        yield f"Fields: {', '.join(f'`{name}`' for name in fields)}.\n"
    if isinstance(value, type) and issubclass(value, enum.Enum):
        yield f"One of {', '.join(f'`{one.value}`' for one in value)}.\n"


def signature(value: Any) -> str:
    """The parameters with their defaults."""
    found = inspect.signature(value)
    bare = [_bare(p) for p in found.parameters.values() if p.name != "self"]
    return str(found.replace(parameters=bare, return_annotation=found.empty))


def _bare(parameter: inspect.Parameter) -> inspect.Parameter:
    """Without its type; a function that is its default goes by its name."""
    default = parameter.default
    if inspect.isfunction(default):
        default = Name(default.__name__)
    return parameter.replace(annotation=parameter.empty, default=default)


class Name(str):
    """A text that shows itself without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def doc(value: Any) -> str:
    """The docstring as it stands; a list or a block in it stays one."""
    text = inspect.getdoc(value) or ""
    # What a dataclass is given where it has none of its own is its signature: that says nothing.
    return "" if text.startswith(f"{getattr(value, '__name__', '')}(") else text


def _error(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


def _noun(value: Any) -> bool:
    return isinstance(value, type) and (
        dataclasses.is_dataclass(value) or issubclass(value, (enum.Enum, tuple))
    )


def _session(value: Any) -> bool:
    plain = type(value) in (type, abc.ABCMeta) and not getattr(value, "_is_protocol", False)
    return plain and not _noun(value) and not _error(value)


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
