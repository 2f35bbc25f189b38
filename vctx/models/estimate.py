"""An upper estimate of tokens for endpoints whose tokenizer is not to be had. Standard library only.

It starts as the strict count, bytes. A reply says how many tokens its prompt had: what was new in that
prompt is a segment, whose tokens are known exactly from then on. What was never sent is bounded by a
regression over what its characters are. It learns from replies alone: between two, a count stays.

    prompt = | segments that are all there | segments of which a part has left | what is new |
                      exact                    exact, less what the rest costs      bounded
                                               at least; or bounded
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from threading import RLock
from typing import NamedTuple

from vctx.models import features
from vctx.models.bytes import CALL, MESSAGE, OPENING
from vctx.models.regression import Regression, Z, floor
from vctx.ports import Lesson
from vctx.types import Message

Key = tuple[bytes, str, int]
"""A message of a prompt: its text's digest, its role, and how many like it stand before it."""

REMEMBERED = 1 << 13
"""Texts whose features are kept, and messages whose tokens are: some 10 MB at most."""
PARTS = 1.0
"""Standard deviations above the mean at which a part is counted; a prompt is bounded at `Z`."""
PLAUSIBLE = 0.25
"""Of what the best tokenizers need: a report below it is no count of what was sent (a server that cuts
its prompts, or leaves out what it had cached)."""
BEGIN: Key = (b"", "", 0)


class Part(NamedTuple):
    """A message, or the opening, as it counts: in bytes, allowance included, and by what it is made of."""

    strict: int
    features: features.Features


class Segment(NamedTuple):
    """Parts that were new in one prompt, and what they cost together."""

    parts: Mapping[Key, Part]
    tokens: int


class EstimateTokenizer:
    """Bounds the tokens of a closed endpoint's prompts, and learns from its replies (`ports.Learner`).

    `name` tells what was learnt of one model from what was learnt of another.
    """

    def __init__(self, name: str = "estimate", *, alternates: bool = False) -> None:
        self.name = name
        self.alternates = alternates
        self.learnt = 0
        self._turn = RLock()  # a reply that nobody waits for teaches it in another thread
        self._regression = Regression()
        self._opening = Part(OPENING, features.OPENING)
        self._parts: dict[bytes, Part] = {}
        self._segments: dict[int, Segment] = {}
        self._where: dict[Key, int] = {}
        self._shares: dict[bytes, int] = {}

    def count(self, texts: Sequence[str]) -> list[int]:
        """What each text costs by itself, rather more than less; for a message that was counted, its share.

        Their sum is a fair estimate of a prompt; a bound of each would be far too much for all.
        """
        with self._turn:
            return [self._one(text) for text in texts]

    def prompt(self, messages: Sequence[Message]) -> int:
        """A bound for a whole prompt: exact where it was counted, and close where it grew since."""
        with self._turn:
            held, new = self._split(messages)
            return self._bound(new.values()) + sum(self._held(at, parts) for at, parts in held.items())

    @property
    def overhead(self) -> int:
        """Tokens that a message costs beside its text."""
        return self._bound([Part(MESSAGE, features.message(b""))], PARTS)

    def learn(self, messages: Sequence[Message], tokens: int) -> Lesson:
        """Takes what an endpoint has counted for a prompt; empty where that teaches nothing."""
        with self._turn:
            return self._learn(messages, tokens)

    def _learn(self, messages: Sequence[Message], tokens: int) -> Lesson:
        held, new = self._split(messages)
        for at, parts in held.items():
            if len(parts) == len(self._segments[at].parts):
                tokens -= self._segments[at].tokens
            else:
                new |= parts
        lesson = (*features.total([part.features for part in new.values()] or [features.OPENING]), tokens)
        if not new or tokens < max(len(new) - 1, PLAUSIBLE * floor(lesson[:-1])):
            return ()
        for at in held:
            self._drop(at) if self._broken(at, new) else self._renew(at)
        if BEGIN in new:
            self._allow(new, tokens)
        self.resume([lesson])
        self._keep(new, tokens)
        return lesson

    def resume(self, lessons: Iterable[Lesson]) -> None:
        """Learns once more what replies have taught before."""
        for lesson in lessons:
            self._regression.learn(lesson[:-1], lesson[-1])
            self.learnt += 1

    # -- parts

    def _split(self, messages: Sequence[Message]) -> tuple[dict[int, dict[Key, Part]], dict[Key, Part]]:
        """The parts that stand in segments, by segment, and those that stand in none."""
        held: dict[int, dict[Key, Part]] = {}
        new: dict[Key, Part] = {}
        for key, part in self._keyed(messages):
            at = self._where.get(key)
            (new if at is None else held.setdefault(at, {}))[key] = part
        return held, new

    def _keyed(self, messages: Sequence[Message]) -> Iterator[tuple[Key, Part]]:
        seen: Counter[tuple[bytes, str]] = Counter()
        yield BEGIN, self._opening
        for message in messages:
            digest, part = self._part(*message.texts, calls=len(message.calls))
            name = digest, message.role
            yield (*name, seen[name]), part
            seen[name] += 1

    def _part(self, *texts: str, calls: int = 0) -> tuple[bytes, Part]:
        texts = tuple(filter(None, texts))
        data = "\0".join(texts).encode("utf-8", "replace")
        digest = blake2b(data, digest_size=16, salt=bytes([calls % 256])).digest()
        part = self._parts.get(digest)
        if part is None:
            if len(self._parts) >= REMEMBERED:
                self._parts.pop(next(iter(self._parts)))
            strict = len(data) - max(0, len(texts) - 1) + MESSAGE + CALL * calls
            part = self._parts[digest] = Part(strict, features.message(data, calls))
        return digest, part

    # -- what they cost

    def _one(self, text: str) -> int:
        digest, part = self._part(text)
        if digest in self._shares:
            return max(0, self._shares[digest] - self.overhead)
        return self._bound([Part(part.strict - MESSAGE, features.alone(part.features))], PARTS)

    def _held(self, at: int, there: Mapping[Key, Part]) -> int:
        segment = self._segments[at]
        if len(there) == len(segment.parts):
            return segment.tokens
        gone = [part.features for key, part in segment.parts.items() if key not in there]
        least = max(0, math.floor(self._regression.below(features.total(gone))))
        return min(self._bound(there.values()), segment.tokens - least)

    def _bound(self, parts: Iterable[Part], z: float = Z) -> int:
        parts = tuple(parts)
        strict = sum(part.strict for part in parts)
        if not self.learnt or not parts:
            return strict
        above = self._regression.above(features.total([part.features for part in parts]), z)
        return min(strict, math.ceil(above))

    def _allow(self, new: Mapping[Key, Part], tokens: int) -> None:
        """Some servers write more than a template does before what they are sent."""
        if tokens > sum(part.strict for part in new.values()):
            sent = features.total([part.features for key, part in new.items() if key != BEGIN])
            unseen = tokens - max(0, math.floor(self._regression.below(sent)))
            self._opening = Part(max(self._opening.strict, unseen), features.OPENING)

    # -- segments

    def _broken(self, at: int, new: Mapping[Key, Part]) -> bool:
        return any(key in new for key in self._segments[at].parts)

    def _drop(self, at: int) -> None:
        for key in self._segments.pop(at).parts:
            del self._where[key]
            self._shares.pop(key[0], None)

    def _renew(self, at: int) -> None:
        self._segments[at] = self._segments.pop(at)  # the one used last is forgotten last

    def _keep(self, parts: Mapping[Key, Part], tokens: int) -> None:
        """Files a segment; each message's share of it is what is expected of it, put to scale."""
        at = self.learnt
        self._segments[at] = Segment(dict(parts), tokens)
        expected = {key: max(1.0, self._regression.mean(part.features)) for key, part in parts.items()}
        scale = tokens / sum(expected.values())
        for key, mean in expected.items():
            self._where[key] = at
            self._shares[key[0]] = math.ceil(mean * scale)
        while len(self._where) > REMEMBERED and len(self._segments) > 1:
            self._drop(next(iter(self._segments)))
