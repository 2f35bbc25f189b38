"""Labelled candidates of conversations and documents, and weights trained on them.

questions with evidence -> a search whose hits show the signals themselves -> Labelled -> weights
"""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

import vctx
from vctx.eval import chats, docqa
from vctx.eval.articles import Library, library
from vctx.eval.learning import Array, Labelled, fit, signals_of
from vctx.eval.placing import Item, placed
from vctx.eval.shelf import filed
from vctx.eval.story import Recipe
from vctx.eval.talk import Conversation
from vctx.eval.talk import case as told
from vctx.weights import PLAIN, SIGNALS, VALUES, Weights

STRENGTH = 0.035
"""Precision of the prior for each question: of those within noise of the best across the generator's two
forms (trained on one, tested on the other), the strongest."""
NOT_TALK = frozenset({"title", "named", "hop"})
"""Signals that a message has not."""
TALK = frozenset(
    {"core", "near_core", "before_dense", "next_dense", "top_core", "top_near", "author", "mentions", "told"}
    | {"within", "after", "happened", "lately", "answers", "replies", "asks", "questions", "acknowledges"}
    | {"own", "brief"}
)
"""Signals that only a message has, or that mean another thing for a chunk."""
FIRST = 100
"""The seed of the first conversation that the default weights were trained on."""
NEGATIVES = 120
"""Candidates of a question that were not needed, drawn at random; they count for the others, too."""
BUDGET = 1024
"""Tokens within which two sets of weights are compared."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question's candidates with what they cost, so that weights may be compared on it."""

    labelled: Labelled
    cost: Array
    wanted: int
    """How many pages answer it, found or not."""


def recipe(seed: int) -> Recipe:
    """A recipe that differs with its seed in everything."""
    random = Random(seed * 7919 + 1)
    return Recipe(
        seed=seed,
        people=random.choice([2, 2, 2, 2, 3]),
        sessions=random.randint(8, 30),
        scenes=random.choice([2, 3, 4]),
        smalltalk=random.uniform(0.2, 0.9),
        distractors=random.uniform(0.2, 1),
        times=random.uniform(0.5, 1),
        updates=random.uniform(0.05, 0.3),
        contradictions=random.uniform(0, 0.12),
        assistant=random.random() < 0.2,
        echoes=random.uniform(0.2, 0.8),
        musing=random.uniform(0.4, 1),
        hearsay=random.uniform(0, 0.2),
    )


def talk(
    conversations: Sequence[Conversation], tokenizer: vctx.Tokenizer, embedder: vctx.Embedder | str, most: int
) -> Iterator[Case]:
    """At most `most` questions of each conversation."""
    for conversation in conversations:
        with tempfile.TemporaryDirectory() as folder, _open(Path(folder), tokenizer, embedder) as ctx:
            made = told(conversation)
            pieces, page_of = filed(made, ctx, tokenizer)
            cost = {page: piece.cost for page, piece in pieces.items()}
            for ask in Random(1).sample(made.asks, min(most, len(made.asks))):
                hits = ctx.search(ask.text, before=ask.before)
                gold = frozenset(page_of[name] for name in ask.gold)
                yield case(conversation.name, hits, gold, cost, chunk=False)


def documents(
    made: Library, tokenizer: vctx.Tokenizer, embedder: vctx.Embedder | str, chunk: int
) -> Iterator[Case]:
    """Every question of a library."""
    with tempfile.TemporaryDirectory() as folder, _open(Path(folder), tokenizer, embedder) as ctx:
        archive = docqa.case(made, chunk=chunk)
        pieces, page_of = filed(archive, ctx, tokenizer)
        cost = {page: piece.cost for page, piece in pieces.items()}
        for ask in archive.asks:
            gold = frozenset(page_of[name] for name in ask.gold)
            yield case(made.name, ctx.search(ask.text, before=()), gold, cost, chunk=True)


def case(
    group: str, hits: Sequence[vctx.Hit], gold: frozenset[int], cost: Mapping[int, int], *, chunk: bool
) -> Case:
    """A question with the signals of its candidates, each page once."""
    best = {hit.page: hit for hit in reversed(hits) if hit.signals}
    rows = Labelled(
        group,
        signals_of(list(best.values()), SIGNALS),
        np.array([page in gold for page in best], bool),
        np.full(len(best), chunk),
    )
    return Case(rows, np.array([cost[page] for page in best], float), len(gold))


def train(
    cases: Sequence[Case],
    about: Mapping[str, object],
    prior: Weights = PLAIN,
    *,
    without: Collection[str] = (),
) -> Weights:
    """Weights for what there is: messages, chunks, or both; the prior's for what there is not.

    Signals that are left out weigh nothing.
    """
    message = _kind(cases, prior, without, chunk=False)
    chunk = _kind(cases, prior, without, chunk=True)
    return Weights(message[0], chunk[0], message[1], chunk[1], trained=True, about=about)


def _kind(
    cases: Sequence[Case], prior: Weights, without: Collection[str], *, chunk: bool
) -> tuple[Mapping[str, float], float]:
    rows = [_thinned(c.labelled, n) for n, c in enumerate(cases) if _usable(c.labelled, chunk)]
    weights, bias = (prior.chunk, prior.chunk_bias) if chunk else (prior.message, prior.message_bias)
    if not rows:
        return {name: value for name, value in weights.items() if name not in without}, bias
    names = [n for n in SIGNALS if n not in (TALK if chunk else NOT_TALK) and n not in without]
    columns = [SIGNALS.index(name) for name in names]
    kept = [Labelled(r.group, r.signals[:, columns], r.gold, r.chunk, r.weight) for r in rows]
    start = np.array([weights.get(name, 0.0) for name in names])
    model = fit(kept, start, STRENGTH * len(kept), scaled=not prior.trained)
    return dict(zip(names, model.weights.tolist(), strict=True)), model.bias


def _usable(rows: Labelled, chunk: bool) -> bool:
    return bool(rows.gold.any()) and bool((rows.chunk == chunk).all())


def _thinned(rows: Labelled, seed: int) -> Labelled:
    """All that was needed and some of the rest, which then counts for all of it."""
    rest = np.flatnonzero(~rows.gold)
    drawn = np.random.default_rng(seed).choice(rest, min(NEGATIVES, len(rest)), replace=False)
    kept = np.concatenate([np.flatnonzero(rows.gold), drawn])
    weight = np.where(rows.gold[kept], 1.0, len(rest) / max(1, len(drawn)))
    return Labelled(rows.group, rows.signals[kept], rows.gold[kept], rows.chunk[kept], weight)


def recall_of(weights: Weights, found: Case, budget: int = BUDGET) -> float:
    """The share of what answers a question that the weights place within a budget of tokens."""
    rows = found.labelled
    chunk = bool(rows.chunk.all())
    part, bias = (weights.chunk, weights.chunk_bias) if chunk else (weights.message, weights.message_bias)
    score = rows.signals @ np.array([part.get(name, 0.0) for name in SIGNALS]) + bias
    order = np.argsort(-score, kind="stable")
    worth = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
    items = [
        Item(int(n), int(found.cost[n]), None, float(worth[n]) if weights.trained else None) for n in order
    ]
    chosen: set[int] = placed(items, {None: 0}, budget)
    return float(sum(rows.gold[n] for n in chosen)) / found.wanted


def made(
    seeds: Sequence[int],
    tokenizer: vctx.Tokenizer,
    embedder: vctx.Embedder | str,
    advance: Callable[[int], object],
) -> Iterator[Case]:
    """What the default weights are trained on: a conversation for each seed, a library for every sixth."""
    for seed in seeds:
        yield from talk([chats.conversation(recipe(seed))], tokenizer, embedder, 100)
        if seed % 6 == 0:
            size, chunk = [120, 60, 240][seed // 6 % 3], [160, 64, 160, 300][seed // 6 % 4]
            yield from documents(library(seed, articles=size), tokenizer, embedder, chunk)
        advance(1)


def _open(folder: Path, tokenizer: vctx.Tokenizer, embedder: vctx.Embedder | str) -> vctx.Context:
    return vctx.open(
        folder / "made.db",
        model=None,
        tokenizer=tokenizer,
        embedder=embedder,
        weights=VALUES,
        background=False,
    )
