"""Asks a session the questions of a conversation, and scores what is placed within token budgets.

Each conversation is replayed into a session of its own, message by message; each question is asked of it,
and what is found fills a budget. A turn costs its line, a chat session that appears one line with its date.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import vctx
from vctx.eval.baselines import Order
from vctx.eval.evidence import Item, evidence_recall, placed
from vctx.eval.talk import Conversation, Question, Score, Turn, TurnId

BUDGETS = (512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A conversation on disk: its session, and what each turn and header costs."""

    conversation: Conversation
    ctx: vctx.Context
    turn_of: dict[int, TurnId]
    cost: dict[TurnId, int]
    header: dict[int, int]

    def items(self, hits: Sequence[vctx.Hit]) -> list[Item[TurnId, int]]:
        """What was found as items to place, each turn once, in order of rank."""
        best: dict[TurnId, vctx.Hit] = {}
        for hit in hits:
            best.setdefault(self.turn_of[hit.page], hit)
        return [Item(turn, self.cost[turn], turn[0], hit.worth) for turn, hit in best.items()]

    def ordered(self, order: Order, hits: Sequence[vctx.Hit], question: Question) -> list[Item[TurnId, int]]:
        """The same in the order of a baseline."""
        gold = frozenset(page for page, turn in self.turn_of.items() if turn in question.evidence)
        turns = [self.turn_of[page] for page in order(hits, list(self.turn_of), gold)]
        return [Item(turn, self.cost[turn], turn[0]) for turn in turns]

    def score(self, question: Question, items: Sequence[Item[TurnId, int]], budgets: Sequence[int]) -> Score:
        """One question's evidence recall."""
        chosen = {b: placed(items, self.header, b) for b in budgets}
        recall = {b: evidence_recall(turns, question.evidence) for b, turns in chosen.items()}
        return Score(self.conversation.name, question.category, recall)


def run(
    conversations: Sequence[Conversation],
    *,
    tokenizer: str | vctx.Tokenizer,
    embedder: str | vctx.Embedder,
    progress: vctx.Progress,
    weights: vctx.Weights | str | None = None,
    order: Order | None = None,
    budgets: Sequence[int] = BUDGETS,
) -> Iterator[Score]:
    """Asks every question of every conversation, each in a session of its own; `order` is a baseline's."""
    with progress("questions", sum(len(c.questions) for c in conversations)) as advance:
        for conversation in conversations:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "chat.db"
                with vctx.open(
                    path, model=None, tokenizer=tokenizer, embedder=embedder, weights=weights
                ) as ctx:
                    shelf = shelve(conversation, ctx, tokenizer)
                    for question in conversation.questions:
                        hits = ctx.search(question.text, before=question.before)
                        items = shelf.ordered(order, hits, question) if order else shelf.items(hits)
                        yield shelf.score(question, items, budgets)
                        advance(1)


def shelve(conversation: Conversation, ctx: vctx.Context, tokenizer: str | vctx.Tokenizer) -> Shelf:
    """Replays a conversation into an open session."""
    count = (vctx.tokenizer(tokenizer) if isinstance(tokenizer, str) else tokenizer).count
    costs = count([turn.line + "\n" for turn in conversation.turns])
    headers = count([line + "\n" for line in conversation.headers.values()])
    return Shelf(
        conversation,
        ctx,
        {_append(ctx, conversation, turn): turn.id for turn in conversation.turns},
        dict(zip((turn.id for turn in conversation.turns), costs, strict=True)),
        dict(zip(conversation.headers, headers, strict=True)),
    )


def _append(ctx: vctx.Context, conversation: Conversation, turn: Turn) -> int:
    at = conversation.dates[turn.id[0]]
    asks = turn.speaker == conversation.asks and (turn.speaker or turn.id[1] % 2 == 1)
    return ctx.append("user" if asks else "assistant", turn.text, author=turn.speaker, at=at).id
