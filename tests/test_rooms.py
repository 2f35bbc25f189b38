"""The architecture, held by machine: who imports whom, what an import costs, what the README promises."""

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOUNS = {"types", "errors", "ports", "candidates"}
PURE = {
    "chunk",
    "policies",
    "plan",
    "prices",
    "thrash",
    "journal",
    "recall",
    "render",
    "digest",
    "scale",
    "quote",
}
PURE |= {"blocks", "thrash", "forms", "gist"}
PURE |= {"signals", "groups", "layout", "explain", "weights", "question", "lexicon", "dates", "stopwords"}
PURE |= {"field", "kept", "ranking", "usage"}
LEAVES = {"storage", "embed", "models", "ingest", "fakes"}

# What each room may import of vctx; a leaf may also import itself.
ALLOWED = {
    "types": {"types"},
    "errors": set[str](),
    "candidates": {"types"},
    "ports": {"types", "errors", "candidates", "ports"},
    "threads": {"errors"},
    "unbroken": set[str](),
    "formats": {"types", "errors"},
    **{room: NOUNS | PURE | {"formats"} for room in PURE},
    "backlog": NOUNS,
    "background": NOUNS | {"backlog", "threads"},
    "ledger": NOUNS | PURE,
    "standing": NOUNS | PURE,
    "beside": set[str](),
    "aside": NOUNS | {"beside"},
    "briefs": NOUNS | PURE | {"aside", "ledger", "room"},
    "erasing": NOUNS | PURE | {"ledger", "room"},
    "room": NOUNS | PURE | {"ledger", "standing"},
    "joining": NOUNS | PURE | {"ledger", "room"},
    "drafting": NOUNS | {"beside", "digest"},
    "folding": NOUNS | PURE | {"drafting", "ledger", "room"},
    "window": NOUNS
    | PURE
    | {"aside", "briefs", "drafting", "erasing", "folding", "joining", "ledger", "room", "standing"},
    "library": NOUNS | PURE | {"window"},
    "saying": NOUNS | {"formats"},
    "seeking": NOUNS | PURE | {"backlog", "window"},
    "looking": NOUNS | PURE | {"formats", "window"},
    "memory": NOUNS
    | PURE
    | {"formats", "aside", "drafting", "backlog"}
    | {"library", "looking", "saying", "seeking", "window"},
    "tools": NOUNS,
    "exchange": NOUNS | PURE | {"memory", "seeking"},
    "agent": NOUNS | PURE | {"exchange", "tools", "turn"},
    "turn": NOUNS | {"exchange"},
    "drive": NOUNS | {"turn"},
    "serve": NOUNS | {"exchange", "turn", "drive"},
    "context": NOUNS | {"memory", "exchange", "turn", "drive", "serve", "render"},
    **{room: {*NOUNS, "formats", "threads", "unbroken", "stopwords", room} for room in LEAVES},
    "store": NOUNS | PURE | {"backlog", "seeking", "context"},
    "boot": NOUNS
    | {
        "backlog",
        "background",
        "context",
        "store",
        "weights",
        "prices",
        "storage",
        "embed",
        "models",
        "ingest",
    }
    | {"agent", "tools", "turn"},
    "__init__": NOUNS | {"boot", "context", "drive", "store", "turn", "weights"},
    "cli": NOUNS
    | {"cli", "boot", "context", "store", "eval"}
    | {"explain", "journal", "policies", "prices", "thrash", "usage"}
    | {"embed", "weights", "fakes", "turn"},
    "__main__": {"cli"},
}


def imports(path: Path) -> set[str]:
    """The rooms of vctx that a file imports; `vctx` itself counts as "vctx"."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name for alias in node.names for name in _room(alias.name)}
        elif isinstance(node, ast.ImportFrom) and node.module == "vctx":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= _room(node.module)
    return found


def _room(module: str) -> set[str]:
    parts = module.split(".")
    return {parts[1] if len(parts) > 1 else "vctx"} if parts[0] == "vctx" else set()


def sources() -> list[tuple[str, Path]]:
    """(room, file) of everything that ships, but for eval."""
    files = [*(ROOT / "vctx").glob("*.py"), *(ROOT / "storage").glob("*.py")]
    for folder in ("cli", "embed", "ingest", "models", "policies", "ports", "types"):
        files += (ROOT / "vctx" / folder).glob("*.py")
    return [(f.stem if f.parent.name == "vctx" else f.parent.name, f) for f in files]


@pytest.mark.parametrize(("room", "path"), sources(), ids=lambda value: getattr(value, "stem", value))
def test_imports_run_one_way(room: str, path: Path) -> None:
    assert imports(path) <= ALLOWED[room], f"{path.name} imports what its room may not"


def test_eval_uses_only_the_public_package() -> None:
    public = {"vctx", "eval", "weights"}
    for path in (ROOT / "eval").glob("**/*.py"):
        # The laboratory takes the same decisions as a session: of the pure rooms, those that decide.
        deciding = (
            NOUNS | {"plan", "policies", "prices", "journal"} if path.parent.name == "policies" else set()
        )
        assert imports(path) <= public | deciding


def test_every_room_is_known() -> None:
    assert {room for room, _ in sources()} == set(ALLOWED)


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_vctx_loads_nothing_heavy() -> None:
    heavy = {"torch", "transformers", "faiss", "openai", "numpy", "sqlite_utils", "sentence_transformers"}
    loaded = set(run("import sys, vctx; print(*sys.modules)").split())
    assert not heavy & loaded
    loaded = set(run("import sys, vctx.cli; print(*sys.modules)").split())
    assert not heavy & loaded


def test_every_public_name_is_found_and_no_other() -> None:
    import vctx

    for name in vctx.__all__:
        assert getattr(vctx, name) is not None
    assert getattr(vctx, "formats").__name__ == "vctx.formats"  # noqa: B009 - a room, imported by its use
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        getattr(vctx, "opne")  # noqa: B009 - which no type checker lets pass


def test_the_readme_tree_names_every_module() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    tree = readme[readme.index("```\nvctx/") :]
    for room, _ in sources():
        if not room.startswith("__"):
            assert re.search(rf"\b{room}\b", tree), f"{room} is missing in the README's tree"


def test_the_changelog_names_this_version() -> None:
    import vctx

    assert f"## {vctx.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_every_package_ships() -> None:
    """As setuptools reads the list: a name a line."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    folders = {"vctx": ROOT / "vctx", "vctx.storage": ROOT / "storage", "vctx.eval": ROOT / "eval"}
    found = set(folders)
    for name, folder in folders.items():
        found |= {f"{name}.{init.parent.name}" for init in folder.glob("*/__init__.py")}
    assert set(config["options"]["packages"].split("\n")[1:]) == found
