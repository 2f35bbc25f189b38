"""Python functions as tools: their type hints become a JSON schema, and what a model sends is checked by it.

pydantic does both. Whatever a model sends, and whatever a function does, the outcome is a text for the model.
"""

import asyncio
import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError, to_json

from vctx.errors import InputError, VctxError
from vctx.ports import Tool
from vctx.types import Outcome

LARGEST = 1_000_000
"""Characters of a result; what is longer is refused. The window cuts what is too long for it."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def tool(function: Callable[..., Any], *, idempotent: bool = False) -> Tool:
    """A function as a tool that a turn runs by itself.

    Its docstring tells the model what it does, its type hints what it takes (`Annotated[str, Field(
    description=...)]` says more of one). What it returns is given to the model as text: a str as it is,
    anything else as JSON. It may be a coroutine function. `idempotent` says that a call may be made again
    where a crash lost its result. Raises InputError for a function that no schema can be made of.
    """
    name, says = getattr(function, "__name__", ""), inspect.getdoc(function) or ""
    if not _NAME.fullmatch(name):
        raise InputError(f"a tool's name is of letters, digits, _ and -, at most 64, not {name!r}: use def")
    if not says:
        raise InputError(f"{name} has no docstring: the model is told by it what the tool does")
    takes = _arguments(function, name)
    schema = takes.model_json_schema(schema_generator=_Plain)
    schema.pop("title", None)
    described = {"name": name, "description": says, "parameters": schema}
    return Tool(
        {"type": "function", "function": described},
        _runner(function, takes),
        idempotent=idempotent,
        awaits=inspect.iscoroutinefunction(function),
    )


class _Plain(GenerateJsonSchema):
    """Without the titles that pydantic makes of names: they would cost tokens in every prompt."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _arguments(function: Callable[..., Any], name: str) -> type[BaseModel]:
    """What the function takes, as a model; its fields have the parameters' names as aliases."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        fields: dict[str, Any] = {f"p{n}": field for n, field in enumerate(_fields(function, name, hints))}
        made: type[BaseModel] = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    except (NameError, PydanticUserError) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"no schema can be made of {name}'s parameters: {line}") from error
    return made


def _fields(function: Callable[..., Any], name: str, hints: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"{name}({parameter}): a model names each argument, so a tool takes no such one")
        if parameter.name not in hints:
            raise InputError(
                f"{name}({parameter.name}) has no type: write {parameter.name}: str, or what it is; "
                "the model is told by it what to send"
            )
        needed = parameter.default is parameter.empty
        yield hints[parameter.name], Field(... if needed else parameter.default, alias=parameter.name)


def _runner(function: Callable[..., Any], takes: type[BaseModel]) -> Callable[[str], Any]:
    def run(arguments: str) -> Outcome:
        try:
            return _outcome(function(**_checked(takes, arguments)))
        # The function is the user's: it may raise anything, and the model is told what.
        except Exception as error:  # noqa: BLE001
            return _failed(error)

    async def arun(arguments: str) -> Outcome:
        try:
            return await asyncio.to_thread(_outcome, await function(**_checked(takes, arguments)))
        except Exception as error:  # noqa: BLE001 - as above; a cancellation is no Exception
            return _failed(error)

    return arun if inspect.iscoroutinefunction(function) else run


def _checked(takes: type[BaseModel], arguments: str) -> dict[str, Any]:
    """The arguments by name, of their types. Raises ValidationError."""
    made = takes.model_validate_json(arguments or "{}")
    fields = takes.model_fields
    return {field.alias or name: getattr(made, name) for name, field in fields.items()}


def _outcome(result: Any) -> Outcome:
    if isinstance(result, Outcome):
        return result
    text = result if isinstance(result, str) else _written(result)
    if len(text) <= LARGEST:
        return Outcome(text)
    size = f"{len(text):,} characters, more than {LARGEST:,}"
    return Outcome(f"error: the result has {size}: ask for less", failed=True)


def _written(result: Any) -> str:
    if result is None:
        return "done"
    try:
        return to_json(result, fallback=str).decode()
    except PydanticSerializationError:
        return str(result)


def _failed(error: Exception) -> Outcome:
    if isinstance(error, ValidationError):
        wrong = ("; ".join(_where(line["loc"]) + line["msg"] for line in error.errors()))[:1000]
        return Outcome(f"error: the arguments do not fit the tool: {wrong}", failed=True)
    kind = "" if isinstance(error, VctxError) else f"{type(error).__name__}: "
    return Outcome(f"error: {kind}{error}"[:1000], failed=True)


def _where(place: tuple[int | str, ...]) -> str:
    return f"{'.'.join(map(str, place))}: " if place else ""
