"""What a text is made of, in counts that decide what a tokenizer makes of it. Pure; all loops are C's.

Every byte of the UTF-8 is given a class, and classes and their changes are counted: letters and words,
switches within a word (camelCase, base64, uuids), runs of consonants (no language), numbers, punctuation,
and the characters beyond ASCII by their script.
"""

from typing import NamedTuple

Features = tuple[int, ...]


class Feature(NamedTuple):
    """What is believed of a feature before any reply: tokens for each of its count.

    `spread` is how much texts of one kind differ in it, as a share of its cost; `floor` is what the best
    tokenizers of today pay (measured with o200k_base): a rate that was learnt below it is luck.
    """

    name: str
    mean: float
    deviation: float
    spread: float
    floor: float


FEATURES = (
    Feature("opening", 4, 50, 0, 0),
    Feature("messages", 4, 2, 0, 2),
    Feature("calls", 25, 15, 0, 4),
    Feature("lower", 0.08, 0.3, 0.25, 0.03),
    Feature("upper", 0.3, 0.4, 0.1, 0.1),
    Feature("words", 0.7, 0.5, 0.1, 0.7),
    Feature("switches", 0.6, 0.5, 0.1, 0.5),
    Feature("consonants", 2, 1.5, 0.2, 2.5),
    Feature("digits", 0.4, 0.4, 0.1, 0.33),
    Feature("numbers", 0.5, 0.5, 0.1, 0.5),
    Feature("spaces", 0.4, 0.5, 0.2, 0.05),
    Feature("newlines", 0.6, 0.5, 0.2, 0.3),
    Feature("punctuation", 0.6, 0.4, 0.2, 0.3),
    Feature("control", 0.9, 0.5, 0.1, 0.5),
    Feature("latin", 0.9, 0.6, 0.1, 0.3),
    Feature("greek and cyrillic", 0.7, 0.6, 0.15, 0.2),
    Feature("hebrew and arabic", 0.8, 0.6, 0.15, 0.3),
    Feature("indic and thai", 1, 0.8, 0.2, 0.4),
    Feature("symbols", 1.5, 0.8, 0.2, 0.5),
    Feature("cjk", 1.3, 0.8, 0.25, 1.1),
    Feature("astral", 2, 1, 0.25, 1),
)
OPENING: Features = (1,) + (0,) * (len(FEATURES) - 1)
"""What a chat template writes once."""


def message(text: bytes, calls: int = 0) -> Features:
    """A message of that text, in UTF-8, with so many tool calls."""
    return (0, 1, calls, *_counts(text))


def alone(message: Features) -> Features:
    """Of the text by itself, of a message without calls."""
    return (0, 0, *message[2:])


def total(features: list[Features]) -> Features:
    """Of several together."""
    return tuple(map(sum, zip(*features, strict=True)))


def _counts(text: bytes) -> Features:
    classes, runs = text.translate(_CLASS), b" " + text.translate(_RUN)
    count, run = classes.count, runs.count
    return (
        count(b"a"),
        count(b"A"),
        run(b" a") + run(b"0a"),
        sum(map(count, (b"aA", b"a0", b"A0", b"0a", b"0A"))),
        text.translate(_CONSONANT).count(b"cccc"),
        count(b"0"),
        run(b" 0") + run(b"a0"),
        count(b" ") - count(b" a") - count(b" A"),  # one space before a word is part of it
        *map(count, (b"n", b".", b"z", b"l", b"g", b"r", b"i", b"s", b"k", b"x")),
    )


def _classes() -> bytes:
    """The class of each byte; a character beyond ASCII is told by its first, what follows it is `~`."""
    table = bytearray(b"~" * 256)
    for name, members in (
        (b"z", range(128)),
        (b".", range(33, 127)),
        (b"a", range(97, 123)),
        (b"A", range(65, 91)),
        (b"0", range(48, 58)),
        (b"n", (9, 10, 13)),
        (b" ", (32,)),
        (b"l", range(0xC2, 0xCA)),
        (b"g", range(0xCA, 0xD4)),
        (b"r", range(0xD4, 0xE0)),
        (b"i", range(0xE0, 0xE2)),
        (b"s", range(0xE2, 0xE3)),
        (b"k", range(0xE3, 0xF0)),
        (b"x", range(0xF0, 0xF5)),
    ):
        for member in members:
            table[member] = name[0]
    return bytes(table)


_CLASS = _classes()
_RUN = bytes(ord("a") if c in b"aA" else c if c in b"0" else ord(" ") for c in _CLASS)
_CONSONANT = bytes(
    ord("c") if c in b"aA" and chr(b).lower() not in "aeiouy" else ord(" ") for b, c in enumerate(_CLASS)
)
