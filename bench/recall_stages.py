"""Where a question's CPU time goes: functions of vctx, each timed without those that it calls."""

import functools
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from vctx import field, memory, ranking, signals
from vctx.storage import disk, file, index, pages, words

STAGES: tuple[tuple[Any, str, str], ...] = (
    (words.Words, "best", "FTS5: the best by BM25"),
    (words.Words, "scores", "FTS5: BM25 of what meaning found"),
    (words.Words, "phrase", "FTS5: names and rare words"),
    (index.SpanIndex, "nearest", "FAISS: the best by cosine"),
    (index.SpanIndex, "best", "cosines of what words found"),
    (index.SpanIndex, "cosines", "cosines of every candidate"),
    (disk.SqliteDisk, "search", "the rest of the search"),
    (file.File, "among", "reading rows"),
    (pages, "page_of", "checking rows, making pages"),
    (disk.SqliteDisk, "around", "the rest of reading pages"),
    (field, "traits", "what a text is like"),
    (signals, "table", "signals"),
    (ranking, "best", "the best 240 candidates"),
    (ranking, "weigh", "weighing, sorting, making hits"),
    (memory.Memory, "search", "all else, the query's embedding included"),
)


class Stages:
    """Wraps the functions once; the clock itself costs some of what it shows."""

    def __init__(self) -> None:
        self._own: Counter[str] = Counter()
        self._inner: list[float] = []
        for owner, name, label in STAGES:
            setattr(owner, name, self._timed(getattr(owner, name), label))

    def clear(self) -> None:
        """Begins anew."""
        self._own.clear()

    def text(self, questions: int) -> str:
        """The table, in milliseconds a question, means."""
        rows = (f"| {label} | {1e3 * own / questions:.2f} |" for label, own in self._own.most_common())
        return "\n".join(["| stage | CPU ms, mean |", "|---|---|", *rows])

    def _timed(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **options: Any) -> Any:
            start = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*args, **options)
            finally:
                took = time.process_time() - start
                self._own[label] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return timed
