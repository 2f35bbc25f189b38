"""Made documents: articles with headed sections that name each other, and questions of one and two hops.

What there is to say stands in text/articles.toml. The same seed gives the same library, whatever the
machine. Pure but for reading that file.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import vctx
from vctx.eval.story import capital

TEXT = Path(__file__).with_name("text") / "articles.toml"
Place = tuple[str, int]
"""(document, first character of a sentence)"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about documents, and the sentences that answer it."""

    text: str
    category: str
    evidence: frozenset[Place]
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Library:
    """Documents and the questions about them."""

    name: str
    readings: tuple[vctx.Reading, ...]
    questions: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class _Fact:
    """A sentence of an article: what it says, where it stands, and which articles it names."""

    place: Place
    questions: tuple[str, ...]
    names: Mapping[str, str]
    """kind -> title"""


@cache
def lines() -> dict[str, Any]:
    """The file of phrases."""
    return tomllib.loads(TEXT.read_text("utf-8"))


def library(seed: int = 0, *, articles: int = 120, filler: int = 3) -> Library:
    """Articles of every kind; `filler` sentences without facts stand in a section on average."""
    random = Random(seed)
    kinds = list(lines()["kind"])
    titles: dict[str, str] = {}
    while len(titles) < articles:
        kind = kinds[len(titles) % len(kinds)]
        if (title := _title(random, kind)) not in titles:
            titles[title] = kind
    facts: dict[str, list[_Fact]] = {}
    readings = []
    for title, kind in titles.items():
        reading, facts[title] = _article(random, title, kind, titles, filler)
        readings.append(reading)
    asked = tuple(_questions(random, facts))
    return Library(f"library-{seed}", tuple(readings), asked)


def _title(random: Random, kind: str) -> str:
    names = lines()["names"]
    values = {slot: random.choice(choices) for slot, choices in names.items()}
    values["last2"] = random.choice([name for name in names["last"] if name != values["last"]])
    if kind == "book" and random.random() < 0.5:
        return f"{values['work']} of {random.choice(names['head'])}{random.choice(names['tail'])}"
    return str(_fill(lines()["kind"][kind]["name"], values))


def _article(
    random: Random, title: str, kind: str, titles: Mapping[str, str], filler: int
) -> tuple[vctx.Reading, list[_Fact]]:
    text = ""
    headings: list[vctx.Heading] = []
    facts: list[_Fact] = []
    for section in lines()["kind"][kind]["section"]:
        headings.append(vctx.Heading(len(text), f"{title}: {section['heading']}"))
        text += section["heading"] + "\n\n"
        for fact in section["facts"]:
            text += _padding(random, filler)
            values, names = _values(random, title, fact["say"], titles)
            asked = tuple(_fill(question, values) for question in fact["q"])
            facts.append(_Fact((title, len(text)), asked, names))
            text += capital(_fill(fact["say"], values)) + " "
        text += _padding(random, filler) + "\n\n"
    return vctx.Reading(title, text, tuple(headings)), facts


def _values(
    random: Random, title: str, template: str, titles: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The slots of a sentence filled, and those of them that are other articles."""
    values = {slot: random.choice(choices) for slot, choices in lines()["slots"].items()}
    names = {}
    for kind in lines()["kind"]:
        if "{" + kind + "}" in template:
            names[kind] = random.choice([t for t, k in titles.items() if k == kind and t != title])
    return {**values, **names, "it": title}, names


def _padding(random: Random, filler: int) -> str:
    lines_ = random.sample(lines()["filler"]["lines"], random.randint(0, filler))
    return "".join(line + " " for line in lines_)


def _questions(random: Random, facts: Mapping[str, list[_Fact]]) -> Iterator[Asked]:
    for title, own in facts.items():
        for fact in own:
            yield Asked(random.choice(fact.questions), "single-hop", frozenset({fact.place}))
            for kind, other in fact.names.items():
                further = random.choice(facts[other])
                name = _fill(random.choice(_ways(kind)), {"it": title})
                text = random.choice(further.questions).replace(f"the {other}", other).replace(other, name)
                yield Asked(text, "multi-hop", frozenset({fact.place, further.place}))
    bridges = [(title, own) for title, own in facts.items() if title.endswith("Bridge")]
    for (a, own), (b, others) in pairwise(bridges):
        places = frozenset({own[1].place, others[1].place})
        yield Asked(f"Which has the longer main span, {a} or {b}?", "multi-hop", places)


def _ways(kind: str) -> list[str]:
    return [way for hop in lines()["hop"] if hop["kind"] == kind for way in hop["as"]]


def _fill(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)
