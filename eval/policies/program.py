"""A linear program under construction: columns between 0 and 1 with a cost, rows between limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from scipy.optimize import linprog, milp
from scipy.sparse import csr_matrix

import vctx

Terms = Sequence[tuple[int, float]]
"""(column, factor)."""


@dataclass
class Program:
    """Minimise the cost of the columns; those that are `whole` are 0 or 1 where it is solved exactly."""

    cost: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def column(self, cost: float = 0.0, *, whole: bool = False) -> int:
        self.cost.append(cost)
        self.whole.append(whole)
        return len(self.cost) - 1

    def row(self, least: float, most: float, *terms: tuple[int, float]) -> None:
        self.entries += [(len(self.most), column, factor) for column, factor in terms]
        self.least.append(least)
        self.most.append(most)

    def at_most(self, most: float, *terms: tuple[int, float]) -> None:
        self.row(-inf, most, *terms)

    def solve(self, *, exact: bool) -> float:
        """The minimum. Raises vctx.BudgetError where no solution keeps to the limits."""
        rows, columns, values = zip(*self.entries, strict=True)
        matrix = csr_matrix((values, (rows, columns)), shape=(len(self.most), len(self.cost)))
        least, most = np.array(self.least), np.array(self.most)
        if exact:
            found = milp(
                self.cost,
                constraints=(matrix, least, most),
                bounds=(0.0, 1.0),
                integrality=np.array(self.whole),
                options={"mip_rel_gap": 0.0},
            )
        else:
            same = least == most
            sides = matrix[~same], most[~same], matrix[same], most[same]
            found = linprog(self.cost, *sides, bounds=(0.0, 1.0), method="highs-ipm")
        if found.status == 2:
            raise vctx.BudgetError("what one call must hold exceeds the room: the window is too small")
        if found.fun is None:
            raise RuntimeError(f"the solver stopped: {found.message}")
        return float(found.fun)


def minus(terms: Terms) -> list[tuple[int, float]]:
    """The terms on the other side."""
    return [(column, -factor) for column, factor in terms]
