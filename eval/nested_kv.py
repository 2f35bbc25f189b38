"""Nested key-value (Packer et al. 2023, sec. 3.2.3): values that are keys, up to some levels deep.

A sample holds 140 pairs of UUIDs (Liu et al. 2023, arXiv:2307.03172); an ordering names the pairs of a chain.
The value of each becomes the key of the next, and the question asks for the first key. A chain is solved
when every page of it is within the budget.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path

import vctx
from vctx.eval.case import Ask, Case, Said, Task, sha

BUDGETS = (512, 1024)
PAIRS = "kv-retrieval-140_keys.jsonl.gz"
ORDERINGS = "random_orderings_100_samples_140_indices_{}_levels.jsonl"

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Chain:
    """A sample whose pairs at `order` are chained; depth 0 is a plain lookup."""

    pairs: tuple[Pair, ...]
    order: tuple[int, ...]

    @property
    def depth(self) -> int:
        return len(self.order) - 1

    @property
    def question(self) -> str:
        return (
            f"Find the value of key {self.pairs[self.order[0]][0]}; if it is a key, look on until it is not."
        )


def load(folder: Path, *, samples: int, depths: Sequence[int] = range(5)) -> list[Chain]:
    """The first `samples` chains of each depth, from MemGPT's files. Raises vctx.InputError.

    There are fewer orderings than samples: past the last, they begin again.
    """
    try:
        with gzip.open(folder / PAIRS, "rt") as lines:
            records = [json.loads(line)["ordered_kv_records"] for line in lines]
        return [
            _chain(records[number], order)
            for depth in depths
            for number, order in zip(
                range(min(samples, len(records))), cycle(_orders(folder, depth + 1)), strict=False
            )
        ]
    except (OSError, ValueError, LookupError) as error:
        raise vctx.InputError(f"cannot read the nested key-value files in {folder}: {error}") from error


def cases(chains: Sequence[Chain], *, pooled: bool = False) -> Iterator[Case]:
    """Each sample as the messages of a session, or all of one depth in one."""
    if not pooled:
        for number, chain in enumerate(chains):
            yield _case(f"{chain.depth}-{number}", [chain])
    else:
        for depth in sorted({chain.depth for chain in chains}):
            yield _case(f"{depth}-pooled", [chain for chain in chains if chain.depth == depth])


def _case(name: str, chains: Sequence[Chain]) -> Case:
    return Case(
        name,
        tuple(
            Ask(
                f"{name}/{n}",
                chain.question,
                f"depth {chain.depth}",
                frozenset(f"{n}:{place}" for place in chain.order),
                (chain.pairs[chain.order[-1]][1],),
            )
            for n, chain in enumerate(chains)
        ),
        said=tuple(
            Said(f"{n}:{place}", ": ".join(pair))
            for n, chain in enumerate(chains)
            for place, pair in enumerate(chain.pairs)
        ),
        independent=True,
    )


def _chain(pairs: Sequence[Sequence[str]], order: Sequence[int]) -> Chain:
    made = [(key, value) for key, value in pairs]
    for here, there in pairwise(order):
        made[here] = (made[here][0], made[there][0])
    return Chain(tuple(made), tuple(order))


def _orders(folder: Path, levels: int) -> list[list[int]]:
    text = (folder / ORDERINGS.format(levels)).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def task(folder: Path, *, samples: int, pooled: bool = False) -> Task:
    """The chains in MemGPT's folder. Raises vctx.InputError."""
    chains = load(folder, samples=samples)
    about = {"samples": samples, "pooled": pooled, "sha256": sha(folder / PAIRS)}
    return Task("nested-kv", tuple(cases(chains, pooled=pooled)), BUDGETS, about, figure="all")
