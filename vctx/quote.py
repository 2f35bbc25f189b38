"""Which sentence supports a claim. Pure."""

from collections.abc import Sequence

from vctx.chunk import sentences
from vctx.types import Page, Quote, Span

Candidate = tuple[Page, str]

QUESTION = ("?", "？", "؟", "՞")
"""What a question ends with, in the scripts that have a mark for it."""


def candidates(found: Sequence[tuple[Page, Span | None]]) -> list[Candidate]:
    """Every sentence of the pages, or of the spans of them, on one line each, with its page.

    What the user asked is left out: a question is nearest to itself, and supports nothing. What the model
    has said is nearest to what it says again, and is taken only where there is nothing else.
    """
    said = [
        (page, " ".join(text.split()))
        for page, span in found
        for text in sentences(page.text if span is None else page.text[slice(*span)])
        if not (page.origin == "user" and text.rstrip().endswith(QUESTION))
    ]
    return [(page, text) for page, text in said if not _own(page)] or said


def _own(page: Page) -> bool:
    """Whether the session's model said it."""
    return page.kind == "message" and page.role == "assistant"


def nearest(found: Sequence[Candidate], scores: Sequence[float]) -> Quote:
    """The candidate of the highest score, the first of equals."""
    best = max(range(len(found)), key=lambda i: scores[i])
    page, sentence = found[best]
    return Quote(page, sentence, scores[best])
