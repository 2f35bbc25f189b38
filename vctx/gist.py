"""What may stand in a page's place once it has left in full: its own words, the telling ones first. Pure.

Nothing is invented, and nothing is stored: a gist is made of the page whenever it is asked for, and is
forgotten with it. Within equal tokens the telling words of a message hold more of the answers to questions
about it than its beginning, or its best sentences: `python bench/gists.py`.
"""

from vctx.chunk import sentences
from vctx.stopwords import STOPWORDS

_FILLERS = """
absolutely actually already awesome cool definitely feel get getting glad going gonna good got great
hear hello hey hi know let like lol lot love made make nice oh okay pretty really see sounds sure
thank thanks thing things think thought totally wanna want wow yeah yep yes
"""
FILLERS = frozenset(_FILLERS.split())
"""What chats say without telling anything."""


def gist(text: str, limit: int) -> str:
    """The words that tell most, in the order of the text, within `limit` characters.

    Names and numbers first, then words that are not common, those of questions last; of equals the earlier.
    """
    chosen: list[tuple[int, str]] = []
    for _, place, word in sorted(telling(text)):
        if len(word) + 1 <= limit:
            chosen.append((place, word))
            limit -= len(word) + 1
    return " ".join(word for _, word in sorted(chosen))


def telling(text: str) -> list[tuple[float, int, str]]:
    """(rank, place, word) of each word that tells something; the lowest rank tells most."""
    words: list[tuple[float, int, str]] = []
    for sentence in sentences(text):
        asks = sentence.endswith("?")
        for place, word in enumerate(sentence.split()):
            if worth := _worth(word, place == 0):
                words.append((-worth + asks / 2, len(words), word))
    return words


def _worth(word: str, first: bool) -> int:
    core = word.strip(".,;:!?\"'()[]*_").lower().replace("’", "'")
    if not core or {core, core.split("'")[0]} & (STOPWORDS | FILLERS):
        return 0
    named = any(c.isdigit() for c in core) or (not first and word.lstrip("\"'([*_")[:1].isupper())
    return 2 if named else 1
