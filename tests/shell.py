"""Runs commands in this process; of shell lines, a pipe, a redirection, a variable, a comment."""

import re
import shlex
from pathlib import Path

import click
from click.testing import CliRunner, Result

from vctx.cli import main

PARSED = ("eval", "train-recall")
"""Commands that need data that does not ship, or minutes: their options are parsed, and no more."""
ELSEWHERE = ("make", "pip", "git", "python", "curl", "docker", "cd", "mkdir", "jq", "less", "head", "grep")
"""Programs that are not ours to run here."""
_SUBSTITUTED = re.compile(r'^eval "\$\((.*)\)"')


def examples(help: str) -> list[str]:
    """The lines of a command's help that call it."""
    lines = (line.strip() for line in help.splitlines() if line.startswith("  "))
    return [
        line
        for line in lines
        if re.match(r"(vctx |echo .*\| vctx |[A-Z_]+=\S+ vctx |eval \"\$\(vctx )", line)
    ]


def commands(block: str) -> list[str]:
    """What a console block lets the user type: the lines after "$ ", continued where they end in a stroke."""
    joined = block.replace("\\\n", "")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def run(line: str, folder: Path, env: dict[str, str]) -> str:
    """What a line prints; AssertionError with what went wrong. `env` keeps what is exported."""
    if found := _SUBSTITUTED.match(line):
        line = found[1]
    text = ""
    for stage in _stages(line):
        text = _stage(stage, text, folder, env)
    return text


def _stages(line: str) -> list[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    stages: list[list[str]] = [[]]
    for word in lexer:
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    return stages


def _stage(words: list[str], given: str, folder: Path, env: dict[str, str]) -> str:
    words, target = (words[:-2], words[-1]) if words[-2:-1] == [">"] else (words, "")
    here = dict(env)
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        here[name] = value
    match words:
        case [] | ["export", *_]:
            exported = words[1:] or []
            env |= dict(word.split("=", 1) for word in exported) if exported else here
            return ""
        case ["echo", *said]:
            out = " ".join(said) + "\n"
        case ["cat", name]:
            out = (folder / name).read_text()
        case ["vctx", *args]:
            out = _vctx([part for arg in args for part in _expanded(arg, folder)], given, here)
        case [program, *_] if program in ELSEWHERE:
            return given
        case _:
            raise AssertionError(f"no such program here: {words}")
    if target and not target.startswith("~"):
        (folder / target).write_text(out)
        return ""
    return out


def _expanded(arg: str, folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.glob(arg)) if "*" in arg else [arg]


def _vctx(args: list[str], given: str, env: dict[str, str]) -> str:
    if args[0] in PARSED:
        command: click.Command = main
        while isinstance(command, click.Group):
            command = command.commands[args.pop(0)]
        command.make_context("vctx", args, click.Context(main, **main.context_settings))
        return ""
    result = CliRunner().invoke(main, args, input=given or None, env=env)
    assert result.exit_code == 0, f"vctx {' '.join(args)}: {result.output} {result.exception!r}"
    return result.stdout


def vctx(*args: str, input: str | bytes | None = None, code: int = 0) -> Result:
    """What a command did, which ended with this code."""
    result = CliRunner().invoke(main, args, input=input)
    assert result.exit_code == code, result.output
    return result
