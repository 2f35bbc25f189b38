"""vctx itself: its ranking, and its window as it stands once a question has paged in what answers."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vctx
from vctx.eval.case import Ask, sha
from vctx.eval.metrics.faults import faults
from vctx.eval.placing import Item
from vctx.eval.shelf import Shelf, fill, session
from vctx.eval.systems.plain import ranked
from vctx.eval.systems.system import Finder, Found

SHOWN = ("message", "chunk")
"""Kinds of pages that are pieces of a history; a digest is not."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What `Context.search` finds, best first; the session is the one that the case is shelved in.

    With the weights of a file, in place of those that the session was opened with.
    """

    weights: Path | None = None

    @property
    def name(self) -> str:
        return f"vctx {self.weights.stem}" if self.weights else "vctx"

    @property
    def about(self) -> dict[str, Any]:
        return {"weights": sha(self.weights)} if self.weights else {}

    @contextmanager
    def open(self, shelf: Shelf) -> Iterator[Finder]:
        if self.weights is None:
            yield lambda ask: _ranked(shelf, shelf.search(ask))
            return
        with session(shelf.path, shelf.parts, weights=self.weights) as ctx:
            yield lambda ask: _ranked(shelf, ctx.search(ask.text, before=ask.before))

    def size(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Paging:
    """The whole of vctx: a history replayed through a window, and each question a fault in a copy of the
    session, so that no question sees what another has paged in."""

    window: int
    options: Mapping[str, Any]
    """Of `vctx.open`: policy, fault, reserve, system, model; it ranks as the shelf does."""
    _size: list[int] = field(default_factory=lambda: [0])

    @property
    def name(self) -> str:
        return f"vctx window {self.window}"

    @property
    def about(self) -> dict[str, Any]:
        return {k: v for k, v in self.options.items() if isinstance(v, str | int | float)}

    @contextmanager
    def open(self, shelf: Shelf) -> Iterator[Finder]:
        given = {"window": self.window, "summary": "extract", "weights": shelf.weights} | dict(self.options)
        # A model counts with its own tokenizer.
        given |= {"tokenizer": None} if given.get("model") else {}
        with tempfile.TemporaryDirectory(dir=shelf.parts.folder) as folder:
            path = Path(folder) / "replayed.db"
            with session(path, shelf.parts, **given) as ctx:
                fill(shelf.case, ctx)
                ctx.messages()  # a digest that is due
                pages = [page.id for page in ctx.pages(range(1, ctx.stats().pages + 1)) if page.kind in SHOWN]
            self._size[0] = sum(file.stat().st_size for file in path.parent.iterdir())
            own = dict(zip(pages, shelf.pieces, strict=True))
            yield lambda ask: self._asked(shelf, path, ask, own, given)

    def _asked(
        self, shelf: Shelf, path: Path, ask: Ask, own: Mapping[int, int], given: Mapping[str, Any]
    ) -> Found:
        copy = path.with_name("asked.db")
        shutil.copyfile(path, copy)
        with session(copy, shelf.parts, **given) as ctx:
            text = " ".join((*ask.before[-1:], ask.text))
            hits = ctx.recall(text, hold=ctx.tokens([{"role": "user", "content": ask.text}]))
            prompt = tuple(ctx.messages())
            pages = dict.fromkeys(own[frame.page] for frame in ctx.frames if frame.page in own)
            tokens = ctx.tokens([*prompt, vctx.Message("user", ask.text)])
        items = ranked(shelf, list(pages)).ranked
        scores = {"faults": float(faults(hits)), "prompt": float(tokens)}
        return Found(items, window=self.window, prompt=prompt, scores=scores)

    def size(self) -> int:
        return self._size[0]

    def close(self) -> None:
        """Nothing is held."""


def _ranked(shelf: Shelf, hits: Sequence[vctx.Hit]) -> Found:
    best = {hit.page: hit for hit in reversed(hits)}
    order = dict.fromkeys(hit.page for hit in hits)
    pieces = [shelf.pieces[page] for page in order]
    return Found(tuple(Item(p.page, p.cost, p.section, best[p.page].worth) for p in pieces))
