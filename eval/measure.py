"""One measurement, from a task and a setting to a run: which systems, with what, into which log."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vctx
from vctx.eval import judge
from vctx.eval.answer import INSTRUCTION, Answerer
from vctx.eval.case import Task, sha
from vctx.eval.log import Log, Run
from vctx.eval.remember import Remembering
from vctx.eval.run import Harness
from vctx.eval.shelf import Parts
from vctx.eval.systems import plain
from vctx.eval.systems.foreign import Foreign
from vctx.eval.systems.ours import Paging, Ranking
from vctx.eval.systems.system import System

WINDOW = 2048
"""Tokens that a model is sent, where no window is named."""


@dataclass(frozen=True)
class Setting:
    """How a task is measured. vctx's ranking and every baseline are always asked; the rest is on request."""

    embedder: vctx.Embedder
    tokenizer: str
    budgets: tuple[int, ...] = ()
    weights: str | None = None
    also: tuple[Path, ...] = ()
    """Files of weights by which vctx ranks once more."""
    windows: tuple[int, ...] = ()
    """Windows through which vctx replays the history."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of these windows: policy, fault, reserve."""
    foreign: tuple[tuple[str, str], ...] = ()
    """Other memory layers: (adapter, the Python that has it)."""
    model: vctx.Model | None = None
    reserve: int = 64
    """Tokens of a model's reply."""
    answering: frozenset[str] = frozenset()
    """The systems that the model answers for; empty for all."""
    judge: vctx.Model | None = None
    out: Path | None = None
    keep: Path | None = None
    per_case: Mapping[str, vctx.Weights] = field(default_factory=dict)
    """Weights of a case, where they were trained on the others."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """What else was asked for, and tells this run from others."""


def measure(task: Task, setting: Setting, progress: vctx.Progress) -> Run:
    """Asks every question of every system; goes on with what `out` holds already.

    Raises vctx.InputError where that is of another configuration, and what systems and models raise.
    """
    systems = under_test(setting)
    if unknown := setting.answering - {system.name for system in systems}:
        names = ", ".join(system.name for system in systems)
        raise vctx.InputError(f"no system is called {min(unknown)!r}; there are: {names}")
    log = Log(config(task, setting, systems), setting.out)
    window = max(setting.windows, default=WINDOW)
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(
            vctx.tokenizer(setting.tokenizer), Remembering(setting.embedder), Path(folder), setting.keep
        )
        Harness(
            systems,
            parts,
            setting.budgets or task.budgets,
            setting.weights,
            setting.per_case,
            Answerer(setting.model, window, setting.reserve) if setting.model else None,
            setting.answering,
            judge.Judge(setting.judge) if setting.judge else None,
        ).run(task, log, progress)
    return log.run()


def under_test(setting: Setting) -> list[System]:
    """vctx, other memory layers, baselines; in this order they stand in every table."""
    options = dict(setting.options)
    if setting.model:
        options |= {"model": setting.model, "system": INSTRUCTION, "reserve": setting.reserve}
    windows = [Paging(window, options) for window in setting.windows]
    foreign = [Foreign(name, python) for name, python in setting.foreign]
    also = [Ranking(file) for file in setting.also]
    return [Ranking(), *also, *windows, *foreign, *(plain.Plain(name) for name in plain.NAMES)]


def config(task: Task, setting: Setting, systems: Sequence[System]) -> dict[str, Any]:
    """What makes a run what it is: two runs of the same are the same, but for seconds."""
    asked = "\n".join(ask.id for case in task.cases for ask in case.asks)
    model, judged = setting.model, setting.judge
    return {
        **setting.told,
        "vctx": vctx.__version__,
        "task": task.name,
        "about": dict(task.about),
        "together": list(task.together),
        "overall": task.overall,
        "figure": task.figure,
        "axes": list(task.axes),
        "questions": sum(len(case.asks) for case in task.cases),
        "asked": hashlib.sha256(asked.encode()).hexdigest()[:16],
        "systems": {system.name: system.about for system in systems},
        "budgets": list(setting.budgets or task.budgets),
        "embedder": setting.embedder.name,
        "tokenizer": setting.tokenizer,
        "weights": _weights(setting.weights),
        "trained": sorted(setting.per_case),
        "model": {"name": model.name, "reserve": setting.reserve, "instruction": INSTRUCTION}
        if model
        else None,
        "answering": sorted(setting.answering),
        "judge": {"name": judged.name, "prompt": judge.PROMPT} if judged else None,
    }


def _weights(name: str | None) -> str:
    """Their name; of a file also what tells its content from another's."""
    return f"{name} {sha(Path(name))}" if name and Path(name).is_file() else name or "default"
