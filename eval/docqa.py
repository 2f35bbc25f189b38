"""Questions about documents pooled in one archive: made libraries, or NaturalQuestions' passages.

The passages are lost-in-the-middle's (Liu et al. 2023, arXiv:2307.03172): a question, its title and its gold
passage. Around them stand others: made articles, and the docstrings of Python's own library.
"""

import ast
import gzip
import json
import sysconfig
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import vctx
from vctx.eval.articles import Asked, Library, library
from vctx.eval.case import CHUNK, Ask, Case, Task, sha

BUDGETS = (512, 1024)
PASSAGE = 512
"""Tokens of a chunk where passages are pooled: each stays whole."""
SHORTEST = 300
"""Characters of a docstring that is worth a place beside the passages."""


def load(path: Path) -> Library:
    """NaturalQuestions' passages as documents. Raises vctx.InputError."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        passages = [(str(r["ctxs"][0]["title"]), str(r["ctxs"][0]["text"])) for r in records]
        questions = [(str(r["question"]), tuple(map(str, r["answers"]))) for r in records]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise vctx.InputError(f"cannot read the passages in {path}: {error!r}") from error
    names: dict[tuple[str, str], str] = {}
    for title, text in passages:
        same = sum(other == title for other, _ in names)
        names.setdefault((title, text), f"{title} ({same + 1})" if same else title)
    readings = [vctx.Reading(name, text, (vctx.Heading(0, title),)) for (title, text), name in names.items()]
    asked = [
        Asked(question, "passage", frozenset({(names[passage], 0)}), answers)
        for (question, answers), passage in zip(questions, passages, strict=True)
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


def case(made: Library, others: Sequence[vctx.Reading] = (), chunk: int | None = None) -> Case:
    """A library, and what stands around it, as one archive."""
    return Case(
        made.name,
        tuple(
            Ask(
                f"{made.name}/{n}",
                asked.text,
                asked.category,
                frozenset(f"{document}@{at}" for document, at in asked.evidence),
                asked.answers,
            )
            for n, asked in enumerate(made.questions)
        ),
        readings=(*made.readings, *others),
        chunk=chunk or (PASSAGE if others else CHUNK),
        independent=True,
    )


def passages(path: Path, others: int) -> Task:
    """NaturalQuestions' passages among `others` other documents. Raises vctx.InputError."""
    about = {"data": path.name, "sha256": sha(path), "others": others}
    return Task("docqa", (case(load(path), list(around(others))),), BUDGETS, about)


def articles(count: int, seed: int = 1) -> Task:
    """Made articles that name each other."""
    return Task("docqa", (case(library(seed, articles=count)),), BUDGETS, {"articles": count, "seed": seed})
