"""Token counts of OpenAI's models, by tiktoken."""

import base64
import binascii
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import requests
import tiktoken

from vctx.errors import InputError, MissingError
from vctx.models.counts import Counts
from vctx.types import Message

# "How to count tokens with tiktoken" (OpenAI cookbook): each message costs 3 tokens beside its role and
# its content, and every reply is primed with 3 more.
MESSAGE, ROLE, OPENING = 3, 1, 3


class Encoding(NamedTuple):
    """What tells one BPE file from another, and how text is split before it."""

    ranks: int
    pattern: str


# Both patterns are those of tiktoken_ext/openai_public.py (tiktoken 0.14), which names them only
# together with a download of the ranks.
ENCODINGS = {
    "cl100k_base": Encoding(
        100256,
        r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"""
        r"""|\s++$|\s*[\r\n]|\s+(?!\S)|\s""",
    ),
    "o200k_base": Encoding(
        199998,
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
    ),
}


class TiktokenTokenizer:
    """Counts as OpenAI's servers do (implements `ports.Tokenizer`); text is never read as special tokens.

    `encoding` is tiktoken's name, o200k_base for the models since gpt-4o. `bpe` is a file of its ranks
    (else the one in $VCTX_TIKTOKEN, else tiktoken's own cache or download). Raises InputError for a
    file of another encoding, MissingError where the ranks cannot be had.
    """

    def __init__(
        self, encoding: str = "o200k_base", bpe: Path | None = None, *, alternates: bool = False
    ) -> None:
        file = bpe or (Path(named) if (named := os.environ.get("VCTX_TIKTOKEN")) else None)
        self._encoding = _from_file(encoding, file) if file else _downloaded(encoding)
        self._counts = Counts(lambda text: len(self._encoding.encode(_clean(text), disallowed_special=())))
        self.name = encoding
        self.alternates = alternates

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself."""
        return self._counts(texts)

    def prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of a whole prompt, by OpenAI's published formula.

        None is published for tool calls: each counts as a message, with its id: an upper estimate.
        """
        texts = sum(self.count([text for message in messages for text in message.texts]))
        parts = len(messages) + sum(len(message.calls) for message in messages)
        return OPENING + texts + (MESSAGE + ROLE) * parts


def _clean(text: str) -> str:
    """Lone surrogates have no bytes; the endpoint sends them as question marks too."""
    return text.encode("utf-8", "replace").decode()


def _from_file(name: str, file: Path) -> tiktoken.Encoding:
    if name not in ENCODINGS:
        raise InputError(f"no pattern is known for {name!r}: take one of {', '.join(ENCODINGS)}")
    ranks = _ranks(file)
    known = ENCODINGS[name]
    if len(ranks) != known.ranks:
        raise InputError(f"{file} holds {len(ranks)} ranks, but {name} has {known.ranks}: name its encoding")
    return tiktoken.Encoding(name, pat_str=known.pattern, mergeable_ranks=ranks, special_tokens={})


def _ranks(file: Path) -> dict[bytes, int]:
    """tiktoken's own reader would copy the file into a cache, and read that copy ever after."""
    try:
        lines = [line.split() for line in file.read_bytes().splitlines() if line]
        return {base64.b64decode(token): int(rank) for token, rank in lines}
    except OSError as error:
        raise MissingError(f"cannot read the BPE file {file}: {error.strerror}") from error
    except (ValueError, binascii.Error) as error:
        raise InputError(f"{file} is no tiktoken BPE file: {error}") from error


def _downloaded(name: str) -> tiktoken.Encoding:
    try:
        return tiktoken.get_encoding(name)
    except ValueError as error:
        raise InputError(f"tiktoken knows no encoding {name!r}: {error}") from error
    except requests.RequestException as error:
        raise MissingError(
            f"tiktoken cannot download {name}: set VCTX_TIKTOKEN to a file {name}.tiktoken"
        ) from error
