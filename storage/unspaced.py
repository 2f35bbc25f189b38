"""Search by words in Chinese and Japanese, which part no words by spaces: FTS5 takes a whole clause for one
token. Each two characters side by side are looked for in the text of every page.
"""

import math
import re
from itertools import pairwise

from vctx.storage.codec import raw_text
from vctx.storage.counts import Counts
from vctx.storage.file import File

RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]{2,}")
"""Chinese and Japanese characters; Korean has spaces."""

PAIRS = 24
"""Pairs of a question that are looked for: each walks over all text."""

_HOLD = "SELECT id, text FROM pages WHERE kind NOT IN ('summary', 'block') AND ({any}){seen}"


class Unspaced:
    """Reads the table `pages`."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._counts = Counts(file)

    def best(self, text: str, k: int, where: str = "") -> dict[int, float]:
        """The `k` pages, of those `where`, that hold most pairs of `text`, each weighed by its rarity."""
        asked = pairs(text)
        if not asked:
            return {}
        sql = _HOLD.format(
            any=" OR ".join(["instr(text, ?)"] * len(asked)), seen=f" AND {where}" if where else ""
        )
        held = {id: [pair in raw_text(page) for pair in asked] for id, page in self._file.rows(sql, asked)}
        [pages] = self._counts.get("pages")
        common = [sum(column) for column in zip(*held.values(), strict=True)] or [0] * len(asked)
        rarity = [math.log1p((max(pages - n, 0) + 0.5) / (n + 0.5)) for n in common]
        fit = {id: sum(r for r, there in zip(rarity, row, strict=True) if there) for id, row in held.items()}
        return dict(sorted(fit.items(), key=lambda item: (-item[1], item[0]))[:k])


def pairs(text: str) -> list[str]:
    """The distinct pairs of characters that stand side by side, in order."""
    found = (a + b for run in RUN.findall(text) for a, b in pairwise(run))
    return list(dict.fromkeys(found))[:PAIRS]
