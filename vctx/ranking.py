"""Candidates and their signals -> hits, best first, each with what every signal added. Pure; numpy."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from vctx.candidates import Candidates, Column, Numbers, known
from vctx.signals import Table
from vctx.types import Hit, Page
from vctx.weights import Weights

MOST = 240
"""Hits that a ranking has at most, where its weights were trained."""
FUSION = 60
"""The constant of reciprocal rank fusion."""

Parts = dict[bool, Column]
"""(signals, candidates): what each signal adds, by the weights of chunks (True) and of messages."""


def best(found: Candidates, most: int) -> Candidates:
    """Those that stand highest by meaning and by words: reciprocal rank fusion (Cormack et al. 2009)."""
    if len(found) <= most:
        return found
    score = np.zeros(len(found))
    for column in (found.dense, found.lexical):
        order = found.order(-np.nan_to_num(column))
        score[order] += 1 / (FUSION + np.arange(1, len(found) + 1))
    return found.take(found.order(-score)[:most])


def weigh(
    found: Candidates,
    columns: Table,
    pages: Sequence[Page],
    weights: Weights,
    *,
    most: int | None = None,
    also: Collection[int] = (),
) -> list[Hit]:
    """Hits with their scores: the bias, and each signal's share by its kind's weights.

    `pages` has the page of each. Trained weights leave out what is farthest from being needed. Of the rest,
    the `most` best, and those of the pages `also`. Ties go by page and span.
    """
    chunk = np.array([page.kind == "chunk" for page in pages], bool)
    kinds = {True: weights.chunk, False: weights.message}
    parts: Parts = {kind: _parts(columns, kinds[kind]) for kind in set(chunk.tolist())}
    score = np.where(chunk, weights.chunk_bias, weights.message_bias)
    for kind, part in parts.items():
        score[chunk == kind] += part.sum(axis=0)[chunk == kind]
    order = found.order(-score)[: MOST if weights.trained else None]
    if most is not None:
        order = order[(np.arange(len(order)) < most) | np.isin(found.page[order], list(also))]
    shares = dict(_shares(order, chunk, parts, kinds))
    shown, scores = found.take(order), score[order]
    worth = _logistic(scores).tolist() if weights.trained else [None] * len(order)
    rows = zip(order.tolist(), shown.spans(), shown.dense.tolist(), shown.lexical.tolist(), strict=True)
    return [
        # By position: there may be hundreds.
        Hit(pages[n].id, span, known(dense), known(lexical), score, shares[n], one, group=pages[n].group)
        for (n, span, dense, lexical), score, one in zip(rows, scores.tolist(), worth, strict=True)
    ]


def _parts(columns: Table, kind: Mapping[str, float]) -> Column:
    if not kind:
        return np.zeros((0, len(columns["dense"])))
    return np.array([weight * columns[name] for name, weight in kind.items()])


def _shares(
    kept: Numbers, chunk: Column, parts: Parts, kinds: Mapping[bool, Mapping[str, float]]
) -> Iterator[tuple[int, dict[str, float]]]:
    """Each of the kept with what every signal adds to it."""
    for kind, part in parts.items():
        mine = kept[chunk[kept] == kind]
        names = list(kinds[kind])
        for n, row in zip(mine.tolist(), part[:, mine].T.tolist(), strict=True):
            yield n, dict(zip(names, row, strict=True))


def _logistic(score: Column) -> Column:
    """The probability of which a score is the logit."""
    worth: Column = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
    return worth
