"""Reciprocal rank, whose mean over questions is MRR (Voorhees 1999)."""

from collections.abc import Sequence, Set


def reciprocal(ranked: Sequence[int], gold: Set[int]) -> float:
    """1 / the rank of the first gold piece, from 1; 0 where there is none."""
    return next((1 / rank for rank, page in enumerate(ranked, 1) if page in gold), 0.0)
