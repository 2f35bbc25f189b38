"""What the documents show runs: every cell of the notebooks, every block of Python and of commands.

Models are small ones; the rest is real. The commands of a document run in one folder, one after the other.
"""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import sandbox
import shell

ROOT = Path(__file__).parent.parent
MADE = ("cli.md", "reference.md")
"""Pages that docs/reference.py makes."""
DOCUMENTS = [ROOT / "README.md", *(p for p in sorted((ROOT / "docs").glob("*.md")) if p.name not in MADE)]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_shows_runs(
    path: Path, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.small_parts(monkeypatch, lambda _: "In Lyon.")
    monkeypatch.chdir(sandbox.copied(filled, tmp_path))
    names: dict[str, Any] = {}
    env: dict[str, str] = {}
    for kind, block in BLOCK.findall(path.read_text("utf-8")):
        match kind:
            case "python":
                exec(compile(block, str(path), "exec"), names)
            case "console":
                for line in shell.commands(block):
                    shell.run(line, tmp_path, env)
            case "toml":
                (tmp_path / "vctx.toml").write_text(block)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))
    lost = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not lost


def test_the_readme_leads_to_every_document() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{path.name})" in readme


def test_pages_that_are_made_are_as_they_would_be_made_now() -> None:
    for page, text in runpy.run_path(str(ROOT / "docs" / "reference.py"))["pages"]().items():
        assert page.read_text("utf-8") == text, (
            f"{page.name} is not what the code says: python docs/reference.py"
        )
