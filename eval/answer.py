"""A model's answer from what a system placed, after the same words of instruction for every system."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

import vctx
from vctx.eval.case import Ask
from vctx.eval.metrics.billed import billed
from vctx.eval.metrics.containment import containment
from vctx.eval.metrics.exact import exact
from vctx.eval.metrics.f1 import f1
from vctx.eval.placing import placed
from vctx.eval.shelf import Shelf
from vctx.eval.systems.system import Found

INSTRUCTION = (
    "Answer the question from what was said, in as few words as possible. Where it asks when, give the date."
)


@dataclass(frozen=True)
class Answerer:
    """A model that is sent at most `window` tokens, `reserve` of them for its reply."""

    model: vctx.Model
    window: int
    reserve: int
    _costs: dict[str, int] = field(default_factory=dict)

    def prompt(self, shelf: Shelf, ask: Ask, found: Found) -> list[vctx.Message] | None:
        """The system's own prompt, or its pieces in order of time; None for a whole that does not fit."""
        if found.prompt is not None:
            return [*found.prompt, vctx.Message("user", ask.text)]
        items = [replace(item, cost=self._cost(shelf.pieces[item.key].line)) for item in found.ranked]
        headers = {"": 0} | {part: self._cost(line) for part, line in shelf.case.headers.items()}
        room = budget = (self.model.window if found.whole else self.window) - self.reserve
        while budget > 0:
            chosen = placed(items, headers, budget)
            if found.whole and len(chosen) < len(items):
                return None
            messages = asked(shelf, ask, chosen)
            excess = self.model.tokenizer.prompt(messages) - room
            if excess <= 0:
                return messages
            budget -= excess
        raise vctx.BudgetError(f"question {ask.id} alone takes more than the {room} tokens of the window")

    def reply(self, messages: Sequence[vctx.Message]) -> vctx.Reply:
        """Raises vctx.ModelError."""
        return self.model.complete(messages, max_tokens=self.reserve)

    def _cost(self, line: str) -> int:
        if line not in self._costs:
            [self._costs[line]] = self.model.tokenizer.count([f"{line}\n"])
        return self._costs[line]


def asked(shelf: Shelf, ask: Ask, pages: Set[int]) -> list[vctx.Message]:
    """Pieces in order of the history, each section under its header, then the question."""
    lines = "\n".join(_lines(shelf, pages))
    return [
        vctx.Message("system", INSTRUCTION),
        vctx.Message("user", f"{lines}\n\nQuestion: {ask.text}".lstrip()),
    ]


def _lines(shelf: Shelf, pages: Set[int]) -> Iterator[str]:
    section = ""
    for piece in shelf.pieces.values():
        if piece.page in pages:
            if piece.section != section:
                section = piece.section
                yield f"[{shelf.case.headers[section]}]" if section else ""
            yield piece.line


def scores(reply: vctx.Reply, answers: Sequence[str]) -> dict[str, float]:
    """What is said of a reply: its tokens, and, where there are right answers, how near it is to them."""
    found = {name: float(tokens) for name, tokens in billed(reply).items()} | {"calls": 1.0}
    if answers:
        found |= {
            "f1": f1(reply.text, answers),
            "exact": exact(reply.text, answers),
            "contains": containment(reply.text, answers),
        }
    return found
