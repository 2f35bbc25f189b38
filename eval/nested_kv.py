"""Nested key-value (Packer et al. 2023, sec. 3.2.3): values that are keys, up to some levels deep.

A sample holds 140 pairs of UUIDs (Liu et al. 2023, arXiv:2307.03172); an ordering names the pairs of a chain.
The value of each becomes the key of the next, and the question asks for the first key. A chain is solved
when every page of it is within the budget.
"""

import gzip
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path

import vctx
from vctx.eval.evidence import Item, placed

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


@dataclass(frozen=True, slots=True)
class Solved:
    """One chain: whether each budget holds all of it."""

    depth: int
    within: dict[int, bool]


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


def run(
    chains: Sequence[Chain],
    *,
    tokenizer: str,
    embedder: str | vctx.Embedder,
    progress: vctx.Progress,
    pooled: bool = False,
) -> Iterator[Solved]:
    """Stores each sample as the messages of a session, or all of one depth in one, and asks."""
    counts = vctx.tokenizer(tokenizer)
    sessions = [[chain] for chain in chains]
    if pooled:
        sessions = [[c for c in chains if c.depth == depth] for depth in sorted({c.depth for c in chains})]
    with progress("chains", len(chains)) as advance, tempfile.TemporaryDirectory() as folder:
        for number, session in enumerate(sessions):
            for solved in _ask(session, Path(folder) / f"{number}.db", counts, embedder):
                advance(1)
                yield solved


def _ask(
    chains: Sequence[Chain], path: Path, counts: vctx.Tokenizer, embedder: str | vctx.Embedder
) -> Iterator[Solved]:
    with vctx.open(path, model=None, tokenizer=counts, embedder=embedder) as ctx:
        with ctx.relaxed():
            pairs = [pair for chain in chains for pair in chain.pairs]
            page_of = {pair: ctx.append("user", ": ".join(pair)).id for pair in pairs}
        lines = [": ".join(pair) + "\n" for pair in page_of]
        cost = dict(zip(page_of.values(), counts.count(lines), strict=True))
        for chain in chains:
            hits = {hit.page: hit for hit in reversed(ctx.search(chain.question))}
            items = [Item(page, cost[page], None, hit.worth) for page, hit in reversed(hits.items())]
            gold = {page_of[chain.pairs[n]] for n in chain.order}
            within = {b: gold <= placed(items, {None: 0}, b) for b in BUDGETS}
            yield Solved(chain.depth, within)


def _chain(pairs: Sequence[Sequence[str]], order: Sequence[int]) -> Chain:
    made = [(key, value) for key, value in pairs]
    for here, there in pairwise(order):
        made[here] = (made[here][0], made[there][0])
    return Chain(tuple(made), tuple(order))


def _orders(folder: Path, levels: int) -> list[list[int]]:
    text = (folder / ORDERINGS.format(levels)).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]
