"""The nouns of every task: a history, the questions about it, and the pieces of it that answer them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import vctx

CHUNK = 160
"""Tokens of a document's chunk, where the task does not say."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message. An empty author is not shown; what appears of a section costs its header once."""

    name: str
    """By which evidence refers to it."""
    text: str
    role: Literal["user", "assistant"] = "user"
    author: str = ""
    at: datetime | None = None
    section: str = ""

    @property
    def line(self) -> str:
        """As it is rendered and counted."""
        return f"{self.author}: {self.text}" if self.author else self.text


@dataclass(frozen=True, slots=True)
class Ask:
    """A question and the pieces that answer it: names of messages, or `document@character`.

    `answers` are right replies, any of them; `before` is what was asked right before, oldest first; `axes`
    place it on a map, such as that of needles.
    """

    id: str
    text: str
    category: str
    gold: frozenset[str]
    answers: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    axes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """A history, of messages and documents, with its questions. Cases are what intervals resample."""

    name: str
    asks: tuple[Ask, ...]
    said: tuple[Said, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """section -> the line that it costs once something of it appears"""
    readings: tuple[vctx.Reading, ...] = ()
    chunk: int = CHUNK
    independent: bool = False
    """Whether its questions have nothing to do with each other: then they are resampled by themselves."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of every system, and how it is summed up."""

    name: str
    cases: tuple[Case, ...]
    budgets: tuple[int, ...]
    about: Mapping[str, Any]
    """What tells two runs of the task apart: options, the data's hash."""
    together: tuple[str, ...] = ()
    """The categories that the overall figure is about; empty for all."""
    overall: str = "all"
    """What the overall figure is called."""
    figure: str = "recall"
    """What is compared within budgets: `recall` of evidence, or `all` of it."""
    axes: tuple[str, ...] = ()
    """The two axes of its map."""


def sha(path: Path) -> str:
    """What tells a file of data from another: the sha256 of its bytes, in hex, cut."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
