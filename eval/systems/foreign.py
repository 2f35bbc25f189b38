"""Another memory layer, in a process and an environment of its own. It is given the same pieces, and the
vectors of the same embedder, so that what differs is the layer.

One JSON object a line, each way. To the adapter, and what it says to it:

    {"version": true}                     {"ok": package and version}
    {"begin": dim}                        {"ok": ...}: an empty memory
    {"add": [{"id", "text", "vector"}]}   {"ok": n}
    {"ask": text, "vector": v, "k": n}    {"found": [ids], "seconds": s}
    {"size": true}                        {"bytes": n}: on disk

A vector is base64 of float32. An adapter that ends, ends the run; what it said to stderr stands above the
error. Adapters stand in `eval/adapters`.
"""

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vctx
from vctx.eval.case import Ask
from vctx.eval.shelf import Shelf
from vctx.eval.systems.plain import ranked
from vctx.eval.systems.system import Finder, Found

ADAPTERS = Path(__file__).parent.parent / "adapters"
MOST = 200
"""Pieces that are asked for: more than the largest budget holds of most histories."""
BATCH = 256


def names() -> list[str]:
    """The adapters that there are."""
    return sorted(path.stem.removeprefix("use_") for path in ADAPTERS.glob("use_*.py"))


@dataclass
class Foreign:
    """A memory layer by the name of its adapter, run by the Python that has it installed."""

    name: str
    python: str
    about: dict[str, Any] = field(default_factory=dict)
    _process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        if self.name not in names():
            raise vctx.InputError(f"no adapter is called {self.name!r}; there are: {', '.join(names())}")
        # Started at once: what it is (its version) belongs to the configuration.
        self.about = {"version": self._say({"version": True})["ok"]}

    @contextmanager
    def open(self, shelf: Shelf) -> Iterator[Finder]:
        self._say({"begin": shelf.parts.embedder.dim})
        pieces = list(shelf.pieces.values())
        for start in range(0, len(pieces), BATCH):
            some = pieces[start : start + BATCH]
            vectors = shelf.parts.embedder.embed([piece.text for piece in some])
            rows = [
                {"id": piece.page, "text": piece.text, "vector": _packed(vector)}
                for piece, vector in zip(some, vectors, strict=True)
            ]
            self._say({"add": rows})
        yield lambda ask: self._asked(shelf, ask)

    def _asked(self, shelf: Shelf, ask: Ask) -> Found:
        [vector] = shelf.parts.embedder.embed([ask.text])
        k = min(MOST, len(shelf.pieces))
        said = self._say({"ask": ask.text, "vector": _packed(vector), "k": k})
        return ranked(shelf, list(dict.fromkeys(said["found"])))

    def size(self) -> int:
        return int(self._say({"size": True})["bytes"])

    def close(self) -> None:
        if self._process:
            self._process.communicate()
            self._process = None

    def _say(self, message: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process = self._process or self._started()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            said: dict[str, Any] = json.loads(line)
            return said
        code = process.wait()
        self.close()
        told = f"{self.name}, run by {self.python}, ended with code {code}; what it said stands above"
        if "version" in message:
            raise vctx.MissingError(
                f"{told}. Name the Python that has it: --system {self.name}=/path/to/python"
            )
        raise vctx.VctxError(told)

    def _started(self) -> subprocess.Popen[str]:
        script = ADAPTERS / f"use_{self.name}.py"
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen([self.python, str(script)], stdin=pipe, stdout=pipe, text=True)
        except OSError as error:
            raise vctx.MissingError(f"{self.python} cannot be run for {self.name}: {error}") from error


def _packed(vector: Any) -> str:
    return base64.b64encode(vector.tobytes()).decode()
