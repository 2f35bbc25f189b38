"""A chat model behind an OpenAI-compatible endpoint."""

import asyncio
import ipaddress
import os
import weakref
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import openai
from openai.types.chat import ChatCompletion

from vctx import formats
from vctx.errors import CutError, InputError, MissingError, TooLongError
from vctx.models import answers, refusal
from vctx.models.answers import Gathered
from vctx.models.lesson import lesson
from vctx.models.pieces import Pieces
from vctx.models.refusal import Asked
from vctx.ports import Tokenizer
from vctx.types import Message, Reply

OPENAI = "api.openai.com"


class EndpointModel:
    """A model served elsewhere (implements `ports.AsyncModel`).

    `base_url` ends in /v1 (None: $OPENAI_BASE_URL, else OpenAI itself); `window` is in tokens of the
    model, which `tokenizer` counts, or estimates and learns from the replies. The key is `api_key`,
    else $OPENAI_API_KEY; an endpoint on this machine needs none, and any other without one raises
    MissingError.

    `timeout` is in seconds, until something comes; overload, rate limits and lost connections are tried
    `retries` more times, after as long as the server asks for, by the openai client. A reply that has
    begun is never asked for again: it ends in a CutError.

    `tools` says how tools go: as such ("native"), or written into the prompt ("text"), for a server or a
    model that takes none. `tool_choice` is OpenAI's. Without `usage`, none is asked for with streams.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        tokenizer: Tokenizer,
        window: int,
        api_key: str | None = None,
        temperature: float | None = None,
        timeout: float = 600.0,
        retries: int = 2,
        stop: Sequence[str] = (),
        tools: Literal["native", "text"] = "native",
        tool_choice: str | Mapping[str, Any] | None = None,
        usage: bool = True,
    ) -> None:
        if tools not in ("native", "text"):
            raise InputError(f"tools go 'native' or as 'text', not {tools!r}")
        self.name = name
        self.window = window
        self.tokenizer = tokenizer
        self._sampling = {"temperature": temperature, "stop": list(stop) or None}
        self._choice = tool_choice
        self._as_text = tools == "text"
        self._usage = usage
        # The library itself reads $OPENAI_BASE_URL; a key is checked once the host is known.
        client = openai.OpenAI(base_url=base_url, api_key="none", timeout=timeout, max_retries=retries)
        self.host = client.base_url.host
        self._client = client.with_options(api_key=_key(self.host, api_key))
        weakref.finalize(self, client.close)
        self._clients: dict[asyncio.AbstractEventLoop, openai.AsyncOpenAI] = {}

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        """Answers within `max_tokens`.

        Raises TooLongError for a prompt that the server refuses as too long, ModelError, or MissingError
        for a model that is not served.
        """
        with self._errors(messages):
            answer = self._client.chat.completions.create(**self._request(messages, max_tokens))
        return self._answered(answer, messages)

    async def acomplete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        """See `complete`."""
        with self._errors(messages):
            answer = await self._awaited().chat.completions.create(**self._request(messages, max_tokens))
        return self._answered(answer, messages)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[str | Reply]:
        """The reply in pieces. Raises as `complete` does, and CutError where a reply breaks off."""
        request = self._request(messages, max_tokens, stream=True)
        turn = _Turn(self._text_calls(messages))
        with self._errors(messages, turn.gathered), self._client.chat.completions.create(**request) as chunks:
            for chunk in chunks:
                if piece := turn.take(chunk):
                    yield piece
        yield from self._ended(turn, messages)

    async def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[str | Reply]:
        """See `stream`."""
        request = self._request(messages, max_tokens, stream=True)
        turn = _Turn(self._text_calls(messages))
        with self._errors(messages, turn.gathered):
            async with await self._awaited().chat.completions.create(**request) as chunks:
                async for chunk in chunks:
                    if piece := turn.take(chunk):
                        yield piece
        for last in self._ended(turn, messages):
            yield last

    # -- what is sent

    def _request(
        self, messages: Sequence[Message], max_tokens: int, *, stream: bool = False
    ) -> dict[str, Any]:
        """OpenAI's own models refuse the older name of the limit; other servers may not know the newer."""
        sent = formats.flat(messages) if self._as_text else messages
        tools = formats.schemas(sent)
        options: dict[str, Any] = {
            "model": self.name,
            "messages": [_clean(message) for message in formats.openai(sent)],
            "max_completion_tokens" if self.host == OPENAI else "max_tokens": max_tokens,
            "tools": _clean(tools) if tools else None,
            "tool_choice": self._choice if tools else None,
            "stream": stream or None,
            "stream_options": {"include_usage": True} if stream and self._usage else None,
            **self._sampling,
        }
        return {name: value for name, value in options.items() if value is not None}

    def _text_calls(self, messages: Sequence[Message]) -> int:
        """The number that the first call in a reply's text gets; 0 where none are to be read there."""
        if not self._as_text or not formats.schemas(messages):
            return 0
        return 1 + sum(len(message.calls) for message in messages)

    def _awaited(self) -> openai.AsyncOpenAI:
        """One for each loop. Its connections end with each reply, for a loop may end and close none."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients = {old: client for old, client in self._clients.items() if not old.is_closed()}
            self._clients[loop] = openai.AsyncOpenAI(
                base_url=self._client.base_url,
                api_key=self._client.api_key,
                timeout=self._client.timeout,
                max_retries=self._client.max_retries,
                default_headers={"connection": "close"},
            )
        return self._clients[loop]

    # -- what comes back

    def _answered(self, answer: ChatCompletion, messages: Sequence[Message]) -> Reply:
        reply = answers.whole(answer, self.host)
        if first := self._text_calls(messages):
            text, calls = formats.called(reply.text, first)
            reply = replace(reply, text=text, calls=calls)
        return replace(reply, lesson=lesson(self.tokenizer, messages, reply.prompt_tokens))

    def _ended(self, turn: "_Turn", messages: Sequence[Message]) -> Iterator[str | Reply]:
        if not turn.gathered.finished:
            raise self._cut(turn.gathered, "it ended without a word")
        rest, reply = turn.end()
        if rest:
            yield rest
        yield replace(reply, lesson=lesson(self.tokenizer, messages, reply.prompt_tokens))

    @contextmanager
    def _errors(self, messages: Sequence[Message], gathered: Gathered | None = None) -> Iterator[None]:
        """What the client raises, as ours; the figures of a refusal teach as those of a reply do."""
        try:
            yield
        except (openai.OpenAIError, ValueError) as error:  # ValueError: what came is no JSON
            if gathered is not None and gathered.chunks:
                raise self._cut(gathered, refusal.why(error)) from error
            tools = not self._as_text and bool(formats.schemas(messages))
            ours = refusal.explained(error, Asked(self.host, self.name, self.window, tools))
            if isinstance(ours, TooLongError) and ours.tokens:
                lesson(self.tokenizer, messages, ours.tokens)
            raise ours from error

    def _cut(self, gathered: Gathered, why: str) -> CutError:
        come = f"after {len(gathered.text)} characters" if gathered.text else "before its text"
        return CutError(
            f"the reply of {self.host} broke off {come} ({why}): what was said is kept, ask again",
            gathered.text,
        )


class _Turn:
    """A reply that comes in chunks, in pieces that may be shown; `first` is 0 for calls that come as such."""

    def __init__(self, first: int) -> None:
        self.gathered = Gathered()
        self._first = first
        self._pieces = Pieces(calls=bool(first))

    def take(self, chunk: Any) -> str:
        piece = self.gathered.take(chunk)
        return self._pieces.grow(self.gathered.text) if self._first else piece

    def end(self) -> tuple[str, Reply]:
        """(what is left to show, the reply)."""
        reply = self.gathered.reply()
        if not self._first:
            return "", reply
        rest, calls = self._pieces.end(reply.text, self._first)
        return rest, replace(reply, text=self._pieces.given, calls=calls)


def _key(host: str, given: str | None) -> str:
    key = given or os.environ.get("OPENAI_API_KEY")
    if not key and not _loopback(host):
        raise MissingError(f"no key for {host}: set OPENAI_API_KEY")
    return key or "none"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _clean(value: Any) -> Any:
    """The same with question marks for lone surrogates, which have no bytes to send."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value
