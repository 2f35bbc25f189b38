"""What the commands of a session share: their options, the file they work on, and the way they print."""

import functools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Literal

import click

from vctx.boot import EMBEDDER, LOCAL_MODEL
from vctx.cli import complete, lines
from vctx.cli.pairs import Pair, Pairs
from vctx.policies import POLICIES
from vctx.prices import TABLE

if TYPE_CHECKING:
    from vctx.context import Context
    from vctx.ports import Advance, Disk

BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"
"""What matters most stands first: a narrow terminal cuts the end off."""

Command = Callable[..., None]
INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the signal's number, as shells have it."""
FORMS: dict[str, Literal[False, "extract", "model"]] = {"off": False, "extract": "extract", "model": "model"}


@dataclass
class Session:
    """The options of one run."""

    db: str = ""
    window: int | None = None
    reserve: int | None = None
    model: str = LOCAL_MODEL
    base_url: str | None = None
    model_options: tuple[Pair, ...] = ()
    tokenizer: str | None = None
    embedder: str = EMBEDDER
    policy: str = "fifo"
    system: str = ""
    weights: str | None = None
    prices: str | None = None
    forms: str = "off"
    tools: str | None = None
    as_json: bool = False
    held: "Context | None" = None
    """The session that a chat holds open, where a command is given within it."""

    @contextmanager
    def open(self) -> "Iterator[Context]":
        """The session with its model and embedder, progress shown on stderr.

        One that is made here, and in which nothing is written, leaves no file.
        """
        if self.held is not None:
            yield self.held
            return
        from vctx.boot import unmake

        new = not Path(self.db).exists()
        try:
            with self._opened() as ctx:
                yield ctx
        finally:
            if new and Path(self.db).exists():
                unmake(self.db)

    def _opened(self) -> "Context":
        from vctx.boot import open

        return open(
            self.db,
            window=self.window,
            reserve=self.reserve,
            model=self.model,
            base_url=self.base_url,
            model_options=dict(self.model_options),
            tokenizer=self.tokenizer,
            embedder=self.embedder,
            policy=self.policy,
            system=self.system,
            weights=self.weights,
            prices=self.prices,
            forms=FORMS[self.forms],
            tools=[self.tools] if self.tools else (),
            progress=progress,
        )

    def reader(self) -> "AbstractContextManager[Context]":
        """The session without a model, for what decides nothing: tokens are not counted as the model does."""
        if self.held is not None:
            return nullcontext(self.held)
        from vctx.boot import open

        return open(
            self.db,
            model=None,
            tokenizer="strict",
            embedder=self.embedder,
            weights=self.weights,
            progress=progress,
        )

    def disk(self) -> "AbstractContextManager[Disk]":
        """Only what stands on disk: no model is loaded."""
        from vctx.boot import disk

        return closing(disk(self.db))

    def emit(self, data: Any, text: str, *, exact: bool = False) -> None:
        """Prints the data as JSON, or the text for people: as wide as the terminal, unless `exact`."""
        if self.as_json:
            click.echo(json.dumps(data, ensure_ascii=False))
        elif exact or not sys.stdout.isatty():
            click.echo(text)
        else:
            click.echo(lines.folded(text, get_terminal_size().columns))


def query(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """A query that says something. Raises UsageError for any other."""
    if not value.strip():
        raise click.UsageError("the query is empty", context)
    return value


@contextmanager
def progress(label: str, total: int) -> "Iterator[Advance]":
    """A bar on stderr, where that is a terminal and the work takes longer than a blink."""
    from tqdm import tqdm

    with tqdm(total=total, desc=label, delay=0.5, leave=False, disable=None, bar_format=BAR) as bar:
        told: Counter[str] = Counter()

        def advance(n: int, /, **more: int) -> None:
            told.update(more)
            bar.set_postfix_str(", ".join(f"{told[name]:,} {name}" for name in told), refresh=False)
            bar.update(n)

        yield advance


DB = click.option(
    "--db",
    envvar="VCTX_DB",
    type=click.Path(dir_okay=False),
    shell_complete=complete.sessions,
    help="The session's file.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
OPTIONS = (
    DB,
    click.option(
        "--window", envvar="VCTX_WINDOW", type=click.IntRange(min=64), help="The model's window, in tokens."
    ),
    click.option(
        "--reserve", envvar="VCTX_RESERVE", type=click.IntRange(min=1), help="Tokens kept for the reply."
    ),
    click.option(
        "--model",
        envvar="VCTX_MODEL",
        default=LOCAL_MODEL,
        show_default=True,
        help="Package, path or hub name; with --base-url the endpoint's name for it.",
    ),
    click.option("--base-url", envvar="VCTX_BASE_URL", help="An OpenAI-compatible endpoint."),
    click.option(
        "--model-option",
        "model_options",
        envvar="VCTX_MODEL_OPTIONS",
        type=Pairs(),
        multiple=True,
        help="Of the model, e.g. temperature=0, timeout=30, quantization=int8; may be repeated.",
    ),
    click.option(
        "--tokenizer",
        envvar="VCTX_TOKENIZER",
        help="Counts for an endpoint: o200k_base, a path, strict (default: an estimate that learns).",
    ),
    click.option(
        "--embedder",
        envvar="VCTX_EMBEDDER",
        default=EMBEDDER,
        show_default=True,
        help="A sentence-transformers model.",
    ),
    click.option(
        "--policy",
        envvar="VCTX_POLICY",
        type=click.Choice(sorted(POLICIES)),
        default="fifo",
        show_default=True,
        help="Who leaves.",
    ),
    click.option("--system", envvar="VCTX_SYSTEM", default="", help="Instructions that stand first."),
    click.option("--weights", envvar="VCTX_WEIGHTS", help="Of recall's signals: a file, or plain."),
    click.option(
        "--prices",
        envvar="VCTX_PRICES",
        help=f"Of a model's tokens, for what calls cost and --policy priced: {', '.join(TABLE)}, or a file.",
    ),
    click.option(
        "--forms",
        envvar="VCTX_FORMS",
        type=click.Choice(list(FORMS)),
        default="off",
        show_default=True,
        help="What has left may stand on as a gist: its telling words, or what the model makes of it.",
    ),
    click.option(
        "--tools",
        envvar="VCTX_TOOLS",
        type=click.Choice(["memgpt"]),
        help="Let the model manage its memory by MemGPT's tools (needs a window of about 3,000 tokens).",
    ),
    JSON,
)


def session_options(command: Command) -> Command:
    """For what needs the window: all options of a session, gathered as the command's first argument."""
    return _gathering(command, OPTIONS)


def file_options(command: Command) -> Command:
    """For what only reads or keeps the file: which it is, gathered as the command's first argument."""
    return _gathering(command, (DB, JSON))


def _gathering(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    @functools.wraps(command)
    def gathered(**given: Any) -> None:
        own = {field.name: given.pop(field.name) for field in fields(Session) if field.name in given}
        command(_session(own), **given)

    return with_options(gathered, options)


def with_options(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    """The command with these options, in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def _session(own: dict[str, Any]) -> Session:
    """The session that the options describe; within a chat, the chat's."""
    context = click.get_current_context()
    held = context.find_object(Session)
    if held is not None:
        for parameter in context.command.params:
            source = context.get_parameter_source(parameter.name or "")
            given = source == click.core.ParameterSource.COMMANDLINE
            if given and parameter.name in own and parameter.name != "as_json":
                raise click.UsageError(f"{parameter.opts[0]} is for `vctx chat` itself, not within it")
        return replace(held, as_json=own["as_json"])
    if not own["db"]:
        raise click.UsageError("name the session's file: --db FILE, VCTX_DB, or db in vctx.toml")
    return Session(**own)


def existing(command: Command) -> Command:
    """Refuses to make a session where there is none: below `session_options`."""

    @functools.wraps(command)
    def checked(session: Session, **options: Any) -> None:
        if not Path(session.db).is_file():
            raise click.ClickException(f"no session at {session.db}; `vctx add` or `vctx chat` make one")
        command(session, **options)

    return checked
