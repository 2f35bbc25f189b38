"""Needles in a haystack: a sentence, or several that belong together, at some depth of a long archive.

The needles are RULER's (Hsieh et al. 2024, arXiv:2404.06654): `One of the special magic numbers for Lisbon is
4821937.` The haystack is made articles in one order; sentences about other cities may stand between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import vctx
from vctx.eval.articles import library
from vctx.eval.case import Ask, Case, Task

BUDGETS = (512, 1024)
CITIES = (
    *(
        "Lisbon",
        "Oslo",
        "Quito",
        "Dakar",
        "Hanoi",
        "Perth",
        "Bergen",
        "Lima",
        "Kyoto",
        "Turin",
        "Malmo",
        "Accra",
    ),
    *(
        "Porto",
        "Split",
        "Cusco",
        "Tunis",
        "Delhi",
        "Davos",
        "Leeds",
        "Busan",
        "Sofia",
        "Osaka",
        "Nantes",
        "Cork",
    ),
)
SENTENCE = "One of the special magic numbers for {city} is {number}."
QUESTION = "What is the special magic number for {city}?"
QUESTIONS = "What are all the special magic numbers for {city}?"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is hidden where. A cell of the map is a length and a depth."""

    lengths: tuple[int, ...] = (2000, 8000, 32000)
    """Tokens of the haystack, about."""
    depths: int = 5
    """From its beginning to its end, evenly."""
    needles: int = 1
    """That answer one question; several are spread over the haystack, the first at the depth."""
    questions: int = 4
    """In each cell, each about another city."""
    distractors: int = 0
    """Sentences of the same form about other cities."""
    seed: int = 0


def task(recipe: Recipe, counts: vctx.Tokenizer) -> Task:
    """A case for each cell. Raises vctx.InputError for what cannot be made."""
    if not 0 < recipe.questions <= len(CITIES) // 2 or recipe.depths < 1 or recipe.needles < 1:
        raise vctx.InputError(
            f"needles: at least one needle and depth, and 1 to {len(CITIES) // 2} questions in a cell"
        )
    hay = list(_hay(max(recipe.lengths), counts, recipe.seed))
    cases = [
        _case(_cut(hay, length), length, depth, recipe)
        for length in recipe.lengths
        for depth in _depths(recipe.depths)
    ]
    about = {name: getattr(recipe, name) for name in recipe.__slots__}
    return Task("needle", tuple(cases), BUDGETS, about, axes=("length", "depth"), figure="all")


def _depths(count: int) -> list[float]:
    return [round(n / (count - 1), 4) for n in range(count)] if count > 1 else [0.5]


def _hay(tokens: int, counts: vctx.Tokenizer, seed: int) -> Iterator[tuple[vctx.Reading, int]]:
    """Articles with their tokens, until there are enough."""
    left, made = tokens, 0
    while left > 0:
        readings = library(seed + made, articles=60).readings
        named = [replace(reading, name=f"{reading.name} {made}") if made else reading for reading in readings]
        for reading, cost in zip(named, counts.count([r.text for r in named]), strict=True):
            yield reading, cost
            left -= cost
        made += 1


def _cut(hay: Sequence[tuple[vctx.Reading, int]], tokens: int) -> list[vctx.Reading]:
    found, left = [], tokens
    for reading, cost in hay:
        if left <= 0:
            break
        found.append(reading)
        left -= cost
    return found


def _case(hay: list[vctx.Reading], length: int, depth: float, recipe: Recipe) -> Case:
    random = Random(f"{recipe.seed} {length} {depth}")
    cities = random.sample(CITIES, len(CITIES))
    asked, others = cities[: recipe.questions], cities[recipe.questions :]
    hidden = _Hidden(list(hay))
    for n in range(recipe.distractors):
        hidden.put(random.random(), SENTENCE.format(city=others[n % len(others)], number=_number(random)))
    told = {city: [_number(random) for _ in range(recipe.needles)] for city in asked}
    for n in range(recipe.needles):
        for city in asked:
            place = depth if recipe.needles == 1 else (depth + n / recipe.needles) % 1.0
            hidden.put(place, SENTENCE.format(city=city, number=told[city][n]))
    name = f"{length}-{depth}"
    asks = tuple(hidden.ask(f"{name}/{city}", city, numbers, length, depth) for city, numbers in told.items())
    return Case(name, asks, readings=tuple(hidden.hay), independent=True)


def _number(random: Random) -> str:
    return str(random.randrange(1_000_000, 10_000_000))


@dataclass
class _Hidden:
    """A haystack in which needles are put; a place is a share of its characters."""

    hay: list[vctx.Reading]

    def put(self, depth: float, sentence: str) -> None:
        """Puts a sentence behind the sentence at this depth, in whatever article that is."""
        left = int(depth * sum(len(reading.text) for reading in self.hay))
        for n, reading in enumerate(self.hay):
            if left <= len(reading.text):
                end = reading.text.find(". ", left)
                at = len(reading.text.rstrip()) if end < 0 else end + 1
                self.hay[n] = _with(reading, at, f" {sentence}")
                return
            left -= len(reading.text)

    def ask(self, id: str, city: str, numbers: Sequence[str], length: int, depth: float) -> Ask:
        """The question about a city, whose evidence is where its needles stand now."""
        text = (QUESTION if len(numbers) == 1 else QUESTIONS).format(city=city)
        gold = frozenset(self._place(SENTENCE.format(city=city, number=number)) for number in numbers)
        axes = {"length": float(length), "depth": depth}
        return Ask(id, text, f"{length:,} tokens", gold, (", ".join(numbers),), (), axes)

    def _place(self, sentence: str) -> str:
        reading = next(reading for reading in self.hay if sentence in reading.text)
        return f"{reading.name}@{reading.text.index(sentence)}"


def _with(reading: vctx.Reading, at: int, text: str) -> vctx.Reading:
    """A reading with more text at a character; its headings move along."""
    moved = tuple(h._replace(start=h.start + len(text)) if h.start >= at else h for h in reading.headings)
    return replace(reading, text=reading.text[:at] + text + reading.text[at:], headings=moved)
