"""Models of the Hugging Face hub: the local cache first, then a download."""

import json
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from vctx.errors import MissingError

FILES = ["*.json", "*.jinja", "*.safetensors"]
"""What a transformers folder needs of a repository."""


def folder(repository: str, *, notice: Callable[[str], object]) -> Path:
    """The transformers folder of a repository ("owner/name"). Raises MissingError with the reason."""
    try:
        cached = Path(snapshot_download(repository, allow_patterns=FILES, local_files_only=True))
        if complete(cached):
            return cached
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise MissingError("no repository can have that name") from error
    notice(f"downloading {repository} from the Hugging Face hub")
    try:
        return Path(snapshot_download(repository, allow_patterns=FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise MissingError(str(error).splitlines()[0]) from error


def complete(folder: Path) -> bool:
    """Whether all files are there: a download that was cut short leaves some out."""
    index = folder / "model.safetensors.index.json"
    shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values()) if index.is_file() else set()
    wanted = {"config.json", "tokenizer.json"} | (shards or {"model.safetensors"})
    return all((folder / file).is_file() for file in wanted)
