"""Which sentence supports a claim. Pure."""

from collections.abc import Sequence

from vctx.chunk import sentences
from vctx.types import Page, Quote

Candidate = tuple[Page, str]


def candidates(pages: Sequence[Page]) -> list[Candidate]:
    """Every sentence of the pages, on one line each, with its page."""
    return [(page, " ".join(text.split())) for page in pages for text in sentences(page.text)]


def nearest(found: Sequence[Candidate], scores: Sequence[float]) -> Quote:
    """The candidate of the highest score, the first of equals."""
    best = max(range(len(found)), key=lambda i: scores[i])
    page, sentence = found[best]
    return Quote(page, sentence, scores[best])
