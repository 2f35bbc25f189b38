"""Trained on all conversations but one, asked about that one: what a user gains by labels of their own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import vctx
from vctx.eval import chat
from vctx.eval.talk import Conversation, Score
from vctx.eval.training import Case, talk, train
from vctx.weights import load


def run(
    conversations: Sequence[Conversation],
    answerable: Sequence[str],
    *,
    tokenizer: str,
    embedder: str | vctx.Embedder,
    progress: vctx.Progress,
) -> Iterator[Score]:
    """Every question, by weights that have not seen its conversation; they start from those that ship."""
    counts = vctx.tokenizer(tokenizer)
    with progress("training", len(conversations)) as advance:
        cases: list[Case] = []
        for conversation in conversations:
            asked = [q for q in conversation.questions if q.category in answerable]
            cases += talk([replace(conversation, questions=tuple(asked))], counts, embedder, len(asked))
            advance(1)
    for conversation in conversations:
        others = [case for case in cases if case.labelled.group != conversation.name]
        weights = train(others, {}, load(None))
        yield from chat.run(
            [conversation], tokenizer=counts, embedder=embedder, progress=progress, weights=weights
        )
