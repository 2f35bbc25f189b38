"""What the openai client raises, as our errors: whose fault, and what to do; never the key."""

import re
from typing import NamedTuple

import openai

from vctx.errors import MissingError, ModelError, TooLongError, VctxError, line
from vctx.models import overflow

# Ollama, OpenRouter; vLLM; llama.cpp; OpenAI and Azure ("'tools' is not supported with this model").
_TOOLS = re.compile(
    r"(?:not|n't) support(?:ed)?\b.{0,40}\b(?:tool|function)|(?:tool|function)s?\b.{0,60}(?:not|n't) support"
    r"|no endpoints found that support tool|enable-auto-tool-choice|tool-call-parser|tools param requires"
    r"|unsupported parameter: '(?:tools|tool_choice|functions)'|unknown (?:field|parameter).{0,10}'?tool",
    re.IGNORECASE,
)
_USAGE = re.compile("stream_options|include_usage")


class Asked(NamedTuple):
    """What was asked of whom."""

    host: str
    model: str
    window: int
    tools: bool = False


def explained(error: Exception, asked: Asked) -> VctxError:
    """The error as ours; a TooLongError where the prompt was refused as too long."""
    if isinstance(error, openai.APIStatusError):
        return _long(error, asked) or _refused(error, asked)
    match error:
        case openai.APITimeoutError():
            return ModelError(f"{asked.host} did not answer in time: raise the timeout, or ask for less")
        case openai.APIConnectionError():
            return ModelError(f"{asked.host} cannot be reached: check the base URL, and that a server runs")
        case openai.APIError():
            return ModelError(f"{asked.host} failed ({line(error.message)})")
    return ModelError(f"{asked.host} gave no usable answer: {line(str(error))}")


def why(error: Exception) -> str:
    """The server's own words, at most a line."""
    match error:
        case openai.APITimeoutError():
            return "nothing came any more in time"
        case openai.APIConnectionError():
            return "the connection was lost"
        case openai.APIError():
            body = error.body
            said = body.get("message") or body.get("detail") if isinstance(body, dict) else None
            return line(str(said or error.message))
    return line(str(error))


def _long(error: openai.APIStatusError, asked: Asked) -> TooLongError | None:
    refusal = overflow.read(error.status_code, error.body)
    if refusal is None:
        return None
    counted = f"{refusal.tokens} tokens" if refusal.tokens else "the prompt"
    limit = f"of {refusal.limit}" if refusal.limit else f"for its window (we took it for {asked.window})"
    return TooLongError(
        f"{asked.host} refuses {counted} as too long {limit} ({why(error)}): "
        f"open the session with the window that {asked.model!r} has",
        refusal.tokens,
        refusal.limit,
    )


def _refused(error: openai.APIStatusError, asked: Asked) -> VctxError:
    host, said = asked.host, why(error)
    if asked.tools and _TOOLS.search(said):
        return ModelError(
            f"{host}: {asked.model!r} takes no tools ({said}): choose a model that does, open the session "
            "without tools, or give the model tools='text' to have them written into its prompt"
        )
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return ModelError(f"{host} refuses the key: set OPENAI_API_KEY to one that it knows")
        case openai.NotFoundError():
            return MissingError(f"{host} serves no model {asked.model!r}: check name and base URL")
        case openai.RateLimitError():
            return ModelError(f"{host} refuses more for now: wait, or check the quota ({said})")
        case openai.BadRequestError() | openai.UnprocessableEntityError():
            usage = " (it may want usage=False: no usage with streams)" if _USAGE.search(said) else ""
            return ModelError(
                f"{host} refuses the request ({said}): check the model's name, "
                f"{asked.model!r}, and its window, {asked.window} tokens{usage}"
            )
    return ModelError(f"{host} failed with status {error.status_code} ({said})")
