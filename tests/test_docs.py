"""What the documents show runs: every cell of the notebooks, every Python block of the README."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import vctx
from vctx.fakes import HashingEmbedder, ScriptedModel, WordTokenizer

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)


def test_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, but for the model and the embedder, which are small ones here."""
    real = vctx.open

    def small(path: str, *, window: int) -> vctx.Context:
        model = ScriptedModel(lambda messages: "In Lyon.")
        return real(path, window=window, model=model, embedder=HashingEmbedder())

    monkeypatch.setattr(vctx, "open", small)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {"vctx": vctx}
    exec(blocks[0], names)
    assert str(names["reply"]) == "In Lyon." and names["messages"]
    compile(blocks[1], "README.md", "exec")
    store = partial(vctx.open_store, model=None, tokenizer=WordTokenizer(), embedder=HashingEmbedder())
    monkeypatch.setattr(vctx, "open", real)
    monkeypatch.setattr(vctx, "open_store", store)
    exec(blocks[2], names)
    assert names["found"].matches[0].page.text == "The hotel is by the river."
