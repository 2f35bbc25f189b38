"""A case on disk: its messages and documents in a vctx session, and what each piece of it costs.

Every system is given the same pieces: messages as they were said, documents in the chunks that vctx cut.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vctx
from vctx.eval.case import Ask, Case


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made with: who counts, who embeds, where sessions stand."""

    counts: vctx.Tokenizer
    embedder: vctx.Embedder
    folder: Path
    keep: Path | None = None
    """The file of the session, where it is kept for another run."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What may be placed: a page of the session, with its line and what that costs in tokens."""

    page: int
    line: str
    section: str
    text: str
    """As vctx embeds it, with its author or its heading before it; so other layers are given it."""
    cost: int


@dataclass(frozen=True)
class Shelf:
    """A case whose pages are on disk."""

    case: Case
    ctx: vctx.Context
    path: Path
    parts: Parts
    pieces: Mapping[int, Piece]
    """By page, in the order of the history."""
    headers: Mapping[str, int]
    """section -> tokens"""
    page_of: Mapping[str, int]
    weights: vctx.Weights | str | None
    """By which vctx ranks."""
    _plain: vctx.Context
    _found: dict[bool, tuple[str, list[vctx.Hit]]] = field(default_factory=dict)

    def gold(self, ask: Ask) -> frozenset[int]:
        """The pages that answer. Raises vctx.InputError where evidence names nothing in the history."""
        if unknown := ask.gold - self.page_of.keys():
            raise vctx.InputError(
                f"question {ask.id}: no piece of {self.case.name} is called {min(unknown)!r}"
            )
        return frozenset(self.page_of[name] for name in ask.gold)

    def search(self, ask: Ask, *, plain: bool = False) -> list[vctx.Hit]:
        """What vctx finds, by its weights or by the plain sum; each is asked once for all systems."""
        last, hits = self._found.get(plain, ("", []))
        if last != ask.id:
            hits = (self._plain if plain else self.ctx).search(ask.text, before=ask.before)
            self._found[plain] = ask.id, hits
        return hits


@contextmanager
def shelved(case: Case, parts: Parts, weights: vctx.Weights | str | None = None) -> Iterator[Shelf]:
    """The case in a session of its own, in which vctx ranks by `weights`; everything is embedded."""
    with opened(parts, "case.db", weights) as (ctx, path):
        pieces, page_of = filed(case, ctx, parts.counts)
        costs = parts.counts.count([f"{line}\n" for line in case.headers.values()])
        headers = {"": 0} | dict(zip(case.headers, costs, strict=True))
        with session(path, parts, weights="plain") as plain:
            yield Shelf(case, ctx, path, parts, pieces, headers, page_of, weights, plain)


def session(path: Path, parts: Parts, **options: Any) -> vctx.Context:
    """The session in a file, without a model unless one is given."""
    given: dict[str, Any] = {"model": None, "tokenizer": parts.counts} | options
    return vctx.open(path, embedder=parts.embedder, background=False, **given)


@contextmanager
def opened(
    parts: Parts, name: str, weights: vctx.Weights | str | None
) -> Iterator[tuple[vctx.Context, Path]]:
    """A session in a file that goes when it is closed, unless it is kept."""
    path = parts.keep or parts.folder / name
    try:
        with session(path, parts, weights=weights) as ctx:
            yield ctx, path
    finally:
        if path != parts.keep:
            for file in path.parent.glob(f"{path.name}*"):
                file.unlink()


def fill(case: Case, ctx: vctx.Context) -> list[int]:
    """Appends and files all of it; returns the pages of the messages."""
    with ctx.relaxed():
        pages = [ctx.append(s.role, s.text, author=s.author, at=s.at).id for s in case.said]
        for reading in case.readings:
            ctx.add(reading, chunk_tokens=case.chunk)
    ctx.embed()
    return pages


def filed(case: Case, ctx: vctx.Context, counts: vctx.Tokenizer) -> tuple[dict[int, Piece], dict[str, int]]:
    """Fills an open session: its pieces by page, and the page of every name."""
    said = fill(case, ctx)
    chunks = [page for page in ctx.pages(range(1, ctx.stats().pages + 1)) if page.source]
    lines = {page: (s.line, s.section, s.line) for page, s in zip(said, case.said, strict=True)}
    lines |= {page.id: (page.text, "", _headed(page)) for page in chunks}
    costs = counts.count([f"{line}\n" for line, _, _ in lines.values()])
    pieces = {p: Piece(p, *lines[p], cost) for p, cost in zip(lines, costs, strict=True)}
    return pieces, dict(zip((s.name for s in case.said), said, strict=True)) | places(case, chunks)


def _headed(chunk: vctx.Page) -> str:
    heading = chunk.source.heading if chunk.source else ""
    return f"{heading}: {chunk.text}" if heading else chunk.text


def places(case: Case, chunks: list[vctx.Page]) -> dict[str, int]:
    """The chunk of every place in a document that a question's evidence names."""
    of: dict[str, list[vctx.Page]] = {}
    for page in chunks:
        if page.source:
            of.setdefault(page.source.document, []).append(page)
    found: dict[str, int] = {}
    for name in {name for ask in case.asks for name in ask.gold}:
        document, _, at = name.rpartition("@")
        if document in of and at.isdigit():
            held = (p.id for p in of[document] if p.source and p.source.start <= int(at) < p.source.stop)
            found |= dict.fromkeys([name], next(held))
    return found
