"""Trained on all conversations but one, asked about that one: what a user gains by labels of their own."""

from collections.abc import Sequence
from dataclasses import replace

import vctx
from vctx.eval.talk import Conversation
from vctx.eval.training import Case, talk, train
from vctx.weights import Weights, load


def weights(
    conversations: Sequence[Conversation],
    answerable: Sequence[str],
    *,
    counts: vctx.Tokenizer,
    embedder: str | vctx.Embedder,
    progress: vctx.Progress,
) -> dict[str, Weights]:
    """For each conversation, weights that have not seen it; they start from those that ship."""
    with progress("training", len(conversations)) as advance:
        cases: list[Case] = []
        for conversation in conversations:
            asked = [q for q in conversation.questions if q.category in answerable]
            cases += talk([replace(conversation, questions=tuple(asked))], counts, embedder, len(asked))
            advance(1)
    return {one.name: _without(one.name, cases) for one in conversations}


def _without(name: str, cases: Sequence[Case]) -> Weights:
    return train([case for case in cases if case.labelled.group != name], {}, load(None))
