"""What a question costs: CPU time of `ctx.search`, its embedding left out, medians.

    python bench/recall.py              600 turns, then 50,000 pages
    python bench/recall.py --profile    and where the time goes
    python bench/recall.py --rankings F what was found, as text: two versions of vctx can be compared

The pages are made conversations (`vctx.eval.chats`), dated, each at another time; the vectors are hashed
bags of words, so that texts about one thing lie together. Every question is asked once, so that at 50,000
pages most candidates are read for the first time; at 600 turns, after a few questions, few are. Then the last
of them are asked again: what was read lately is remembered.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from recall_stages import Stages

import vctx
from vctx import boot
from vctx.eval.chats import conversation
from vctx.eval.story import Recipe
from vctx.fakes import HashingEmbedder, WordTokenizer
from vctx.seeking import PRICED
from vctx.types import Page

SIZES = ((600, 60), (50_000, 100))
"""Pages, and questions asked of them."""
WARM = 10
"""Questions that are asked first, and not counted."""
AGAIN = 20
"""Questions that are asked again: their pages are remembered."""


class Apart(HashingEmbedder):
    """An embedder that knows how much CPU time it took."""

    spent = 0.0

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """As its parent does."""
        start = time.process_time()
        found: NDArray[np.float32] = super().embed(texts)
        self.spent += time.process_time() - start
        return found


def material(count: int) -> tuple[list[Page], list[str]]:
    """The first `count` turns of conversations that follow each other, and what is asked about them."""
    pages: list[Page] = []
    questions: list[list[str]] = []
    for seed in range(count):
        made = conversation(Recipe(seed=seed, sessions=40))
        later = timedelta(days=400 * (seed % 20))
        room = count - len(pages)
        pages += [
            Page("message", "user", turn.text, made.dates[turn.id[0]] + later, "user", author=turn.speaker)
            for turn in islice(made.turns, room)
        ]
        questions.append([question.text for question in made.questions])
        if len(pages) == count:
            break
    rounds = max(map(len, questions))
    mixed = [asked[n] for n in range(rounds) for asked in questions if n < len(asked)]
    return sorted(pages, key=lambda page: page.created_at), list(dict.fromkeys(mixed))


def times(
    ctx: vctx.Context, embedder: Apart, questions: list[str], most: int | None, found: list[str]
) -> Iterator[float]:
    """CPU milliseconds of each question."""
    for question in questions:
        start, apart = time.process_time(), embedder.spent
        hits = ctx.search(question, most)
        yield 1e3 * (time.process_time() - start - (embedder.spent - apart))
        found.append(f"{question}\t" + " ".join(f"{hit.page}:{hit.score:.9f}" for hit in hits))


def measure(count: int, asked: int, most: int | None, found: list[str], stages: Stages | None) -> None:
    """Prints the rows of one size."""
    pages, questions = material(count)
    embedder = Apart(384)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chat.db"
        with boot.disk(path) as disk, disk.transaction():
            disk.put(pages)
        with vctx.open(
            path, model=None, tokenizer=WordTokenizer(), embedder=embedder, background=False
        ) as ctx:
            ctx.embed()
            list(times(ctx, embedder, questions[:WARM], most, []))
            once = questions[WARM : WARM + asked]
            for what, those in (("once", once), ("again", once[-AGAIN:])):
                if stages:
                    stages.clear()
                took = list(times(ctx, embedder, those, most, found))
                middle, late = np.percentile(took, [50, 95])
                print(f"| {count:,} | {len(those)} | {what} | {middle:.1f} | {late:.1f} |", flush=True)
                if stages:
                    print(f"\n{stages.text(len(those))}\n")


def main() -> None:
    """Prints the table."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--profile", action="store_true")
    given.add_argument("--rankings", type=Path)
    given.add_argument("--pages", type=int, help="only so many")
    options = given.parse_args()
    found: list[str] = []
    # A fault chooses among so many; to compare two versions, all that were ranked.
    most = None if options.rankings else PRICED
    stages = Stages() if options.profile else None
    print("| pages | questions | asked | CPU ms, median | 95th percentile |\n|---|---|---|---|---|")
    for count, asked in SIZES:
        if options.pages in (None, count):
            measure(count, asked, most, found, stages)
    if options.rankings:
        options.rankings.write_text("\n".join(found) + "\n", "utf-8")


if __name__ == "__main__":
    main()
