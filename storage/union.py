"""What was found by meaning and what was found by words, as hits. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from vctx.storage.index import SpanIndex
from vctx.types import Hit

Found = tuple[int, float]
"""A row of the span index and its cosine."""


def union(
    index: SpanIndex | None,
    dense: Sequence[Found],
    rest: Mapping[int, Found],
    lexical: Mapping[int, float],
    groups: Mapping[int, int],
) -> list[Hit]:
    """Every row in `dense`, then every other page of `lexical`: by its best row in `rest`, or whole.

    `lexical` maps pages to BM25, `groups` pages to groups. At most one hit a span.
    """
    hits = [] if index is None else list(_meant(index, [*dense, *rest.values()], lexical, groups))
    there = {hit.page for hit in hits}
    for page, score in lexical.items():
        if page not in there:
            hits.append(Hit(page, lexical=score, group=groups.get(page)))
    return hits


def _meant(
    index: SpanIndex, found: Sequence[Found], lexical: Mapping[int, float], groups: Mapping[int, int]
) -> Iterator[Hit]:
    named = index.named([row for row, _ in found])
    for (page, span), (_, cosine) in zip(named, found, strict=True):
        yield Hit(page, span, cosine, lexical.get(page), group=groups.get(page))
