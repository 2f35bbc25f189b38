"""What LangChain and LlamaIndex trim the same histories to. Reads them on stdin, writes results on stdout.

Runs in an environment of its own, without vctx: see window_fuzz.py, which starts it. The counts are those
that vctx is held to: o200k_base by OpenAI's published formula ($VCTX_TIKTOKEN names its BPE file).
"""

import base64
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tiktoken
from langchain_core.messages import (
    BaseMessage,
    convert_to_messages,
    convert_to_openai_messages,
    trim_messages,
)
from llama_index.core.llms import ChatMessage
from llama_index.core.llms import MessageRole as Role
from llama_index.core.memory import Memory

Form = dict[str, Any]
PATTERN = r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""  # noqa: E501


def encoding() -> tiktoken.Encoding:
    file = os.environ.get("VCTX_TIKTOKEN")
    if not file:
        return tiktoken.get_encoding("o200k_base")
    lines = [line.split() for line in Path(file).read_bytes().splitlines() if line]
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    return tiktoken.Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


ENCODING = encoding()


def length(text: str) -> int:
    return len(ENCODING.encode(text, disallowed_special=()))


def exact(messages: Sequence[BaseMessage]) -> int:
    """A prompt of these messages: 3 tokens, and 4 for each message and call beside its texts."""
    total = 3
    for message in convert_to_openai_messages(list(messages)):
        calls = message.get("tool_calls") or []
        texts = [message.get("content") or "", message.get("tool_call_id") or ""]
        for call in calls:
            texts += [call["id"], call["function"]["name"], call["function"]["arguments"]]
        total += 4 * (1 + len(calls)) + sum(map(length, texts))
    return total


def contents(messages: Sequence[BaseMessage]) -> int:
    return sum(length(message.content) for message in messages)


def langchain(counter: Any, **options: Any) -> Callable[[int, list[Form]], list[Form]]:
    def trim(budget: int, messages: list[Form]) -> list[Form]:
        kept = trim_messages(
            convert_to_messages(messages), max_tokens=budget, token_counter=counter, **options
        )
        return convert_to_openai_messages(kept)

    return trim


def llamaindex(budget: int, messages: list[Form]) -> list[Form]:
    """`Memory` as documented, with the exact encoding of its texts."""
    memory = Memory.from_defaults(session_id="s", token_limit=budget, tokenizer_fn=ENCODING.encode_ordinary)
    for message in messages:
        more = {key: message[key] for key in ("tool_calls", "tool_call_id") if key in message}
        memory.put(
            ChatMessage(role=Role(message["role"]), content=message["content"], additional_kwargs=more)
        )
    return [
        {"role": kept.role.value, "content": kept.content or "", **kept.additional_kwargs}
        for kept in memory.get()
    ]


DOCUMENTED = {
    "strategy": "last",
    "start_on": "human",
    "end_on": ("human", "tool", "ai"),
    "include_system": True,
}
PEERS = {
    "LangChain trim_messages, exact counter, defaults": langchain(exact),
    "LangChain trim_messages, exact counter, start_on human": langchain(exact, **DOCUMENTED),
    'LangChain trim_messages, "approximate"': langchain("approximate", **DOCUMENTED),
    "LangChain trim_messages, tokens of contents": langchain(contents, **DOCUMENTED),
    "LlamaIndex Memory": llamaindex,
}


def main() -> None:
    cases = json.load(sys.stdin)
    results = {name: [trim(budget, messages) for budget, messages in cases] for name, trim in PEERS.items()}
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
