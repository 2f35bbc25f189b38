"""A chat model behind an OpenAI-compatible endpoint."""

import ipaddress
import os
from collections.abc import Sequence
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from vctx.errors import MissingError, ModelError, VctxError
from vctx.formats import openai as openai_form
from vctx.ports import Tokenizer
from vctx.types import Message, Reply

OPENAI = "api.openai.com"


class EndpointModel:
    """A model served elsewhere (implements `ports.Model`).

    `base_url` ends in /v1 (None: $OPENAI_BASE_URL, else OpenAI itself); `window` is in tokens of the
    model, which `tokenizer` counts or estimates. The key is `api_key`, else $OPENAI_API_KEY; an
    endpoint on this machine needs none, and any other without one raises MissingError. `timeout` is in
    seconds, for one attempt; overload and lost connections are tried `retries` more times.
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
        """Answers within `max_tokens`; raises ModelError, or MissingError for a model that is not served."""
        try:
            answer = self._client.chat.completions.create(
                model=self.name,
                messages=[_clean(message) for message in openai_form(messages)],
                **self._options(max_tokens),
            )
        except openai.OpenAIError as error:
            raise self._explained(error) from error
        return _reply(answer, self.host)

    def _options(self, max_tokens: int) -> dict[str, Any]:
        """OpenAI's own models refuse the older name of the limit; other servers may not know the newer."""
        limit = "max_completion_tokens" if self.host == OPENAI else "max_tokens"
        options: dict[str, Any] = {limit: max_tokens}
        if self._temperature is not None:
            options["temperature"] = self._temperature
        return options

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
    if usage is None:
        return Reply(text)
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else None
    return Reply(text, usage.prompt_tokens, usage.completion_tokens, cached)


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
