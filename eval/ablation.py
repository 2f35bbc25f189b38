"""What each group of signals is worth: weights trained without it, beside weights trained with all.

Groups overlap: a neighbour's BM25 is of words, and of neighbours.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from vctx.eval.training import Case, train
from vctx.weights import Weights, dump

GROUPS = {
    "neighbours": "near_dense near_core before_dense next_dense sitting_dense top_near near_lexical"
    " near_cover sitting_cover answers replies",
    "words": "lexical near_lexical top_lexical cover near_cover sitting_cover pairs",
    "core": "core near_core before_dense next_dense sitting_dense top_core top_near",
    "closeness": "top_dense top_core top_near top_lexical",
    "people": "author mentions told",
    "time": "within after happened lately has_time",
    "form": "answers replies asks questions acknowledges own length brief has_number has_name",
    "names": "title named hop linked",
}
"""Of signals, each by its name; see `vctx.signals`."""


def ablate(
    cases: Sequence[Case], prior: Weights, folder: Path, advance: Callable[[int], object]
) -> list[Path]:
    """Writes `all.json`, and for each group weights that were trained without it."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in ("all", *GROUPS):
        without = frozenset(GROUPS.get(name, "").split())
        about = {"questions": len(cases), "without": sorted(without)}
        written.append(folder / f"{'' if name == 'all' else 'without-'}{name}.json")
        written[-1].write_text(dump(train(cases, about, prior, without=without)), encoding="utf-8")
        advance(1)
    return written
