"""What bench/disk.py measures on: pages, sessions, queries; and how it takes the time."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

DIM = 384
K = 10
QUERIES = 100


@dataclass
class Corpus:
    """Pages of all sessions: their texts, vectors and sessions, in the order of arrival."""

    vectors: np.ndarray
    session: np.ndarray
    words: np.ndarray
    rng: np.random.Generator

    picks: np.ndarray = field(init=False)
    texts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        # Words as frequent as in English: the n-th of them n times rarer than the first.
        share = 1 / np.arange(3, len(self.words) + 3)
        self.picks = self.rng.choice(len(self.words), (len(self.vectors), 40), p=share / share.sum())
        self.texts = [" ".join(self.words[row])[:240].ljust(240, ".") for row in self.picks]

    def text(self, i: int) -> str:
        return self.texts[i]


def corpus(n: int) -> Corpus:
    """`n` pages in about n / 100 sessions, as unequal as Zipf's law makes them."""
    rng = np.random.default_rng(n)
    themes = rng.standard_normal((64, DIM))
    topics = themes[rng.integers(0, 64, max(64, n // 50))] + 0.8 * rng.standard_normal(
        (max(64, n // 50), DIM)
    )
    vectors = np.empty((n, DIM), np.float32)
    for start in range(0, n, 50_000):
        stop = min(n, start + 50_000)
        rows = topics[rng.integers(0, len(topics), stop - start)] + 0.7 * rng.standard_normal(
            (stop - start, DIM)
        )
        vectors[start:stop] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    count = max(3, n // 100)
    share = 1 / np.arange(1, count + 1)
    session = np.sort(rng.choice(count, n, p=share / share.sum()))
    letters = np.array(list("etaoinshrdlu"))
    words = np.array(["".join(rng.choice(letters, rng.integers(3, 10))) for _ in range(20_000)])
    return Corpus(vectors, session, words, rng)


@dataclass
class Timed:
    """CPU and wall seconds of a block."""

    cpu: float = 0.0
    wall: float = 0.0

    def __enter__(self) -> "Timed":
        self._cpu, self._wall = _cpu(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu, self.wall = _cpu() - self._cpu, time.perf_counter() - self._wall


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def each(run: Callable[[int], object], count: int) -> str:
    """CPU per call (mean), and wall (median and 99th percentile), in milliseconds."""
    walls = []
    run(0)
    with Timed() as whole:
        for i in range(count):
            start = time.perf_counter()
            run(i)
            walls.append(time.perf_counter() - start)
    middle, late = np.percentile(walls, [50, 99]) * 1e3
    return f"{whole.cpu / count * 1e3:.2f} cpu, {middle:.2f} / {late:.1f} wall"


def near(data: Corpus, rows: np.ndarray) -> np.ndarray:
    """New members of the topics of a session."""
    found = data.vectors[data.rng.choice(rows, QUERIES)] + 0.03 * data.rng.standard_normal((QUERIES, DIM))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def asked(data: Corpus, i: int) -> str:
    """A question of six words that is about a page: not its most frequent ones."""
    return " ".join(data.words[np.sort(data.picks[i])[-10:-4]])
