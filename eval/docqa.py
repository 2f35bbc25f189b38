"""Questions about documents pooled in one archive: made libraries, or NaturalQuestions' passages.

The passages are lost-in-the-middle's (Liu et al. 2023, arXiv:2307.03172): a question, its title and its gold
passage. Around them stand others: made articles, and the docstrings of Python's own library.
"""

import ast
import gzip
import json
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import vctx
from vctx.eval.articles import Asked, Library, library
from vctx.eval.baselines import ORDERS
from vctx.eval.evidence import Item, placed

BUDGETS = (512, 1024)
CHUNK = 160
"""Tokens of a chunk of a made article."""
PASSAGE = 512
"""Tokens of a chunk where passages are pooled: each stays whole."""
SHORTEST = 300
"""Characters of a docstring that is worth a place beside the passages."""


@dataclass(frozen=True, slots=True)
class Found:
    """One question: whether each budget holds its evidence, the share of it, and the reciprocal rank."""

    library: str
    category: str
    recall: dict[int, float]
    reciprocal: float


@dataclass(frozen=True, slots=True)
class Archive:
    """A library on disk: the page of each place, and what each page costs."""

    ctx: vctx.Context
    library: Library
    page_of: dict[tuple[str, int], int]
    cost: dict[int, int]


def load(path: Path) -> Library:
    """NaturalQuestions' passages as documents. Raises vctx.InputError."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        pairs = [(record["question"], record["ctxs"][0]) for record in records]
        passages = [(str(gold["title"]), str(gold["text"])) for _, gold in pairs]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise vctx.InputError(f"cannot read the passages in {path}: {error!r}") from error
    names: dict[tuple[str, str], str] = {}
    for title, text in passages:
        same = sum(other == title for other, _ in names)
        names.setdefault((title, text), f"{title} ({same + 1})" if same else title)
    readings = [vctx.Reading(name, text, (vctx.Heading(0, title),)) for (title, text), name in names.items()]
    asked = [
        Asked(question, "passage", frozenset({(names[passage], 0)}))
        for (question, _), passage in zip(pairs, passages, strict=True)
    ]
    return Library("nq", tuple(readings), tuple(asked))


def around(count: int) -> Iterator[vctx.Reading]:
    """`count` other documents: half made articles, half docstrings of the standard library."""
    for seed in range(-(-count // 240)):
        yield from (
            vctx.Reading(f"{reading.name} (made {seed})", reading.text, reading.headings)
            for reading in library(1000 + seed).readings[: max(0, count // 2 - 120 * seed)]
        )
    yield from islice(docstrings(), count - count // 2)


def docstrings() -> Iterator[vctx.Reading]:
    """The longer docstrings of Python's standard library, each a document."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or ""
                if len(text) >= SHORTEST:
                    name = getattr(node, "name", "")
                    line = getattr(node, "lineno", 0)
                    yield vctx.Reading(
                        f"{path.stem} {name} {line}", text[:2000], (vctx.Heading(0, f"{path.stem} {name}"),)
                    )


def shelve(ctx: vctx.Context, made: Library, others: Sequence[vctx.Reading], chunk: int) -> Archive:
    """Files the documents, and what stands around them, in an open session."""
    for reading in [*made.readings, *others]:
        ctx.add(reading, chunk_tokens=chunk)
    ctx.embed()
    pages = [page for page in ctx.pages(range(1, ctx.stats().pages + 1)) if page.source]
    wanted = {place for question in made.questions for place in question.evidence}
    starts: dict[str, list[vctx.Page]] = {}
    for page in pages:
        if page.source:
            starts.setdefault(page.source.document, []).append(page)
    page_of = {
        (name, at): next(p.id for p in starts[name] if p.source and p.source.start <= at < p.source.stop)
        for name, at in wanted
    }
    costs = ctx.tokenizer.count([page.text + "\n" for page in pages])
    return Archive(ctx, made, page_of, {page.id: cost for page, cost in zip(pages, costs, strict=True)})


def run(
    made: Library,
    others: Sequence[vctx.Reading],
    *,
    db: Path | None,
    baseline: str | None,
    tokenizer: str | vctx.Tokenizer,
    embedder: str | vctx.Embedder,
    weights: vctx.Weights | str | None,
    progress: vctx.Progress,
    budgets: Sequence[int] = BUDGETS,
) -> Iterator[Found]:
    """Files everything in one session, kept in `db` if it is named, and asks every question."""
    chunk = PASSAGE if others else CHUNK
    with tempfile.TemporaryDirectory() as folder:
        path = db or Path(folder) / "archive.db"
        with vctx.open(
            path, model=None, tokenizer=tokenizer, embedder=embedder, weights=weights, progress=progress
        ) as ctx:
            archive = shelve(ctx, made, others, chunk)
            with progress("questions", len(made.questions)) as advance:
                for question in made.questions:
                    hits = ctx.search(question.text, before=())
                    yield score(archive, question, _reordered(archive, question, hits, baseline), budgets)
                    advance(1)


def _reordered(
    archive: Archive, question: Asked, hits: Sequence[vctx.Hit], baseline: str | None
) -> list[vctx.Hit]:
    """Hits as they are, or in a baseline's order and worth nothing by themselves."""
    if baseline is None:
        return list(hits)
    gold = frozenset(archive.page_of[place] for place in question.evidence)
    return [vctx.Hit(page) for page in ORDERS[baseline](hits, sorted(archive.cost), gold)]


def score(archive: Archive, question: Asked, hits: Sequence[vctx.Hit], budgets: Sequence[int]) -> Found:
    """One question's evidence recall and the reciprocal rank of the best gold page."""
    gold = {archive.page_of[place] for place in question.evidence}
    best: dict[int, vctx.Hit] = {}
    for hit in hits:
        best.setdefault(hit.page, hit)
    items = [Item(page, archive.cost[page], None, hit.worth) for page, hit in best.items()]
    chosen: dict[int, set[int]] = {b: placed(items, {None: 0}, b) for b in budgets}
    recall = {b: len(gold & pages) / len(gold) for b, pages in chosen.items()}
    ranks = [n for n, page in enumerate(best, 1) if page in gold]
    return Found(archive.library.name, question.category, recall, 1 / ranks[0] if ranks else 0.0)
