"""Every command says how it is used, in few words and by an example; and the examples run."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import sandbox
import shell

from vctx.cli import main


def every(group: click.Group, path: str = "vctx") -> Iterator[tuple[str, click.Command]]:
    """Each command with the words that call it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(every(main))
OWNED = ("vctx store own chats/ trip --user ann",)
FIRST = {
    "vctx switch": ("vctx fork --db alice.db",),
    "vctx store search": OWNED,
    "vctx store forget": OWNED,
}
"""What an example takes for done."""


@pytest.mark.parametrize("words", COMMANDS)
def test_the_examples_run(words: str, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.small_parts(monkeypatch)
    lines = shell.examples(COMMANDS[words].help or "")
    assert any(words in line for line in lines), f"{words} --help shows no example of it"
    for number, line in enumerate(lines):
        folder = sandbox.copied(filled, tmp_path / str(number))
        monkeypatch.chdir(folder)
        for before in FIRST.get(words, ()):
            shell.run(before, folder, {})
        shell.run(line, folder, {})


def test_a_command_is_told_in_one_line_of_a_terminal() -> None:
    width = 80 - 6 - max(map(len, main.commands))
    long = [name for name, command in main.commands.items() if len(command.get_short_help_str(999)) > width]
    assert not long, f"in `vctx --help` their first sentences take more than {width} columns"
