"""What every measurement shares: its options, and how its figures are printed and drawn."""

import functools
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vctx.boot import EMBEDDER
from vctx.cli.pairs import Pair, Pairs, shown
from vctx.cli.session import progress
from vctx.policies import POLICIES

if TYPE_CHECKING:
    from vctx.eval.case import Task
    from vctx.eval.measure import Setting
    from vctx.ports import Embedder, Model

FILE = click.Path(exists=True, dir_okay=False)
FOLDER = click.Path(exists=True, file_okay=False)


@dataclass(frozen=True)
class Measurement:
    """The options of one measurement."""

    system: tuple[str, ...]
    python: str
    window: tuple[int, ...]
    policy: str
    fault: float
    weights: str | None
    also: tuple[str, ...]
    budget: tuple[int, ...]
    model: str | None
    base_url: str | None
    model_options: tuple[Pair, ...]
    reserve: int
    answer: tuple[str, ...]
    judge: str | None
    judge_url: str | None
    golds: str | None
    questions: int | None
    seed: int
    out: str | None
    embedder: str
    tokenizer: str
    as_json: bool

    def emit(self, task: "Task", **more: Any) -> None:
        """Measures, and prints the figures as a table or as JSON."""
        from vctx.eval import report
        from vctx.eval.measure import measure

        run = measure(self.shaped(task), replace(self.setting(), **more), progress)
        click.echo(json.dumps(report.data(run)) if self.as_json else report.table(run))
        if self.out:
            written(Path(self.out))

    def shaped(self, task: "Task") -> "Task":
        """The task with corrected gold, and with a sample of its questions."""
        from vctx.eval import shaped

        task = shaped.corrected(task, Path(self.golds)) if self.golds else task
        return shaped.sampled(task, self.questions, self.seed) if self.questions else task

    def setting(self) -> "Setting":
        """The same as the harness takes it; models are loaded."""
        from vctx.eval.measure import Setting

        named = [name.partition("=") for name in self.system]
        return Setting(
            self.vectors(),
            self.tokenizer,
            tuple(sorted(self.budget)),
            self.weights,
            tuple(map(Path, self.also)),
            self.window,
            {"policy": self.policy, "fault": self.fault},
            tuple((name, python or self.python) for name, _, python in named),
            self.chat_model(self.model, self.base_url, dict(self.model_options)),
            self.reserve,
            frozenset(self.answer),
            self.chat_model(self.judge, self.judge_url),
            Path(self.out) if self.out else None,
            told=self.told(),
        )

    def told(self) -> dict[str, Any]:
        """What was asked for that a run's configuration would not tell otherwise."""
        return {"model options": shown(self.model_options)} if self.model_options else {}

    def vectors(self) -> "Embedder":
        """The embedder, by name."""
        from vctx import embed
        from vctx.fakes import HashingEmbedder

        return HashingEmbedder() if self.embedder == "hashing" else embed.load(self.embedder)

    def chat_model(
        self, name: str | None, base_url: str | None, options: Mapping[str, Any] | None = None
    ) -> "Model | None":
        """A model, by name."""
        from vctx import boot

        return boot.model(name, base_url=base_url, options=options) if name else None


_OPTIONS = (
    click.option(
        "--system",
        multiple=True,
        metavar="NAME[=PYTHON]",
        help="Another memory layer: chromadb, faiss, langgraph, llamaindex or mem0.",
    ),
    click.option(
        "--python", default=sys.executable, help="The Python that has it installed (default: this one)."
    ),
    click.option(
        "--window",
        multiple=True,
        type=click.IntRange(min=64),
        help="Also replay the history through vctx's window of so many tokens; may be repeated.",
    ),
    click.option(
        "--policy",
        type=click.Choice(sorted(POLICIES)),
        default="fifo",
        show_default=True,
        help="Who leaves that window.",
    ),
    click.option(
        "--fault", default=0.4, show_default=True, help="The largest share of it that one fault loads."
    ),
    click.option(
        "--weights",
        envvar="VCTX_WEIGHTS",
        help="Of vctx's signals: a file, or 'plain'; by default those that ship.",
    ),
    click.option(
        "--also",
        multiple=True,
        type=FILE,
        help="Rank once more, by the weights of this file; may be repeated.",
    ),
    click.option(
        "--budget", multiple=True, type=click.IntRange(min=1), help="Tokens to place; may be repeated."
    ),
    click.option(
        "--model", help="Let this model answer from what each system placed, and score its answers."
    ),
    click.option("--base-url", help="The model's OpenAI-compatible endpoint."),
    click.option(
        "--model-option",
        "model_options",
        type=Pairs(),
        multiple=True,
        help="Of the model, e.g. temperature=0, quantization=int8; may be repeated.",
    ),
    click.option("--reserve", default=64, show_default=True, help="Tokens of an answer."),
    click.option("--answer", multiple=True, help="A system that the model answers for (default: all)."),
    click.option("--judge", help="A model whose verdict on the answers stands in a column of its own."),
    click.option("--judge-url", help="The judge's OpenAI-compatible endpoint."),
    click.option("--golds", type=FILE, help="Corrected gold: JSON Lines of id, evidence, answers, drop."),
    click.option(
        "--questions", type=click.IntRange(min=1), help="A sample of so many of each case's questions."
    ),
    click.option("--seed", default=0, show_default=True, help="Of the sample."),
    click.option(
        "--out", type=click.Path(file_okay=False), help="Keep the run in this folder, and go on there."
    ),
    click.option(
        "--embedder",
        default=EMBEDDER,
        show_default=True,
        help="The embedding model, or 'hashing': bags of words, where vectors play no part.",
    ),
    click.option("--tokenizer", default="o200k_base", show_default=True, help="Whose tokens are counted."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


def measured(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of a measurement, gathered as its first argument."""

    @functools.wraps(command)
    def gathered(**options: Any) -> None:
        own = {name: options.pop(name) for name in Measurement.__dataclass_fields__}
        command(Measurement(**own), **options)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


def written(folder: Path) -> None:
    """Draws the page of a run, and says where it is."""
    from vctx.eval import log, page

    page.write(log.read(folder), folder / "report.html")
    click.echo(f"{folder / 'report.html'}: open it in a browser", err=True)
