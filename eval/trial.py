"""Whether trained weights are better than others: cross-validated, on the same questions, in pairs."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from vctx.eval.intervals import bootstrap
from vctx.eval.training import BUDGET, Case, recall_of, train
from vctx.weights import Weights

FOLDS = 5
"""Parts into which many groups are gathered: a training on thousands of questions takes a minute."""
ENOUGH = 40
"""Questions below which nothing is trained: an interval would be wider than any gain."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Evidence recall of the default weights and of trained ones, on questions that these have not seen."""

    questions: int
    budget: int
    default: float
    trained: float
    gain: tuple[float, float, float]
    """Mean, low and high of the difference, question by question; groups resampled."""

    @property
    def better(self) -> bool:
        """Whether the gain is more than chance."""
        return self.gain[1] > 0

    def text(self) -> str:
        """The report, for people."""
        mean, low, high = self.gain
        verdict = (
            "The trained weights are better; they were trained on all questions and written."
            if self.better
            else "The data is too little to beat the default weights: nothing was written."
        )
        return (
            f"{self.questions} questions, evidence within {self.budget:,} tokens, cross-validated\n"
            f"default  {self.default:.3f}\n"
            f"trained  {self.trained:.3f}\n"
            f"gain     {mean:+.3f} [{low:+.3f}, {high:+.3f}]\n{verdict}"
        )


def trial(
    cases: Sequence[Case],
    default: Weights,
    advance: Callable[[int], object],
    prior: Weights | None = None,
    budget: int = BUDGET,
) -> Trial:
    """Trains on all groups but some, in turn, from `prior` (the default weights), and compares on these.

    Up to twice FOLDS groups are left out one by one, more of them in FOLDS parts.
    """
    pairs: dict[str, list[tuple[float, float]]] = {}
    for fold in folds(cases):
        rest = [case for case in cases if case.labelled.group not in fold]
        weights = train(rest, {}, prior or default)
        for case in cases:
            if case.labelled.group in fold:
                both = recall_of(default, case, budget), recall_of(weights, case, budget)
                pairs.setdefault(case.labelled.group, []).append(both)
        advance(1)
    found = [pair for group in pairs.values() for pair in group]
    gains: dict[Hashable, list[float]] = {g: [b - a for a, b in both] for g, both in pairs.items()}
    n = len(found)
    before, after = sum(a for a, _ in found) / n, sum(b for _, b in found) / n
    return Trial(n, budget, before, after, (after - before, *bootstrap(gains)))


def folds(cases: Sequence[Case]) -> list[frozenset[str]]:
    """The groups that are left out together."""
    groups = list(dict.fromkeys(case.labelled.group for case in cases))
    parts = len(groups) if len(groups) <= 2 * FOLDS else FOLDS
    return [frozenset(groups[n::parts]) for n in range(parts)]
