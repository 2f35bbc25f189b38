"""An answer's words as the three metrics of answers compare them (Rajpurkar et al. 2016, SQuAD)."""

import re

_ARTICLES = frozenset({"a", "an", "the"})


def words(text: str) -> list[str]:
    """Lower case, without punctuation and articles."""
    return [word for word in re.sub(r"[^\w\s]", "", text.lower()).split() if word not in _ARTICLES]
