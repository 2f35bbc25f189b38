"""Settings: a flag before the environment, that before the file; what is wrong in a file is one line."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vctx.cli import main


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, with nothing set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    for name in ("DB", "MODEL", "WINDOW", "THREADS", "TIKTOKEN", "CACHE"):
        # Set first, so that what a command puts there is taken back too.
        monkeypatch.setenv(f"VCTX_{name}", "")
        monkeypatch.delenv(f"VCTX_{name}")
    return tmp_path


def vctx(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == code, result.output
    return result


def shown(*args: str) -> dict[str, tuple[Any, str]]:
    rows = json.loads(vctx("config", "--json", *args).stdout)["settings"]
    return {row["key"]: (row["value"], row["source"]) for row in rows}


def test_without_a_file_all_is_default() -> None:
    assert shown()["window"] == (None, "default")
    assert shown()["model"] == ("smollm2", "default")


def test_flag_before_environment_before_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = project / "vctx.toml"
    file.write_text('model = "of the file"\nwindow = 1000\nbase-url = "http://localhost/v1"\n')
    monkeypatch.setenv("VCTX_WINDOW", "2000")
    found = shown("--model", "of the flag")
    assert found["model"] == ("of the flag", "--model")
    assert found["window"] == (2000, "VCTX_WINDOW")
    assert found["base-url"] == ("http://localhost/v1", str(file))


def test_the_nearest_file_is_in_force_and_db_is_beside_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, below = project / "own" / "vctx", project / "a" / "b"
    own.mkdir(parents=True)
    below.mkdir(parents=True)
    assert vctx("config", "--path").stdout == f"{own / 'config.toml'}\n"
    (own / "config.toml").write_text('db = "mine.db"')
    assert shown()["db"] == (str(own / "mine.db"), str(own / "config.toml"))
    (project / "vctx.toml").write_text('db = "project.db"')
    monkeypatch.chdir(below)
    assert vctx("config", "--path").stdout == f"{project / 'vctx.toml'}\n"
    assert shown()["db"] == (str(project / "project.db"), str(project / "vctx.toml"))
    assert f"no session at {project / 'project.db'}" in vctx("ls", code=1).stderr


def test_what_concerns_the_whole_process_is_put_into_the_environment(project: Path) -> None:
    (project / "vctx.toml").write_text('threads = 1\ncache = "kept"\n')
    found = shown()
    assert found["threads"] == ("1", str(project / "vctx.toml"))
    assert found["cache"] == (str(project / "kept"), str(project / "vctx.toml"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("windw = 100", "no setting is called 'windw'; the nearest is 'window'"),
        ('base_url = "x"', "no setting is called 'base_url'; the nearest is 'base-url'"),
        ("xyzzy = 1", "no setting is called 'xyzzy'; there are: base-url, "),
        ('window = "big"', "window: 'big' is not a valid integer"),
        ("window = 3", "window: 3 is not in the range x>=64"),
        ("model-options = 3", "model-options is a table, a line KEY = VALUE for each, not 3"),
        ("model = [1]", "model is a string or a number, not [1]"),
        ("model = ", "cannot be read: Invalid value (at end of document)"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(project: Path, text: str, told: str) -> None:
    file = project / "vctx.toml"
    file.write_text(text)
    [line] = vctx("config", code=1).stderr.splitlines()
    assert line.startswith(f"Error: {file}") and told in line
    vctx("--help")


def test_options_of_the_model_from_flag_environment_and_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VCTX_MODEL_OPTIONS", raising=False)
    file = project / "vctx.toml"
    file.write_text('[model-options]\ntemperature = 0.5\nstop = ["END"]\n')
    assert shown()["model-options"] == ({"temperature": 0.5, "stop": ["END"]}, str(file))
    for text in ('temperature=0 tool_choice="any thing"', '{"temperature": 0, "tool_choice": "any thing"}'):
        monkeypatch.setenv("VCTX_MODEL_OPTIONS", text)
        told = {"temperature": 0, "tool_choice": "any thing"}
        assert shown()["model-options"] == (told, "VCTX_MODEL_OPTIONS")
    flags = (
        "--model-option",
        "timeout=2.5",
        "--model-option",
        "tools=text",
        "--model-option",
        "api_key=sk-1",
    )
    told = {"timeout": 2.5, "tools": "text", "api_key": "set, not shown"}
    assert shown(*flags)["model-options"] == (told, "--model-option")
    assert "timeout=2.5 tools=text api_key=set, not shown" in vctx("config", *flags).stdout


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{", "'{' in the environment is no JSON"),
        ("a='b", "in the environment: No closing quotation"),
        ("hot", "'hot' is not KEY=VALUE"),
    ],
)
def test_wrong_options_in_the_environment(monkeypatch: pytest.MonkeyPatch, given: str, told: str) -> None:
    monkeypatch.setenv("VCTX_MODEL_OPTIONS", given)
    assert told in vctx("config", code=2).stderr


def test_a_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    out = vctx("config").stdout
    assert "OPENAI_API_KEY" in out and "secret" not in out
