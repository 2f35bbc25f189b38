"""A chat model on this machine, by transformers. Its tokenizer is there at once, its weights when asked."""

import importlib.util
import json
import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vctx.errors import BudgetError, InputError, MissingError, ModelError
from vctx.formats import schemas
from vctx.models.loop import held, period
from vctx.models.pieces import Pieces
from vctx.models.tokens import ChatTokenizer
from vctx.ports import last
from vctx.types import Message, Reply
from vctx.unbroken import unbroken

if TYPE_CHECKING:
    from vctx.models.engine import Engine
    from vctx.models.guide import Choice, Grammar


class LocalModel:
    """A transformers folder as a model (implements `ports.Model`): greedy, so that it is deterministic.

    What is sent is `tokenizer.encode(messages)`. The keys and values of the last prompt and reply are
    kept, so a prompt that begins like it costs only its new end. A reply ends at a stop token of the
    model's, before one of the strings in `stop`, and where it begins to repeat itself word for word.

    `dtype` is torch's name ("bfloat16"), "auto" for that of the folder; `device` too, by default CUDA
    where there is one. `quantization` is "int8" or "int8-dynamic" (by torchao), or one of transformers'
    configurations: it is done when the weights are loaded. Raises MissingError or InputError where the
    folder is no chat model.

    Where tools may be called, and llguidance is installed, every call is valid by its tool's schema: tokens
    that would make it another are never chosen. `constrained` demands that (MissingError), or forgoes it;
    with `tool_choice` "required" a reply is one call. A call that `max_tokens` cuts off stays text.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        dtype: str = "auto",
        device: str | None = None,
        quantization: Any = None,
        stop: Sequence[str] = (),
        tool_choice: "Choice" = "auto",
        constrained: bool | None = None,
    ) -> None:
        if tool_choice not in ("auto", "required"):
            raise InputError(f"tool_choice of a local model is 'auto' or 'required', not {tool_choice!r}")
        self.name = name or folder.name
        self.tokenizer = ChatTokenizer(folder)
        self.window = window(folder)
        self._folder = folder
        self._options: dict[str, Any] = {"dtype": dtype, "device": device, "quantization": quantization}
        self._stop = tuple(stop)
        self._choice: Choice = tool_choice
        self._constrained = _installed(constrained, tool_choice)
        self._loading = threading.Lock()

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        """Answers within `max_tokens`; the first call loads the weights.

        Raises BudgetError where prompt and reply exceed the window, ModelError where the model fails.
        """
        return last(self.stream(messages, max_tokens=max_tokens))

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[str | Reply]:
        """The reply in pieces; closed, it stops, and what the model has read is kept. See `complete`."""
        ids = self._checked(messages, max_tokens)
        tools = schemas(messages)
        pieces = Pieces(stops=self._stop, calls=bool(tools))
        with self._loading:
            engine = self._engine
            guide = self._grammar.guide(tools, self._choice) if tools and self._constrained else None
        served, coming = engine.generate(ids, max_tokens, guide)
        new: list[int] = []
        with closing(coming):
            for token in coming:
                new.append(token)
                if piece := pieces.grow(self.tokenizer.decode(new[: len(new) - held(new)])):
                    yield piece
                if period(new) or pieces.stopped(self.tokenizer.decode(new)):
                    break
        text = self.tokenizer.decode(new[: len(new) - period(new)])
        rest, calls = pieces.end(text, first=1 + sum(len(message.calls) for message in messages))
        if rest:
            yield rest
        yield Reply(pieces.given, len(ids), len(new), served, calls=calls)

    def _checked(self, messages: Sequence[Message], max_tokens: int) -> list[int]:
        """The ids of a prompt that fits."""
        if max_tokens < 1:
            raise InputError(f"max_tokens is {max_tokens}: a reply takes at least one token")
        ids = self.tokenizer.encode(messages)
        if len(ids) + max_tokens > self.window:
            raise BudgetError(
                f"a prompt of {len(ids)} tokens and a reply of {max_tokens} exceed the window of "
                f"{self.name}, {self.window} tokens: send less, or ask for a shorter reply"
            )
        return ids

    @cached_property
    def _engine(self) -> "Engine":
        with unbroken():
            from vctx.models.engine import Engine  # noqa: PLC0415 - torch and transformers, only to generate
        with unbroken():  # transformers imports more once it knows the architecture
            return Engine(self._folder, stops=self.tokenizer.stops(), **self._options)

    @cached_property
    def _grammar(self) -> "Grammar":
        from vctx.models.guide import Grammar  # noqa: PLC0415 - of an extra, and only where tools are called

        return Grammar(self._folder, self._engine.stops)


def _installed(wanted: bool | None, choice: "Choice") -> bool:
    """Whether calls are held to their schemas. Raises MissingError where they are to be, and cannot."""
    there = importlib.util.find_spec("llguidance") is not None
    if (wanted or choice == "required") and not there:
        raise MissingError(
            "llguidance, which holds calls to their tools, is missing: pip install 'vctx[tools]'"
        )
    return there if wanted is None else wanted or choice == "required"


def window(folder: Path) -> int:
    """Positions that the model was made for, in tokens."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} is no transformers folder: {error}") from error
    for part in (config, config.get("text_config") or {}):
        for field in ("max_position_embeddings", "n_positions"):
            if isinstance(part.get(field), int):
                return int(part[field])
    raise ModelError(f"{folder / 'config.json'} does not say how many positions the model has")
