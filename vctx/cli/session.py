"""What every command of a session shares: its options, its file, and the way it prints."""

import functools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vctx.boot import EMBEDDER, LOCAL_MODEL
from vctx.policy import POLICIES

if TYPE_CHECKING:
    from vctx.context import Context
    from vctx.ports import Disk


@dataclass
class Session:
    """The options of one run."""

    db: str
    window: int | None
    reserve: int | None
    model: str
    base_url: str | None
    tokenizer: str | None
    embedder: str
    policy: str
    system: str
    weights: str | None
    as_json: bool

    def open(self) -> "Context":
        """The session with its model and embedder, progress shown on stderr."""
        from vctx.boot import open

        return open(
            self.db,
            window=self.window,
            reserve=self.reserve,
            model=self.model,
            base_url=self.base_url,
            tokenizer=self.tokenizer,
            embedder=self.embedder,
            policy=self.policy,
            system=self.system,
            weights=self.weights,
            progress=progress,
        )

    def disk(self) -> "AbstractContextManager[Disk]":
        """Only what stands on disk: no model is loaded."""
        from vctx.boot import disk

        return closing(disk(self.db))

    def emit(self, data: Any, text: str) -> None:
        """Prints the data as JSON, or the text for people."""
        click.echo(json.dumps(data, ensure_ascii=False) if self.as_json else text)

    def prompt(self) -> str | None:
        """The next line of the user's; None at the end."""
        if sys.stdin.isatty():
            click.echo("> ", nl=False, err=True)
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], object]]:
    """A bar on stderr, where that is a terminal and the work takes longer than a blink."""
    from tqdm import tqdm

    with tqdm(total=total, desc=label, unit="", delay=0.5, leave=False, disable=None) as bar:
        yield bar.update


_OPTIONS = (
    click.option("--db", envvar="VCTX_DB", type=click.Path(dir_okay=False), help="The session's file."),
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
        "--policy", type=click.Choice(sorted(POLICIES)), default="fifo", show_default=True, help="Who leaves."
    ),
    click.option("--system", envvar="VCTX_SYSTEM", default="", help="Instructions that stand first."),
    click.option("--weights", envvar="VCTX_WEIGHTS", help="Of recall's signals: a file, or plain."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


def session_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the session's options, gathered as its first argument."""

    @functools.wraps(command)
    def gathered(**options: Any) -> None:
        own = {name: options.pop(name) for name in Session.__dataclass_fields__}
        if not own["db"]:
            raise click.UsageError("name the session's file: --db FILE, or set VCTX_DB")
        command(Session(**own), **options)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


def existing(command: Callable[..., None]) -> Callable[..., None]:
    """Refuses to make a session where there is none: below `session_options`."""

    @functools.wraps(command)
    def checked(session: Session, **options: Any) -> None:
        if not Path(session.db).is_file():
            raise click.ClickException(f"no session at {session.db}; `vctx add` or `vctx chat` make one")
        command(session, **options)

    return checked
