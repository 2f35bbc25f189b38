"""Which model, or tokenizer, a name and its options mean. Each is imported when it is needed."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast, get_origin

from vctx.errors import InputError, MissingError
from vctx.ports import Model, Tokenizer

T = TypeVar("T")
ENCODINGS = ("o200k_base", "cl100k_base")
"""tiktoken's, by name."""
GIVEN = frozenset({"name", "folder", "base_url", "tokenizer", "window"})
"""Parameters of a model that are no options of it."""
WORDS = {
    "LocalModel": "a local model",
    "EndpointModel": "an endpoint's model",
    "CallableModel": "a function as a model",
}
Notice = Callable[[str], object]


def model(
    model: str | Model | Callable[..., Any],
    *,
    base_url: str | None,
    counts: str | Tokenizer | None,
    window: int,
    options: Mapping[str, Any],
    notice: Notice,
) -> Model:
    """A local model, one behind an endpoint, a function as one, or the model that is given.

    `window` is of one whose own is not known. Raises InputError, MissingError.
    """
    if not isinstance(model, str):
        if hasattr(model, "complete"):
            if options:
                raise InputError("a model that is given ready made takes no model_options")
            return cast("Model", model)
        if not callable(model):
            raise InputError(f"a model is a name, a Model or a function, not {type(model).__name__}")
        from vctx.models.call import CallableModel  # noqa: PLC0415

        name = getattr(model, "__name__", type(model).__name__)
        return _made(CallableModel, model, options, tokenizer=_counts(name, counts, notice), window=window)
    if base_url is None:
        if counts is not None:
            raise InputError("a local model counts with its own tokenizer; name one only with base_url")
        from vctx.models.find import resolve  # noqa: PLC0415
        from vctx.models.local import LocalModel  # noqa: PLC0415

        return _made(LocalModel, resolve(model, notice=notice), options, name=model)
    try:
        from vctx.models.endpoint import EndpointModel  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingError("openai is not installed: pip install 'vctx[openai]'") from error
    own = _counts(model, counts, notice)
    return _made(EndpointModel, model, options, base_url=base_url, tokenizer=own, window=window)


def tokenizer(name: str, notice: Notice) -> Tokenizer:
    """A tiktoken encoding, a model's own, "strict" (bytes) or "estimate". See `vctx.tokenizer`."""
    if name == "estimate":
        from vctx.models.estimate import EstimateTokenizer  # noqa: PLC0415

        return EstimateTokenizer()
    if name in ("bytes", "strict"):
        from vctx.models.bytes import ByteTokenizer  # noqa: PLC0415

        return ByteTokenizer()
    if name in ENCODINGS:
        try:
            from vctx.models.openai_tokens import TiktokenTokenizer  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise MissingError("tiktoken is not installed: pip install 'vctx[openai]'") from error
        return TiktokenTokenizer(name)
    from vctx.models.find import resolve  # noqa: PLC0415
    from vctx.models.tokens import ChatTokenizer  # noqa: PLC0415

    return ChatTokenizer(resolve(name, notice=notice))


def _counts(model: str, counts: str | Tokenizer | None, notice: Notice) -> Tokenizer:
    """What is named, else an estimate that learns; what it learnt belongs to the model."""
    if counts is not None and not isinstance(counts, str):
        return counts
    if counts not in (None, "estimate"):
        return tokenizer(counts, notice)
    from vctx.models.estimate import EstimateTokenizer  # noqa: PLC0415

    return EstimateTokenizer(f"estimate of {model}")


def _made(kind: Callable[..., T], first: object, options: Mapping[str, Any], **given: Any) -> T:
    """Raises InputError for an option that this kind of model does not have, or that cannot be so."""
    parameters = inspect.signature(kind).parameters
    name = WORDS[kind.__name__]
    known = parameters.keys() - GIVEN - {"function"}
    if unknown := options.keys() - known:
        there = f"; there are: {', '.join(sorted(known))}" if known else ": it has none"
        raise InputError(f"{name} has no option {min(map(str, unknown))!r}{there}")
    for option, value in options.items():
        _fits(f"{name}'s option {option}", value, parameters[option].annotation)
    return kind(first, **given, **options)


def _fits(option: str, value: object, annotation: Any) -> None:
    """Raises InputError for a value of another type; what is only named, the model checks itself."""
    if isinstance(annotation, str):
        return
    if isinstance(value, str) and get_origin(annotation) is Sequence:
        raise InputError(f"{option} is a list, such as {json.dumps([value])}, not {value!r}")
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - only where options are given

    try:
        TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise InputError(f"{option} cannot be {value!r}: {why[0].lower()}{why[1:]}") from error
