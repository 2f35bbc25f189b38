"""What servers answer when a prompt is too long for them, read for its figures. Pure.

There is no standard. The forms are those that were found in the reports of users, in 2023 to 2026, of
OpenAI, Azure, vLLM, llama.cpp, Anthropic, Gemini, Mistral, xAI, Bedrock, LM Studio, TGI and DeepSeek.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

STATUS = frozenset({400, 413, 422, 500})
"""With which of them a refusal comes."""


class Overflow(NamedTuple):
    """A prompt was too long. What the server did not say is None."""

    tokens: int | None
    """Of the prompt, as the server counts."""
    limit: int | None
    """What prompt and reply may take together."""


_NUMBER = r"\(?(?P<{}>\d+)\)?"
_TOKENS, _LIMIT = _NUMBER.format("tokens"), _NUMBER.format("limit")
_FIGURES = [
    re.compile(pattern)
    for pattern in (
        # OpenAI; DeepSeek and older vLLM: "you requested 5012 tokens (4500 in the messages, 512 in the ..."
        rf"maximum context length is {_LIMIT} tokens.*messages resulted in {_TOKENS} tokens",
        rf"maximum context length is {_LIMIT} tokens.*\({_TOKENS} (?:in|of) (?:the|your) (?:mess|prompt)",
        rf"limit of {_LIMIT} tokens.*messages resulted in {_TOKENS} tokens",
        # vLLM
        rf"maximum context length is {_LIMIT} tokens.*request has {_TOKENS} input tokens",
        rf"prompt \(length {_TOKENS}\) is longer than the maximum model length of {_LIMIT}",
        # llama.cpp
        rf"request \({_TOKENS} tokens\) exceeds the available context size \({_LIMIT} tokens\)",
        # Anthropic
        rf"prompt is too long: {_TOKENS} tokens > {_LIMIT} maximum",
        rf"exceed context limit: {_TOKENS} \+ \d+ > {_LIMIT}",
        # Gemini, Mistral, xAI, TGI
        rf"input token count {_TOKENS} exceeds the maximum number of tokens allowed {_LIMIT}",
        rf"prompt contains {_TOKENS} tokens.*too large for model with {_LIMIT} maximum context length",
        rf"maximum prompt length is {_LIMIT} but the request contains {_TOKENS} tokens",
        rf"must be <= {_LIMIT}\. given: {_TOKENS} `inputs` tokens",
        # One figure alone: LM Studio, OpenRouter, vLLM (whose count of the prompt is "at least")
        rf"(?:context length (?:of|is) only|maximum (?:context|prompt) length is) {_LIMIT}",
        rf"exceeds the context window of {_LIMIT}",
    )
]
_SAID = re.compile(
    r"context_length_exceeded|exceed_context_size|context_window_exceeded"
    r"|(?:prompt|input) is too long|prompt too long|too many tokens"
    r"|exceeds? (?:the |this )?(?:model'?s? )?(?:available |maximum )?context (?:size|window|length|limit)"
    r"|context (?:length|window|size) (?:was |is |has been )?exceeded|exceeded model token limit"
    r"|input tokens exceed|reduce the length of the (?:messages|prompt|input)"
)


def read(status: int, body: object) -> Overflow | None:
    """The figures in the body of an error, or None where it is about something else."""
    if status not in STATUS:
        return None
    text = re.sub(r"(?<=\d),(?=\d{3})", "", json.dumps(body, ensure_ascii=False, default=str).lower())
    found = next((match for pattern in _FIGURES if (match := pattern.search(text))), None)
    tokens, limit = _field(body, "n_prompt_tokens"), _field(body, "n_ctx")
    if found is None and tokens is None and not _SAID.search(text):
        return None
    figures = found.groupdict() if found else {}
    return Overflow(tokens or _int(figures.get("tokens")), limit or _int(figures.get("limit")))


def _field(body: object, name: str) -> int | None:
    """llama.cpp names its figures."""
    if not isinstance(body, Mapping):
        return None
    inner: Any = body.get("error")
    value = (inner if isinstance(inner, Mapping) else body).get(name)
    return value if isinstance(value, int) else None


def _int(digits: str | None) -> int | None:
    return int(digits) if digits else None
