"""What a gist keeps: the words of gold answers that are still there, beside other texts of the same tokens.

    python bench/gists.py --locomo FILE

FILE is LoCoMo's JSON as released. For each question, its evidence is cut to a share of its own o200k
tokens: to the telling words (`vctx.gist`), to its beginning, to its densest sentences, to sentences
drawn at random, as much of each as so many tokens hold. Counted is the share of the answer's words,
common ones aside, that the evidence holds and the cut still does. Intervals by bootstrap over
conversations. $VCTX_TIKTOKEN names the BPE file where there is no network.
"""

import argparse
import random
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from vctx.boot import tokenizer
from vctx.chunk import Count, sentences
from vctx.digest import fit
from vctx.eval import locomo
from vctx.eval.intervals import bootstrap
from vctx.eval.talk import Conversation
from vctx.gist import gist, telling
from vctx.stopwords import STOPWORDS

SHARES = (0.3, 0.5)
Cut = Callable[[str, int, Count], str]


def words(text: str) -> set[str]:
    """The words of a text that are not common."""
    return {word for word in re.findall(r"\w+", text.lower()) if word not in STOPWORDS}


def by_words(text: str, cap: int, count: Count) -> str:
    """The longest gist that `cap` tokens hold."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count([gist(text, middle)])[0] <= cap else (low, middle - 1)
    return gist(text, low)


def by_beginning(text: str, cap: int, count: Count) -> str:
    return fit(text, cap, count)


def by_density(text: str, cap: int, count: Count) -> str:
    """The sentences with most telling words for their length; the last is cut."""
    return _filled(text, cap, count, sorted(sentences(text), key=_density, reverse=True))


def by_chance(text: str, cap: int, count: Count) -> str:
    found = sentences(text)
    random.Random(text).shuffle(found)
    return _filled(text, cap, count, found)


def _filled(text: str, cap: int, count: Count, order: Sequence[str]) -> str:
    return fit(" ".join(order), cap, count)


def _density(sentence: str) -> float:
    return len(telling(sentence)) / (len(sentence.split()) + 1)


CUTS: dict[str, Cut] = {
    "telling words": by_words,
    "beginning": by_beginning,
    "densest sentences": by_density,
    "random sentences": by_chance,
}


def kept(conversation: Conversation, cut: Cut, share: float, count: Count) -> Iterator[float]:
    """For each question whose answer's words stand in its evidence: the share that the cut keeps."""
    said = {turn.id: turn.text for turn in conversation.turns}
    for question in conversation.questions:
        texts = [said[turn] for turn in question.evidence]
        asked = words(question.answer or "") & words(" ".join(texts))
        if asked:
            short = " ".join(cut(text, int(share * count([text])[0]), count) for text in texts)
            yield len(asked & words(short)) / len(asked)


def table(talks: Sequence[Conversation], count: Count) -> Iterator[str]:
    yield "| tokens | text | of the answer's words, kept | questions |\n|---|---|---|---|"
    for share in SHARES:
        for label, cut in CUTS.items():
            found = {talk.name: list(kept(talk, cut, share, count)) for talk in talks}
            low, high = bootstrap(found)
            values = [value for some in found.values() for value in some]
            mean = statistics.mean(values)
            yield f"| {share:.0%} | {label} | {mean:.3f} [{low:.3f}, {high:.3f}] | {len(values)} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--locomo", type=Path, required=True, help="LoCoMo's JSON")
    for line in table(locomo.load(parser.parse_args().locomo), tokenizer("o200k_base").count):
        print(line, flush=True)
