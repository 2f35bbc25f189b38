"""Cases changed before they are asked: a sample of the questions, corrected gold."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import vctx
from vctx.eval.case import Ask, Case, Task, sha


def sampled(task: Task, most: int, seed: int = 0) -> Task:
    """At most `most` questions of each case, drawn at random, in their order."""
    about = {**task.about, "sample of each case": most, "sample's seed": seed}
    return replace(task, cases=tuple(_sample(case, most, seed) for case in task.cases), about=about)


def _sample(case: Case, most: int, seed: int) -> Case:
    chosen = set(Random(f"{seed} {case.name}").sample(range(len(case.asks)), min(most, len(case.asks))))
    return replace(case, asks=tuple(ask for n, ask in enumerate(case.asks) if n in chosen))


def corrected(task: Task, file: Path) -> Task:
    """Questions with the gold of a file: JSON Lines of {"id", "evidence"?, "answers"?, "drop"?}.

    Raises vctx.InputError for a line of another form, and for an id that the task does not have.
    """
    fixes = _fixes(file)
    asked = {ask.id for case in task.cases for ask in case.asks}
    if unknown := fixes.keys() - asked:
        raise vctx.InputError(f"{file}: the task has no question {min(unknown)!r}; such as {min(asked)!r}")
    cases = (replace(case, asks=_fixed(case.asks, fixes)) for case in task.cases)
    about = {**task.about, "golds": f"{file.name} {sha(file)}"}
    return replace(task, cases=tuple(case for case in cases if case.asks), about=about)


def _fixed(asks: Sequence[Ask], fixes: Mapping[str, Mapping[str, Any]]) -> tuple[Ask, ...]:
    return tuple(_fix(ask, fixes.get(ask.id, {})) for ask in asks if not fixes.get(ask.id, {}).get("drop"))


def _fix(ask: Ask, fix: Mapping[str, Any]) -> Ask:
    gold = frozenset(fix["evidence"]) if "evidence" in fix else ask.gold
    return replace(ask, gold=gold, answers=tuple(fix.get("answers", ask.answers)))


def _fixes(file: Path) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise vctx.InputError(f"cannot read {file}: {error}") from error
    for number, text in enumerate(lines, 1):
        if text.strip():
            fix = _checked(f"{file}, line {number}", text)
            found[fix["id"]] = fix
    return found


def _checked(where: str, text: str) -> Mapping[str, Any]:
    try:
        fix = json.loads(text)
    except ValueError as error:
        raise vctx.InputError(f"{where}: {error}") from error
    lists = [fix.get(name, [""]) for name in ("evidence", "answers")] if isinstance(fix, dict) else [None]
    strings = (isinstance(some, list) and all(isinstance(one, str) for one in some) for some in lists)
    if not all(strings) or not isinstance(fix.get("id"), str) or fix.get("evidence") == []:
        raise vctx.InputError(
            f'{where} is no {{"id": "...", "evidence": ["..."], "answers": ["..."], "drop": false}}'
        )
    return dict(fix)
