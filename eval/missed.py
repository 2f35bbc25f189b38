"""What others find of that which cosine alone does not. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from vctx.eval.log import Line

BESIDE = "dense"
"""The system whose misses are looked at."""


class Missed(NamedTuple):
    """Of the questions whose evidence dense does not place whole within a budget, how many a system does."""

    system: str
    budget: int
    found: int
    missed: int


def missed(lines: Sequence[Line], together: Sequence[str], budgets: Sequence[int]) -> list[Missed]:
    """For each other system that searches, by budget; nothing where dense was not asked."""
    kept = [line for line in lines if not together or line.category in together]
    systems = dict.fromkeys(line.system for line in kept if line.system != BESIDE)
    found: list[Missed] = []
    for budget in budgets:
        name = f"all@{budget}"
        lost = {n.id for n in kept if n.system == BESIDE and n.scores.get(name, 1.0) < 1}
        for system in systems if lost else ():
            whole = [n for n in kept if n.system == system and n.id in lost and name in n.scores]
            if whole:
                found.append(Missed(system, budget, sum(n.scores[name] == 1 for n in whole), len(whole)))
    return found
