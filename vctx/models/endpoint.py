"""A chat model behind an OpenAI-compatible endpoint."""

import ipaddress
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from vctx.errors import MissingError, ModelError, TooLongError, VctxError
from vctx.formats import openai as openai_form
from vctx.formats import schemas
from vctx.models import overflow
from vctx.ports import Learner, Tokenizer, whole
from vctx.types import Message, Reply, ToolCall

OPENAI = "api.openai.com"


class EndpointModel:
    """A model served elsewhere (implements `ports.Model`).

    `base_url` ends in /v1 (None: $OPENAI_BASE_URL, else OpenAI itself); `window` is in tokens of the
    model, which `tokenizer` counts, or estimates and learns from the replies. The key is `api_key`,
    else $OPENAI_API_KEY; an endpoint on this machine needs none, and any other without one raises
    MissingError. `timeout` is in seconds, for one attempt; overload and lost connections are tried
    `retries` more times.
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
    ) -> None:
        self.name = name
        self.window = window
        self.tokenizer = tokenizer
        self._temperature = temperature
        # The library itself reads $OPENAI_BASE_URL; a key is checked once the host is known.
        client = openai.OpenAI(base_url=base_url, api_key="none", timeout=timeout, max_retries=retries)
        self.host = client.base_url.host
        self._client = client.with_options(api_key=_key(self.host, api_key))

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        """Answers within `max_tokens`.

        Raises TooLongError for a prompt that the server refuses as too long, ModelError, or MissingError
        for a model that is not served.
        """
        try:
            answer = self._client.chat.completions.create(
                model=self.name,
                messages=[_clean(message) for message in openai_form(messages)],
                **self._options(max_tokens, schemas(messages)),
            )
        except openai.OpenAIError as error:
            raise self._too_long(error, messages) or self._explained(error) from error
        reply = _reply(answer, self.host)
        return replace(reply, lesson=self._learn(messages, reply.prompt_tokens))

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str | Reply]:
        """The reply in pieces."""
        return whole(self.complete(messages, max_tokens=max_tokens))

    def _learn(self, messages: Sequence[Message], tokens: int | None) -> tuple[int, ...]:
        if tokens is None or not isinstance(self.tokenizer, Learner):
            return ()
        return self.tokenizer.learn(messages, tokens)

    def _options(self, max_tokens: int, tools: list[dict[str, Any]]) -> dict[str, Any]:
        """OpenAI's own models refuse the older name of the limit; other servers may not know the newer."""
        limit = "max_completion_tokens" if self.host == OPENAI else "max_tokens"
        options: dict[str, Any] = {limit: max_tokens}
        if self._temperature is not None:
            options["temperature"] = self._temperature
        return options | ({"tools": tools} if tools else {})

    def _too_long(self, error: openai.OpenAIError, messages: Sequence[Message]) -> TooLongError | None:
        """The error as a refusal of a long prompt, if it is one; its figures teach as those of a reply do."""
        if not isinstance(error, openai.APIStatusError):
            return None
        refusal = overflow.read(error.status_code, error.body)
        if refusal is None:
            return None
        self._learn(messages, refusal.tokens)
        counted = f"{refusal.tokens} tokens" if refusal.tokens else "the prompt"
        limit = f"of {refusal.limit}" if refusal.limit else f"for its window (we took it for {self.window})"
        return TooLongError(
            f"{self.host} refuses {counted} as too long {limit} ({_why(error)}): "
            f"open the session with the window that {self.name!r} has",
            refusal.tokens,
            refusal.limit,
        )

    def _explained(self, error: openai.OpenAIError) -> VctxError:
        """The error as ours: the host and what to do, never the key."""
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return ModelError(f"{self.host} refuses the key: set OPENAI_API_KEY to one that it knows")
            case openai.NotFoundError():
                return MissingError(f"{self.host} serves no model {self.name!r}: check name and base URL")
            case openai.RateLimitError():
                return ModelError(
                    f"{self.host} refuses more for now: wait, or check the quota ({_why(error)})"
                )
            case openai.BadRequestError():
                return ModelError(
                    f"{self.host} refuses the request ({_why(error)}): check the model's name, "
                    f"{self.name!r}, and its window, {self.window} tokens"
                )
            case openai.APITimeoutError():
                return ModelError(f"{self.host} did not answer in time: raise the timeout, or ask for less")
            case openai.APIConnectionError():
                return ModelError(
                    f"{self.host} cannot be reached: check the base URL, and that a server runs"
                )
            case openai.APIStatusError():
                return ModelError(f"{self.host} failed with status {error.status_code} ({_why(error)})")
        return ModelError(f"{self.host} gave no usable answer: {error}")


def _reply(answer: ChatCompletion, host: str) -> Reply:
    # A server may answer 200 with anything, and the library does not check it.
    choices = getattr(answer, "choices", None)
    if not choices or choices[0].message is None:
        raise ModelError(f"{host} answered without a message: is its base URL right (it ends in /v1)?")
    message, usage = choices[0].message, answer.usage
    text = message.content or message.refusal or ""
    calls = tuple(
        ToolCall(call.id, call.function.name, call.function.arguments)
        for call in message.tool_calls or ()
        if call.type == "function"
    )
    if usage is None:
        return Reply(text, calls=calls)
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else None
    return Reply(text, usage.prompt_tokens, usage.completion_tokens, cached, calls=calls)


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


def _why(error: openai.APIStatusError) -> str:
    """The server's own words, at most a line."""
    body = error.body
    message = body.get("message") or body.get("detail") if isinstance(body, dict) else None
    return " ".join(str(message or error.message).split())[:200]


def _clean(value: Any) -> Any:
    """The same with question marks for lone surrogates, which have no bytes to send."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value
