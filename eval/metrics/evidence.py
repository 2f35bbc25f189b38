"""Evidence recall: the share of a question's gold pieces that were placed."""

from collections.abc import Set


def recall(placed: Set[int], gold: Set[int]) -> float:
    """|placed & gold| / |gold|; gold must not be empty."""
    return len(placed & gold) / len(gold)
