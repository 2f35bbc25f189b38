"""Made reference strings, whose locality is known: zipf, loop, scan, and phases. Seeded; no model, no disk.

Each is a chat of `turns` turns: the user says a message, a recall references pages said before, the model
answers. Pages take 20 to 60 tokens, and turns are a minute apart, `sitting` of them between pauses of a day.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from vctx.eval.policies.trace import Event, Referred, Said, Sent, Setting, Trace
from vctx.types import Budget, Frame, Hit

Pick = Callable[[Random, int], list[int]]
"""From a source of chance and the turn: which documents are referenced, from 0."""

SETTING = Setting(Budget(2048, 256), fixed=40, head=30, wrapper=8, cap=200)


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a made trace is."""

    turns: int = 2000
    documents: int = 400
    """Pages that wait on disk from the beginning."""
    each: int = 6
    """References of a turn."""
    sitting: int = 20


def zipf(random: Random, shape: Shape, exponent: float = 0.9) -> Pick:
    """Independent references, the page of rank n as 1 / n ** exponent (Breslau et al. 1999)."""
    order = random.sample(range(shape.documents), shape.documents)
    weights = [1 / (rank + 1) ** exponent for rank in range(shape.documents)]
    return lambda chance, turn: chance.choices(order, weights, k=shape.each)


def loop(random: Random, shape: Shape, length: int = 60) -> Pick:
    """Round and round through `length` pages: what undoes lru where they do not fit."""
    round_trip = min(length, shape.documents)
    return lambda chance, turn: [(turn * shape.each + n) % round_trip for n in range(shape.each)]


def scan(random: Random, shape: Shape, hot: int = 20) -> Pick:
    """A few hot pages, and a scan through all others that never comes back: what undoes lru and spares 2q."""

    hot = min(hot, shape.documents // 2)

    def pick(chance: Random, turn: int) -> list[int]:
        some = max(shape.each - 2, 1)
        cold = [hot + (turn * some + n) % (shape.documents - hot) for n in range(some)]
        return [*chance.sample(range(hot), shape.each - some), *cold]

    return pick


def phases(random: Random, shape: Shape, stay: int = 40, locality: int = 25) -> Pick:
    """Denning's phases: for `stay` turns all references fall into one set of pages, then into another."""
    locality = min(locality, shape.documents)
    sets = [random.sample(range(shape.documents), locality) for _ in range(shape.turns // stay + 1)]
    return lambda chance, turn: chance.sample(sets[turn // stay], shape.each)


SHAPES: dict[str, Callable[[Random, Shape], Pick]] = {
    "zipf": zipf,
    "loop": loop,
    "scan": scan,
    "phases": phases,
}


def made(name: str, shape: Shape = Shape(), *, seed: int = 0, setting: Setting = SETTING) -> Trace:
    """The trace of that name; KeyError for one that there is not."""
    random = Random(seed)
    pick = SHAPES[name](random, shape)
    return Trace(name, setting, tuple(_events(pick, shape, random, setting)))


def _events(pick: Pick, shape: Shape, random: Random, setting: Setting) -> Iterator[Event]:
    tokens = [random.randint(20, 60) for _ in range(shape.documents)]
    tick, at = 0, 0.0
    ask = setting.budget.share
    for turn in range(shape.turns):
        at += 86_400.0 if turn % shape.sitting == 0 else 60.0
        found = dict.fromkeys(pick(random, turn))
        hits = [Hit(n + 1, score=-float(rank), tokens=tokens[n]) for rank, n in enumerate(found)]
        yield Referred(tick, at, _fitting(hits, ask - setting.wrapper), ask, hold=60)
        for said in range(2):
            page = shape.documents + 2 * turn + said + 1
            if said:
                yield Sent(tick + 1, at)
            yield Said(
                tick + 1 + said, at, (Frame(page, random.randint(20, 60), tick + 1 + said, tick + 1 + said),)
            )
        tick += 3


def _fitting(hits: list[Hit], space: int) -> tuple[Hit, ...]:
    """Those that a fault's share holds, best first."""
    kept: list[Hit] = []
    for hit in hits:
        if hit.tokens <= space:
            space -= hit.tokens
            kept.append(hit)
    return tuple(kept)
