"""What a gist keeps: the gold answers that are still there, beside other texts of the same tokens.

    python bench/gists.py --locomo FILE [--model NAME --made FILE [--seconds N]]

The first FILE is LoCoMo's JSON as released. For each question, its evidence is cut to as many of its own
o200k tokens as stand in the table: to the telling words (`vctx.gist`), to its beginning, to its densest
sentences, to sentences drawn at random. Counted are the share of the answer's words, common ones aside,
that the evidence holds and the cut still does, and of the answers that stand in the evidence whole those
that stand in the cut. Intervals by bootstrap over conversations. $VCTX_TIKTOKEN names the BPE file where
there is no network.

With --model, that model makes gists, as a session would ask it for them, of messages that answer questions,
for N seconds of CPU; they are kept in the second FILE, JSON Lines, and another run adds to them. The table
is then of the questions whose evidence has been done, with a row of cuts as long as the model's gist.
"""

import argparse
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from vctx import gist as gisting
from vctx.boot import model, tokenizer
from vctx.chunk import Count, sentences
from vctx.digest import fit
from vctx.errors import ModelError
from vctx.eval import locomo
from vctx.eval.intervals import bootstrap
from vctx.eval.metrics.containment import containment
from vctx.eval.talk import Conversation, Question, Turn
from vctx.gist import gist, telling
from vctx.ports import Model
from vctx.stopwords import STOPWORDS
from vctx.types import Page

SHARES = (0.3, 0.5)
Cut = Callable[[str, int, Count], str]


class Made(NamedTuple):
    """What a model made of a message."""

    line: str
    """The message."""
    gist: str
    tokens: int
    """Of the model's own, that it wrote."""
    seconds: float
    """Of CPU."""
    failed: str = ""
    """Why a session would not take it."""


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


# -- gists by a model


def drawn(talks: Sequence[Conversation]) -> Iterator[Turn]:
    """The messages that answer questions, question by question, in an order drawn by chance."""
    asked = [(talk, question) for talk in talks for question in talk.questions if question.answer]
    random.Random(0).shuffle(asked)
    for talk, question in asked:
        yield from (turn for turn in talk.turns if turn.id in question.evidence)


def make(talks: Sequence[Conversation], by: Model, file: Path, seconds: float) -> None:
    """Adds gists to a file until so much CPU is spent."""
    done = read(file)
    began = time.process_time()
    with file.open("a", encoding="utf-8") as out:
        for turn in drawn(talks):
            if time.process_time() - began > seconds:
                return
            if turn.line not in done:
                done[turn.line] = made(turn, by)
                out.write(json.dumps(done[turn.line]._asdict()) + "\n")
                out.flush()


def made(turn: Turn, by: Model) -> Made:
    """The gist of a message, as a session would ask for it."""
    page = Page("message", "user", turn.text, datetime(2026, 1, 1, tzinfo=UTC), "user", author=turn.speaker)
    cap = gisting.cap(turn.text, by.tokenizer.count)
    began = time.process_time()
    reply = by.complete(gisting.asked(page), max_tokens=cap + 1)
    took = time.process_time() - began
    try:
        text, why = gisting.taken(reply, cap, by.tokenizer.count), ""
    except ModelError as error:
        text, why = fit(" ".join(reply.text.split()), cap, by.tokenizer.count), str(error)
    return Made(turn.line, text, reply.completion_tokens or 0, took, why)


def read(file: Path) -> dict[str, Made]:
    """What was made, by message."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return {row.line: row for row in (Made(**json.loads(line)) for line in lines)}


# -- what is kept


class Kept(NamedTuple):
    """Of one question."""

    words: float
    whole: float | None
    """None where the answer does not stand in the evidence as it is given."""


def kept(question: Question, texts: Sequence[str], short: Sequence[str]) -> Kept | None:
    """What shorter texts keep of an answer; None where the evidence holds none of its words."""
    asked = words(question.answer) & words(" ".join(texts))
    if not asked:
        return None
    whole = any(containment(text, question.answers) for text in texts)
    left = max(containment(text, question.answers) for text in short) if whole else None
    return Kept(len(asked & words(" ".join(short))) / len(asked), left)


def scored(talk: Conversation, lines: Mapping[str, str], cut: Callable[[str, str], str]) -> list[Kept]:
    """Each question of a conversation whose evidence is among `lines` (line -> text)."""
    out = []
    for question in talk.questions:
        turns = [turn for turn in talk.turns if turn.id in question.evidence]
        if question.answer and all(turn.line in lines for turn in turns):
            texts = [turn.text for turn in turns]
            out.append(kept(question, texts, [cut(turn.line, turn.text) for turn in turns]))
    return [one for one in out if one]


def row(tokens: str, label: str, found: Mapping[str, Sequence[Kept]]) -> str:
    parts = []
    for values in (
        {name: [one.words for one in some] for name, some in found.items()},
        {name: [one.whole for one in some if one.whole is not None] for name, some in found.items()},
    ):
        flat = [value for some in values.values() for value in some]
        low, high = bootstrap(values)
        parts.append(f"{statistics.mean(flat):.3f} [{low:.3f}, {high:.3f}] of {len(flat)}")
    return f"| {tokens} | {label} | {' | '.join(parts)} |"


def table(talks: Sequence[Conversation], by: Mapping[str, Made], count: Count) -> Iterator[str]:
    """Rows for fixed shares of the tokens, and for as many as the model's gists have, if there are some."""
    yield "| tokens | text | of the answer's words, kept | whole answers, kept |\n|---|---|---|---|"
    lines = {turn.line: turn.text for talk in talks for turn in talk.turns if not by or turn.line in by}
    caps = {line: [int(share * count([text])[0]) for share in SHARES] for line, text in lines.items()}
    if by:
        caps = {line: [*own, count([by[line].gist])[0]] for line, own in caps.items()}
    for n, tokens in enumerate([*(f"{share:.0%}" for share in SHARES), *(["the model's"] if by else [])]):
        cuts: dict[str, Callable[[str, str], str]] = {}
        if by:
            cuts["the model's gist"] = lambda line, text, n=n: fit(by[line].gist, caps[line][n], count)  # type: ignore[misc]
        for label, cut in CUTS.items():
            cuts[label] = lambda line, text, cut=cut, n=n: cut(text, caps[line][n], count)  # type: ignore[misc]
        for label, shorten in cuts.items():
            yield row(tokens, label, {talk.name: scored(talk, lines, shorten) for talk in talks})


def costs(by: Sequence[Made], count: Count) -> str:
    """What the model's gists took."""
    seconds, tokens = (statistics.median(getattr(one, name) for one in by) for name in ("seconds", "tokens"))
    refused = sum(bool(one.failed) for one in by)
    share = statistics.mean(
        count([one.gist])[0] / max(1, count([one.line.partition(": ")[2]])[0]) for one in by
    )
    return (
        f"{len(by)} gists: median {seconds:.2f} s of CPU and {tokens:.0f} tokens each, {share:.0%} of the "
        f"message's tokens; {refused} that a session would refuse (empty, or longer than asked), here cut."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--locomo", type=Path, required=True, help="LoCoMo's JSON")
    parser.add_argument("--model", help="a local model's package, path or hub name")
    parser.add_argument("--made", type=Path, help="JSON Lines of gists that were made")
    parser.add_argument("--seconds", type=float, default=600, help="of CPU for making more of them")
    given = parser.parse_args()
    if given.model and not given.made:
        parser.error("--model needs --made FILE, where its gists are kept")
    talks, count = locomo.load(given.locomo), tokenizer("o200k_base").count
    if given.model:
        make(talks, model(given.model), given.made, given.seconds)
    done = read(given.made) if given.made else {}
    if done:
        print(costs(list(done.values()), count), end="\n\n")
    for line in table(talks, done, count):
        print(line, flush=True)
