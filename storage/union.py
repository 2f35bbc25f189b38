"""What was found by meaning and what was found by words, as candidates. Pure."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vctx.candidates import Candidates
from vctx.storage.index import Found, SpanIndex


def union(index: SpanIndex, found: Found, lexical: Mapping[int, float]) -> Candidates:
    """Every row found, then every other page of `lexical`, which maps pages to BM25. A row is found once."""
    rows, cosines = found
    page, span = index.named(rows)
    there = set(page.tolist())
    rest = words({number: score for number, score in lexical.items() if number not in there})
    score = [lexical.get(number, np.nan) for number in page.tolist()]
    return Candidates(
        np.concatenate([page, rest.page]),
        np.concatenate([span, rest.span]),
        np.concatenate([cosines.astype(np.float64), rest.dense]),
        np.concatenate([np.array(score, np.float64), rest.lexical]),
    )


def words(lexical: Mapping[int, float]) -> Candidates:
    """Pages that were found by their words alone."""
    found = Candidates.of([]).joined(list(lexical))
    return Candidates(found.page, found.span, found.dense, np.array(list(lexical.values()), np.float64))


def both(first: Found, second: Found) -> Found:
    """One after the other."""
    return np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1]])


def without(pages: Mapping[int, float], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the pages that are none of the others."""
    found = np.array(list(pages), np.int64)
    return found[~np.isin(found, others)]
