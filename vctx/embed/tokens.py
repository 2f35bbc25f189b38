"""Text -> token ids, counts and spans, by the model's own `tokenizer.json`. No torch."""

import unicodedata
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from tokenizers import Tokenizer

from vctx.embed.split import settle, split
from vctx.errors import InputError
from vctx.types import Span

CHARACTERS_PER_TOKEN = 16
"""Longest span, per token of the limit. English has 4 to 5; this bounds what has hardly a token: a
megabyte of blanks, or one word of a megabyte, which WordPiece reads as a single unknown token."""


class Tokens:
    """A tokenizer bounded to `limit` tokens a text, special tokens included.

    The tokenizer is never changed after loading, so threads may share one.
    """

    def __init__(self, tokenizer: Tokenizer, limit: int) -> None:
        # The file's own truncation and padding (128 and "fixed 128" in all-MiniLM-L6-v2) would cut half of
        # what the model was trained on and fill the rest: both off, and `ids` cuts at the limit.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._limit = limit
        self._budget = limit - tokenizer.num_special_tokens_to_add(False)
        # Only of these two is it known that each token covers a character of the decomposed text.
        kinds = [type(part).__name__ for part in (tokenizer.model, tokenizer.normalizer)]
        self._bounded = kinds == ["WordPiece", "BertNormalizer"]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, cut to `limit`: the last one always stays."""
        encodings = self._tokenizer.encode_batch_fast([clean(text) for text in texts])
        ids = [encoding.ids for encoding in encodings]
        return [row if len(row) <= self._limit else row[: self._limit - 1] + row[-1:] for row in ids]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself, special tokens not counted, never cut."""
        cleaned = [clean(text) for text in texts]
        return [
            len(encoding) for encoding in self._tokenizer.encode_batch_fast(cleaned, add_special_tokens=False)
        ]

    def spans(self, text: str) -> list[Span]:
        """Consecutive spans that cover `text`, each within the limit by its own exact count."""
        if self._surely_fits(text):
            return [(0, len(text))]
        cap = CHARACTERS_PER_TOKEN * self._limit
        encoding = self._tokenizer.encode(clean(text), add_special_tokens=False)
        if len(encoding) <= self._budget and len(text) <= cap:
            return [(0, len(text))]
        # `split` searches ascending starts; a normalizer may reorder marks, which `settle` sees to.
        starts = list(accumulate((start for start, _ in encoding.offsets), max))
        return settle(text, split(text, starts, self._budget, cap), self.count, self._budget)

    def _surely_fits(self, text: str) -> bool:
        """Whether no tokenizer is needed: a WordPiece token covers at least one character.

        Of the canonically decomposed text, that is: one Hangul syllable is up to three tokens.
        """
        if not self._bounded or len(text) > self._budget:
            return False
        return text.isascii() or len(unicodedata.normalize("NFD", text)) <= self._budget


def read(path: Path, limit: int) -> Tokens:
    """Loads a `tokenizer.json`; raises InputError where it cannot be read."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # `tokenizers` raises nothing narrower, whatever is wrong
        raise InputError(f"{path} is no tokenizer that can be read: {error}") from error
    return Tokens(tokenizer, limit)


def check(texts: Sequence[str]) -> None:
    """Raises InputError, with position and type, unless `texts` is a sequence of strings."""
    if isinstance(texts, str):
        raise single()
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise no_string(position, text)


def single() -> InputError:
    return InputError("embed takes a sequence of texts, not one text: put it into a list")


def no_string(position: int, text: object) -> InputError:
    return InputError(f"text {position} is of type {type(text).__name__}; embed takes strings")


def clean(text: str) -> str:
    """Lone surrogates become '?', character for character: no tokenizer takes them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
