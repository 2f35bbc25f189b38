"""A run on disk: what it was asked to do, a JSON line for each question of each system, and what that cost.

run.json      the configuration; a run goes on only with the same
lines.jsonl   case, question, category, system, scores, answer: the same for the same configuration
costs.jsonl   seconds and bytes, which are the machine's

A run that was killed goes on where it was: a line that was not finished is dropped, those that are there are
not asked again.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import vctx
from vctx.eval.differences import differences

RUN, LINES, COSTS = "run.json", "lines.jsonl", "costs.jsonl"


@dataclass(frozen=True, slots=True)
class Line:
    """One question, asked of one system."""

    case: str
    id: str
    category: str
    system: str
    scores: Mapping[str, float]
    cluster: str
    """What is resampled with it: its case, or the question alone."""
    axes: Mapping[str, float] = field(default_factory=dict)
    answer: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.id, self.system


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, or as far as it came."""

    config: Mapping[str, Any]
    lines: tuple[Line, ...]
    costs: tuple[Mapping[str, Any], ...] = ()


class Log:
    """The lines of a run that is under way; without a folder they are kept in memory only."""

    def __init__(self, config: Mapping[str, Any], folder: Path | None = None) -> None:
        """Raises vctx.InputError where the folder holds a run of another configuration."""
        self._folder = folder
        self.config = json.loads(json.dumps(config))
        self.lines: list[Line] = []
        self.costs: list[Mapping[str, Any]] = []
        if folder:
            self._resume(folder)
        self.done = {line.key for line in self.lines}

    def _resume(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / RUN
        if file.exists():
            _same(file, self.config)
        else:
            file.write_text(json.dumps(self.config, indent=2, ensure_ascii=False) + "\n", "utf-8")
        self.lines = [Line(**line) for line in _whole(folder / LINES)]
        self.costs = list(_whole(folder / COSTS))

    def add(self, line: Line, cost: Mapping[str, Any]) -> None:
        """Writes a line; it is there when this returns."""
        self.note(cost)
        self.lines.append(line)
        self.done.add(line.key)
        self._write(LINES, asdict(line))

    def note(self, cost: Mapping[str, Any]) -> None:
        """Writes down what something cost."""
        self.costs.append(cost)
        self._write(COSTS, cost)

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        if self._folder:
            with (self._folder / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(value, ensure_ascii=False) + "\n")

    def run(self) -> Run:
        """As it stands."""
        return Run(self.config, tuple(self.lines), tuple(self.costs))


def read(folder: Path) -> Run:
    """A run as its folder holds it. Raises vctx.InputError."""
    try:
        config = json.loads((folder / RUN).read_text("utf-8"))
        lines = tuple(Line(**line) for line in _parsed((folder / LINES).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise vctx.InputError(
            f"{folder} holds no run: {error}; `vctx eval TASK --out DIR` makes one"
        ) from error
    costs = folder / COSTS
    return Run(config, lines, tuple(_parsed(costs.read_text("utf-8"))) if costs.exists() else ())


def _same(file: Path, config: Mapping[str, Any]) -> None:
    try:
        before = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise vctx.InputError(f"{file} is no run's configuration: {error}; name another --out") from error
    if told := "; ".join(differences(before, config)):
        raise vctx.InputError(
            f"{file.parent} holds a run of another configuration ({told}): name another --out"
        )


def _whole(file: Path) -> Iterator[dict[str, Any]]:
    """The finished lines of a file; one that was not finished is cut off."""
    if not file.exists():
        return
    data = file.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        os.truncate(file, end)
    yield from _parsed(data[:end].decode("utf-8"))


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    for line in text.split("\n"):
        if line:
            yield json.loads(line)
