"""A user's own questions with the pages that answered: labelled in a file, or read from a session's log.

What the log knows: a recall, the pages that it chose, and the reply that followed. A page is taken as needed
where the reply quotes it: some words stand side by side in both, and not in the question.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import vctx
from vctx.eval.training import Case, case

QUOTED = 3
"""Pairs of words that a quotation has at least."""
SHORT = 3
"""Letters below which a word is no part of one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, the pages that answer it, and the first page that was not there when it was asked."""

    query: str
    pages: frozenset[int]
    before: int | None = None


def labelled(path: Path) -> list[Answered]:
    """JSON Lines of {"query": ..., "pages": [ids]}. Raises vctx.InputError."""
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        return [Answered(str(line["query"]), frozenset(map(int, line["pages"]))) for line in lines]
    except OSError as error:
        raise vctx.InputError(f"cannot read {path}: {error}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise vctx.InputError(
            f'{path} holds no labels: {error!r}; a line is {{"query": "...", "pages": [1, 2]}}'
        ) from error


def logged(ctx: vctx.Context) -> list[Answered]:
    """The questions of a session whose reply quotes what was paged in for them."""
    messages = ctx.history()
    found = []
    for entry in ctx.log():
        hits = [hit["page"] for hit in entry.outcome.get("hits", ())] if entry.cause == "recall" else []
        query = str(entry.request.get("query", ""))
        reply = next(
            (page for page in messages if page.role == "assistant" and page.created_at >= entry.at), None
        )
        if hits and query and reply is not None:
            pages = {page.id for page in ctx.pages(hits) if quotes(reply.text, page.text, query)}
            if pages:
                found.append(Answered(query, frozenset(pages), reply.id - 1))
    return found


def cases(ctx: vctx.Context, answered: Sequence[Answered], folds: int = 10) -> Iterator[Case]:
    """Each question with the signals of its candidates; neighbours are in one group of `folds`."""
    tokens = ctx.tokenizer.count
    for number, question in enumerate(answered):
        hits = [
            hit
            for hit in ctx.search(question.query, before=())
            if question.before is None or hit.page < question.before
        ]
        if hits:
            pages = ctx.pages([hit.page for hit in hits])
            cost = dict(zip((page.id for page in pages), tokens([page.text for page in pages]), strict=True))
            chunk = all(page.source is not None for page in pages)
            group = str(number * folds // len(answered))
            yield case(group, hits, question.pages, cost, chunk=chunk)


def quotes(reply: str, page: str, query: str) -> bool:
    """Whether a reply holds what a page says and the question does not."""
    return len((_pairs(reply) & _pairs(page)) - _pairs(query)) >= QUOTED


def _pairs(text: str) -> set[tuple[str, str]]:
    return set(pairwise(word for word in re.findall(r"\w+", text.lower()) if len(word) >= SHORT))
