"""The harness: every case of a task is shelved once, and each of its questions asked of every system.

case -> shelf -> for each question, for each system: find -> place within budgets -> score -> a line
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import vctx
from vctx.eval import answer
from vctx.eval.answer import Answerer
from vctx.eval.case import Ask, Case, Task
from vctx.eval.judge import Judge
from vctx.eval.log import Line, Log
from vctx.eval.metrics.evidence import recall
from vctx.eval.metrics.ndcg import CUT, ndcg
from vctx.eval.metrics.reciprocal import reciprocal
from vctx.eval.metrics.whole import whole
from vctx.eval.placing import placed, spent
from vctx.eval.shelf import Parts, Shelf, shelved
from vctx.eval.systems.system import Finder, Found, System


@dataclass(frozen=True)
class Harness:
    """What asks: the systems under test, the parts that they share, and who answers."""

    systems: Sequence[System]
    parts: Parts
    budgets: Sequence[int]
    weights: str | None = None
    """By which vctx ranks."""
    per_case: Mapping[str, vctx.Weights] = field(default_factory=dict)
    """The same of a case, where it has its own."""
    answerer: Answerer | None = None
    answering: frozenset[str] = frozenset()
    """The systems that the model answers for; empty for all."""
    judge: Judge | None = None

    def run(self, task: Task, log: Log, progress: vctx.Progress) -> None:
        """Asks what the log does not hold yet. Raises what vctx raises."""
        try:
            with progress("questions", sum(len(case.asks) for case in task.cases)) as advance:
                for case in task.cases:
                    if any((ask.id, s.name) not in log.done for ask in case.asks for s in self.systems):
                        self._case(case, log, advance)
                    else:
                        advance(len(case.asks))
        finally:
            for system in self.systems:
                system.close()

    def _case(self, case: Case, log: Log, advance: Any) -> None:
        weights = self.per_case.get(case.name, self.weights)
        begun = time.perf_counter()
        with ExitStack() as stack:
            shelf = stack.enter_context(shelved(case, self.parts, weights))
            size = sum(file.stat().st_size for file in shelf.path.parent.glob(f"{shelf.path.name}*"))
            log.note({"case": case.name, "part": "shelve", "seconds": _since(begun), "bytes": size})
            finders: dict[str, Finder] = {}
            for system in self.systems:
                begun = time.perf_counter()
                finders[system.name] = stack.enter_context(system.open(shelf))
                cost = {"seconds": _since(begun), "bytes": system.size()}
                log.note({"case": case.name, "system": system.name, "part": "open"} | cost)
            for ask in case.asks:
                for name, find in finders.items():
                    if (ask.id, name) not in log.done:
                        log.add(*self._line(shelf, ask, name, find))
                advance(1)

    def _line(self, shelf: Shelf, ask: Ask, system: str, find: Finder) -> tuple[Line, dict[str, Any]]:
        begun = time.perf_counter()
        found = find(ask)
        cost: dict[str, Any] = {"id": ask.id, "system": system, "find": _since(begun)}
        scores = rated(shelf, ask, found, self.budgets) | found.scores
        text = None
        if self.answerer and (not self.answering or system in self.answering):
            begun = time.perf_counter()
            text, more = self._answered(self.answerer, shelf, ask, found)
            cost["answer"] = _since(begun)
            scores |= more
        case = shelf.case
        cluster = ask.id if case.independent else case.name
        shown = {name: round(value, 6) for name, value in scores.items()}
        return Line(case.name, ask.id, ask.category, system, shown, cluster, dict(ask.axes), text), cost

    def _answered(
        self, answerer: Answerer, shelf: Shelf, ask: Ask, found: Found
    ) -> tuple[str | None, dict[str, float]]:
        messages = answerer.prompt(shelf, ask, found)
        if messages is None:
            return None, {}
        reply = answerer.reply(messages)
        scores = answer.scores(reply, ask.answers)
        if self.judge and ask.answers:
            scores["judged"] = self.judge.right(ask, reply.text)
        return reply.text, scores


def rated(shelf: Shelf, ask: Ask, found: Found, budgets: Sequence[int]) -> dict[str, float]:
    """Every metric of what was found, by name."""
    gold = shelf.gold(ask)
    order = [item.key for item in found.ranked]
    if found.window is not None:
        return {
            f"recall@{found.window}": recall(set(order), gold),
            f"all@{found.window}": whole(set(order), gold),
        }
    needs = spent(found.ranked, shelf.headers, set(order))
    scores: dict[str, float] = {"needs": needs} if found.whole else {}
    for budget in budgets:
        chosen = placed(found.ranked, shelf.headers, budget)
        if found.whole and len(chosen) < len(order):
            continue
        scores[f"recall@{budget}"] = recall(chosen, gold)
        scores[f"all@{budget}"] = whole(chosen, gold)
        scores[f"tokens@{budget}"] = spent(found.ranked, shelf.headers, chosen)
    return scores | {"mrr": reciprocal(order, gold), f"ndcg@{CUT}": ndcg(order, gold)}


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 6)
