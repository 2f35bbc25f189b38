"""All-evidence rate: whether every gold piece was placed."""

from collections.abc import Set


def whole(placed: Set[int], gold: Set[int]) -> float:
    """1 where gold is within what was placed, else 0."""
    return float(gold <= placed)
