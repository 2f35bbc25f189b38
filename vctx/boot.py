"""Options -> parts -> Context. The only file that names concrete parts; each is imported when needed."""

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from vctx.errors import InputError
from vctx.ports import Clock, Disk, Embedder, Model, Progress, Tokenizer, Tool, now, silent
from vctx.prices import load as asked
from vctx.types import Block, Budget, Installed, Limits, Prices, Reading, Skipped
from vctx.weights import Weights, load

if TYPE_CHECKING:
    from vctx.backlog import Backlog
    from vctx.context import Context
    from vctx.store import Store

LOCAL_MODEL = "smollm2"
EMBEDDER = "all-MiniLM-L6-v2"
WINDOW = 4096
"""Tokens, where neither the caller nor a smaller model says otherwise."""

MEMGPT = "memgpt"
"""The tools by which a model manages its memory."""

IDEMPOTENT = "__vctx_idempotent__"
"""Where a function says so."""

Function = TypeVar("Function", bound=Callable[..., Any])


def open(
    path: str | PathLike[str],
    *,
    window: int | None = None,
    reserve: int | None = None,
    fault: float = 0.4,
    warn: float = 0.7,
    high: float = 1.0,
    low: float = 0.5,
    model: str | Model | Callable[..., Any] | None = LOCAL_MODEL,
    model_options: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    tokenizer: str | Tokenizer | None = None,
    embedder: str | Embedder = EMBEDDER,
    policy: str = "fifo",
    system: str = "",
    tools: Literal["memgpt"] | Sequence[Callable[..., Any] | Tool | Mapping[str, Any] | str] = (),
    blocks: Sequence[Block] = (),
    limits: Limits | None = None,
    automatic: bool = True,
    summary: Literal["model", "extract"] = "model",
    background: bool = True,
    weights: str | PathLike[str] | Weights | None = None,
    clock: Clock = now,
    prices: str | PathLike[str] | Mapping[str, Any] | Prices | None = None,
    forms: bool | Literal["extract", "model"] = False,
    progress: Progress = silent,
) -> "Context":
    """Opens the session in the SQLite file `path`, or makes it.

    `window` is the model's window in tokens, `reserve` the part of it kept for the reply (default: an
    eighth, at most 512), `fault` the largest share of the rest that one fault may load.
    A flush begins at the share `high` of it, and evicts down to `low`.

    `model` is a local model's package, path or hub name; with `base_url`, what an OpenAI-compatible
    endpoint calls it; or any function from messages to a text, a Reply, or pieces of a text; None for no
    model. `tokenizer` counts for an endpoint or a function: the name of a tiktoken encoding, a model whose
    tokenizer it is, or "strict". Where none is named, an upper estimate learns from what the replies
    report. `model_options` go to the model: of an endpoint timeout, retries, temperature, tools, ...
    (`vctx.models.endpoint`), of a local one dtype, device, quantization, stop, ... (`vctx.models.local`).
    Parts may be given ready made.

    `tools` are those that the model may call; they count in every prompt. Functions with type hints and a
    docstring are run when they are called (`vctx.tool` marks one that may run twice), within the `limits` of
    a turn; the calls of schemas in OpenAI's form are the caller's to answer.

    `tools="memgpt"` lets the model manage its memory: MemGPT's tools (in a list, beside your own, or some of
    them by name), memory `blocks` that always stand in the prompt, and a warning at the share `warn` of the
    room, before a flush. Without those tools, only `ctx.edit` writes the blocks. With `automatic` False
    nothing is paged in that the model does not ask for.

    What is appended is embedded by a thread while the caller goes on, and `close` waits for it; unless
    `background` is False: then it waits for the next recall.

    `weights` say what each signal counts for in recall: a file that `vctx train-recall` has written, or
    "plain" for a sum set by hand; by default VCTX_WEIGHTS names them, else those that ship. `clock` says what
    time it is: a chat of the past is replayed with its own times.

    `prices` say what a token costs that the provider's prefix cache serves, and one that it does not: a
    name of `vctx.prices.TABLE`, a JSON file, or a mapping. The policy "priced" decides by them.

    With `forms`, a message that leaves the window may stand on in a shorter form, as a gist or as one line,
    in a tenth of the room. A gist is an extract, its telling words; with "model", the model is asked for one
    after its reply, beside the conversation, and the extract stands in where there is none.

    Raises InputError, BudgetError, MissingError, DiskError.
    """
    from vctx.context import Context

    chat_model = _model(model, base_url, tokenizer, window, model_options)
    counts = _tokenizer(tokenizer, chat_model)
    limit = WINDOW if chat_model is None else min(WINDOW, chat_model.window)
    shares = {"fault": fault, "warn": warn, "high": high, "low": low}
    budget = _budget(limit if window is None else window, reserve, shares, chat_model)
    vectors = _embedder(embedder)
    file = disk(path)
    try:
        return Context(
            file,
            vectors,
            counts,
            budget,
            model=chat_model,
            policy=policy,
            **_loop(tools, blocks, limits or Limits(), system, automatic=automatic),
            summary=summary,
            weights=load(weights or os.environ.get("VCTX_WEIGHTS")),
            clock=clock,
            prices=asked(prices),
            forms=forms,
            progress=progress,
            backlog=_backlog(file, vectors, progress, path, background=background),
        )
    except BaseException:
        file.close()
        raise


def tool(*, idempotent: bool = False) -> Callable[[Function], Function]:
    """Marks a function for `open(tools=[...])`, which stays a function.

    `idempotent`: where a crash lost what a call returned, it may simply be made again. The model is told
    "outcome unknown" of any other.
    """

    def marked(function: Function) -> Function:
        setattr(function, IDEMPOTENT, idempotent)
        return function

    return marked


def open_store(
    folder: str | PathLike[str],
    *,
    window: int | None = None,
    model: str | Model | Callable[..., Any] | None = LOCAL_MODEL,
    model_options: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    tokenizer: str | Tokenizer | None = None,
    embedder: str | Embedder = EMBEDDER,
    weights: str | PathLike[str] | Weights | None = None,
    progress: Progress = silent,
    **options: Any,
) -> "Store":
    """Opens the folder as a store of sessions, one SQLite file each, or makes it.

    The options are those of `open`, for every session; model and embedder are loaded once, when a session
    or a search first needs them. Raises InputError, DiskError.
    """
    from vctx.background import Turns
    from vctx.storage import Folder, Shelf
    from vctx.store import Store

    sessions = Folder(folder)
    counts_for = load(weights or os.environ.get("VCTX_WEIGHTS"))
    chat_model = functools.cache(lambda: _model(model, base_url, tokenizer, window, model_options))
    vectors = functools.cache(lambda: Turns(_embedder(embedder)))

    def opened(path: Path) -> "Context":
        one = chat_model()
        counts = tokenizer if one is None else None
        more = {"window": window, "weights": counts_for, "progress": progress, **options}
        return open(path, model=one, tokenizer=counts, embedder=vectors(), **more)

    shelf = functools.partial(Shelf, sessions)
    return Store(sessions, opened, shelf, vectors, weights=counts_for, progress=progress)


def reembed(
    path: str | PathLike[str], embedder: str | Embedder = EMBEDDER, *, progress: Progress = silent
) -> int:
    """Changes the embedder of a session for good, and embeds all of it anew; returns how many pages.

    From the first moment on the session belongs to the new embedder, and nobody can mix in vectors of the
    old one. Killed halfway, it goes on where it was when called again, or at the next recall; meanwhile
    pages without a vector are found by their words. Raises InputError, MissingError, DiskError.
    """
    from vctx.backlog import Backlog

    vectors = _embedder(embedder)
    if not Path(path).is_file():
        raise InputError(f"no session at {path}")
    file = disk(path)
    try:
        waiting = file.reembed(vectors.name, vectors.dim)
        Backlog(file, vectors, progress).embed()
    finally:
        file.close()
    return waiting


def disk(path: str | PathLike[str]) -> Disk:
    """The disk of a session by itself: what stands there, without a model; backup, check, export."""
    from vctx.storage import SqliteDisk

    return SqliteDisk(Path(path))


def unmake(path: str | PathLike[str]) -> bool:
    """Deletes a session in which nothing was ever written, unless somebody has it open; says whether."""
    from vctx.storage import SqliteDisk

    return SqliteDisk.unmake(path)


def read(
    path: str | PathLike[str],
    *,
    name: str | None = None,
    password: str | None = None,
    progress: Progress = silent,
) -> Reading:
    """Reads a file for `Context.add`: PDF, DOCX, EPUB, HTML, Markdown, text, code, chats.

    `name` is how its pages cite it (default: the file's), `password` opens an encrypted PDF. What a file is,
    its content says. Raises InputError, MissingError where a format needs `pip install 'vctx[documents]'`.
    """
    from vctx import ingest

    return ingest.read(Path(path), name=name, password=password, progress=progress)


def reading(data: bytes, name: str, *, password: str | None = None, progress: Progress = silent) -> Reading:
    """Reads bytes as `read` reads a file."""
    from vctx import ingest

    return ingest.reading(data, name, Path(name).suffix.lower(), password=password, progress=progress)


def walk(folder: str | PathLike[str]) -> Iterator[Path | Skipped]:
    """The files below a folder in a stable order, to be read; and what is skipped, with the reason.

    Links are followed, to each folder once. Raises InputError.
    """
    from vctx.ingest import folder as files

    return files.walk(Path(folder))


def tokenizer(name: str) -> Tokenizer:
    """Counts tokens as a model does: a tiktoken encoding, a model's own, or one of two upper bounds.

    "strict" (or "bytes") counts UTF-8 bytes and never undershoots; "estimate" learns from replies. A model
    is named as for `open`: package, path or hub name. Raises MissingError, InputError.
    """
    from vctx.models import make

    return make.tokenizer(name, _notice)


def models() -> list[Installed]:
    """The chat models that this machine holds: nothing is downloaded, and no weights are loaded."""
    from vctx.models import listing

    return listing.installed()


def model(
    name: str,
    *,
    base_url: str | None = None,
    tokenizer: str | None = None,
    window: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """A chat model by itself, as `open` makes one of the same options. Raises InputError, MissingError."""
    made = _model(name, base_url, tokenizer, window, options)
    assert made is not None
    return made


def _model(
    model: str | Model | Callable[..., Any] | None,
    base_url: str | None,
    counts: str | Tokenizer | None,
    window: int | None,
    options: Mapping[str, Any] | None,
) -> Model | None:
    if model is None:
        return None
    from vctx.models import make

    return make.model(
        model,
        base_url=base_url,
        counts=counts,
        window=window or WINDOW,
        options=options or {},
        notice=_notice,
    )


def _tokenizer(counts: str | Tokenizer | None, model: Model | None) -> Tokenizer:
    if model is not None:
        return model.tokenizer
    return tokenizer(counts or LOCAL_MODEL) if counts is None or isinstance(counts, str) else counts


def _loop(
    tools: str | Sequence[Any], blocks: Sequence[Block], limits: Limits, system: str, *, automatic: bool
) -> dict[str, Any]:
    """How turns go, and what they need of a Context."""
    given = [tools] if isinstance(tools, str) else list(tools)
    named = [one for one in given if isinstance(one, str)]
    options: dict[str, Any] = {"tools": [_tool(one) for one in given if not isinstance(one, str)]}
    if not named:
        from vctx.turn import Loop

        return {**options, "blocks": blocks, "system": system, "loop": Loop(limits, automatic=automatic)}
    from vctx import agent

    if unknown := [name for name in named if name not in (MEMGPT, *agent.NAMES)]:
        known = ", ".join((MEMGPT, *agent.NAMES))
        raise InputError(f"no tool is called {unknown[0]!r}; there are: {known}, and functions")
    own = {"blocks": blocks or agent.BLOCKS, "loop": agent.memgpt(limits, automatic=automatic)}
    told = "\n\n".join(text for text in (agent.SYSTEM, system) if text)
    names = agent.NAMES if MEMGPT in named else named
    return {**options, **own, "system": told, "kit": functools.partial(agent.kit, names=names)}


def _tool(given: Callable[..., Any] | Tool | Mapping[str, Any]) -> Tool | Mapping[str, Any]:
    if not callable(given):
        return given
    from vctx.tools import tool

    return tool(given, idempotent=getattr(given, IDEMPOTENT, False))


def _backlog(
    file: Disk, embedder: Embedder, progress: Progress, path: str | PathLike[str], *, background: bool
) -> "Backlog":
    if not background:
        from vctx.backlog import Backlog

        return Backlog(file, embedder, progress)
    from vctx.background import Background

    return Background(file, embedder, progress, aside=lambda: disk(path))


def _notice(text: str) -> None:
    print(text, file=sys.stderr)


def _budget(window: int, reserve: int | None, shares: Mapping[str, float], model: Model | None) -> Budget:
    reserve = min(512, window // 8) if reserve is None else reserve
    if window < 1 or not 0 < reserve < window:
        raise InputError(f"a window of {window} tokens with {reserve} kept for the reply leaves no room")
    for name, share in shares.items():
        if not 0 < share <= 1:
            raise InputError(f"{name} is a share of the room, above 0 and at most 1, not {share}")
    if shares["low"] >= shares["high"]:
        raise InputError(f"a flush evicts down to low, {shares['low']}: that is not below {shares['high']}")
    if model is not None and window > model.window:
        raise InputError(f"{model.name} reads {model.window} tokens; a window of {window} is too large")
    return Budget(window, reserve, **shares)


def _embedder(embedder: str | Embedder) -> Embedder:
    if not isinstance(embedder, str):
        return embedder
    from vctx import embed

    return embed.load(embedder)
