"""The strict count: bytes, an upper bound for a byte-level vocabulary. Standard library only."""

from collections.abc import Sequence

from vctx.types import Message

MESSAGE = 16
"""Tokens allowed for what a chat template writes around one message (measured: 3 to 8)."""
CALL = 96
"""Tokens allowed beside that for a tool call and its result (Hermes' marks around both take 85 bytes)."""
OPENING = 64
"""Tokens allowed for what it writes once: the start, a default system text, the reply's opening."""


class ByteTokenizer:
    """Counts UTF-8 bytes (implements `ports.Tokenizer`).

    Byte-level BPE only merges bytes, so a text has at most as many tokens as bytes. English has some
    4 bytes a token: the bound is safe and dear, for models whose tokenizer is not to be had.
    """

    name = "bytes"

    def __init__(self, *, alternates: bool = False) -> None:
        self.alternates = alternates

    def count(self, texts: Sequence[str]) -> list[int]:
        """Bytes of each text; a lone surrogate is sent as one question mark."""
        return [len(text.encode("utf-8", "replace")) for text in texts]

    def prompt(self, messages: Sequence[Message]) -> int:
        """Bytes of all contents, and the allowance for the chat template."""
        texts = sum(self.count([text for message in messages for text in message.texts]))
        calls = sum(len(message.calls) for message in messages)
        return OPENING + texts + MESSAGE * len(messages) + CALL * calls
