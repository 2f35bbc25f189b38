"""The tensors of a `model.safetensors`, mapped into memory as numpy arrays. No torch.

The format: eight bytes with the length of a JSON header, the header (name -> dtype, shape, offsets), the
numbers (https://huggingface.co/docs/safetensors). A mapped file costs no copy: the pages that are read
come in, and several processes share them.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vctx.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FLOATS: Mapping[str, Callable[["NDArray[np.uint8]"], "Floats"]] = {
    "F32": lambda raw: raw.view(np.float32),
    "F16": lambda raw: raw.view(np.float16).astype(np.float32),
    # bfloat16 is the upper half of float32.
    "BF16": lambda raw: (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32),
}


class Mapped:
    """float32 arrays by name. Those that the file holds in another precision are converted when asked for.

    Raises InputError where the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            header, self._numbers = _open(path)
        except (OSError, ValueError) as error:
            raise unreadable(path, error) from error
        self._header = {name.removeprefix("bert."): entry for name, entry in header.items()}

    def __getitem__(self, name: str) -> "Floats":
        """Raises InputError where the file has no tensor of that name, or a broken one."""
        if name not in self._header:
            raise absent(self._path, name)
        try:
            entry = self._header[name]
            start, stop = entry["data_offsets"]
            return FLOATS[entry["dtype"]](self._numbers[start:stop]).reshape(entry["shape"])
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(self._path, error) from error


def unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read: {error}; copy the model's folder again")


def absent(path: Path, name: str) -> InputError:
    return InputError(f"{path} has no tensor {name}: it does not fit the config.json beside it")


def stranger(token: int, rows: int) -> InputError:
    """For a token id that the word table, of `rows` rows, has no row for."""
    return InputError(
        f"token {token} has no row in the model's table of {rows}: "
        "tokenizer.json and model.safetensors belong to different models"
    )


def _open(path: Path) -> tuple[dict[str, Any], "NDArray[np.uint8]"]:
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if size > path.stat().st_size:
            raise ValueError("its header is longer than the file")
        header = json.loads(stream.read(size))
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header, np.asarray(np.memmap(path, np.uint8, "r", offset=8 + size))
