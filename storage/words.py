"""Search by words: FTS5 and its BM25. Any text is a query; none is a syntax error."""

import json
import re

from vctx.errors import DiskError
from vctx.stopwords import STOPWORDS
from vctx.storage.file import File
from vctx.storage.unspaced import Unspaced

# Letters and digits: what FTS5's unicode61 calls a token, so that a quoted term is one token.
_TERM = re.compile(r"[^\W_]+")

# BM25 over an OR costs by the term, and FTS5 refuses very deep expressions.
_TERMS = 64

# SQLite's bm25() is better the lower it is; ours is better the higher.
# ORDER BY rank would be FTS5's own sort, which takes a third longer.
_BEST = (
    "SELECT rowid, -bm25(words) AS fit FROM words WHERE words MATCH ?{seen} ORDER BY fit DESC, rowid LIMIT ?"
)

# The + keeps rowid out of FTS5's plan, which would start the query anew for each page (50 times the cost).
_SCORES = (
    "SELECT rowid, -bm25(words) FROM words WHERE words MATCH ? AND +rowid IN (SELECT value FROM json_each(?))"
)

_PHRASE = "SELECT rowid FROM words WHERE words MATCH ?{seen} ORDER BY rowid LIMIT ?"
_EXISTS = " AND EXISTS (SELECT 1 FROM pages WHERE id = words.rowid AND {where})"


class Words:
    """The table `words`."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._unspaced = Unspaced(file)

    def best(self, text: str, k: int, where: str = "") -> dict[int, float]:
        """BM25 of the `k` pages, of those `where`, that fit the words of `text` best."""
        query = match(text)
        found: dict[int, float] = (
            dict(self._file.rows(_BEST.format(seen=_seen(where)), (query, k))) if query else {}
        )
        # What both find, such as a clause of Chinese word for word, keeps its BM25.
        return self._unspaced.best(text, k, where) | found

    def scores(self, text: str, pages: list[int]) -> dict[int, float]:
        """BM25 of those of `pages` that hold any word of `text`."""
        query = match(text)
        if not query or not pages:
            return {}
        return dict(self._file.rows(_SCORES, (query, json.dumps(pages))))

    def phrase(self, text: str, k: int, where: str = "") -> list[int]:
        """The first `k` pages, by id, of those `where`, that hold the words of `text` in this order."""
        words = " ".join(_TERM.findall(text.lower()))
        if not words:
            return []
        return [page for (page,) in self._file.rows(_PHRASE.format(seen=_seen(where)), (f'"{words}"', k))]

    def absent(self, found: set[str]) -> set[str]:
        """Those of the words, or of their stems, that stand in no page."""
        sql = "SELECT EXISTS (SELECT 1 FROM words WHERE words MATCH ?)"
        return {word for word in found if not self._file.value(sql, (f'"{word}"',))}

    def optimize(self) -> None:
        """Merges the segments into one, so that no deleted word stays. Inside a transaction."""
        self._file.write("INSERT INTO words (words) VALUES ('optimize')")

    def rebuild(self) -> None:
        """Reads every page anew. Inside a transaction."""
        self._file.write("INSERT INTO words (words) VALUES ('rebuild')")

    def agrees(self) -> bool:
        """Whether what is indexed is what stands in the pages. Inside a transaction."""
        try:
            self._file.write("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        except DiskError:
            return False
        return True


def _seen(where: str) -> str:
    return _EXISTS.format(where=where) if where else ""


def match(text: str) -> str:
    """The FTS5 query for any of the terms of `text`; empty where it has none."""
    return " OR ".join(f'"{term}"' for term in terms(text))


def terms(text: str) -> list[str]:
    """The distinct words to look for, without stop words unless there are no others.

    Of a very long text the longest words stay: a word is the rarer the longer it is (Zipf).
    """
    found = dict.fromkeys(_TERM.findall(text.lower()))
    chosen = [term for term in found if term not in STOPWORDS] or list(found)
    return sorted(chosen, key=len, reverse=True)[:_TERMS] if len(chosen) > _TERMS else chosen
