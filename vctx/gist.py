"""What may stand in a page's place once it has left in full: its own words, the telling ones first. Pure.

Nothing is invented, and nothing is stored: a gist is made of the page whenever it is asked for, and is
forgotten with it. Within equal tokens the telling words of a message hold more of the answers to questions
about it than its beginning, or its best sentences: `python bench/gists.py`.

A model may be asked for one instead: what it is asked, and what of its answer will do, stands here too.
"""

from vctx.chunk import Count, sentences
from vctx.errors import ModelError
from vctx.stopwords import STOPWORDS
from vctx.types import Message, Page, Reply, Role

_FILLERS = """
absolutely actually already awesome cool definitely feel get getting glad going gonna good got great
hear hello hey hi know let like lol lot love made make nice oh okay pretty really see sounds sure
thank thanks thing things think thought totally wanna want wow yeah yep yes
"""
FILLERS = frozenset(_FILLERS.split())
"""What chats say without telling anything."""

INSTRUCTION = "Note down the facts of each message in as few words as possible."
EXAMPLES = (
    (
        "Ana: Hey! I finally moved to Lyon in March, and my new flat is number 42, right by the river. How "
        "about you, do you still live in Rome?",
        "Ana moved to Lyon in March; flat 42 by the river",
    ),
    (
        "Tom: Thanks, that means a lot! My sister Camille opened her bakery last Friday, and we sold 200 "
        "loaves before noon.",
        "Tom's sister Camille opened bakery last Friday; sold 200 loaves before noon",
    ),
)
"""A small model follows examples where it follows no instruction."""
ROLES: tuple[Role, Role] = ("user", "assistant")
MOST = 64
"""Tokens that a model's gist may take..."""
PART = 0.5
"""...and of its message's own."""


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


def cap(text: str, count: Count) -> int:
    """Tokens that a model's gist of a text may take."""
    return min(MOST, int(PART * count([text])[0]))


def asked(page: Page) -> list[Message]:
    """What a model is asked for the gist of a message."""
    shown = (Message(role, text) for pair in EXAMPLES for role, text in zip(ROLES, pair, strict=True))
    return [
        Message("system", INSTRUCTION),
        *shown,
        Message("user", f"{page.author or page.role}: {page.text}"),
    ]


def taken(reply: Reply, cap: int, count: Count) -> str:
    """The gist that a model has made, on one line. Raises ModelError for one that is empty, or too long."""
    text = " ".join(reply.text.split())
    tokens = count([text])[0]
    if not text or tokens > cap:
        raise ModelError(f"the gist has {tokens} tokens of 1 to {cap}")
    return text


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
