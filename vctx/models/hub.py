"""Models of the Hugging Face hub: the local cache first, then a download."""

import json
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import scan_cache_dir, snapshot_download
from huggingface_hub.errors import CacheNotFound, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

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


def cached() -> list[tuple[str, Path]]:
    """(repository, folder) of every model in the local cache that is whole and has a chat template."""
    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return []
    newest = [
        (repository.repo_id, max(repository.revisions, key=lambda r: r.last_modified).snapshot_path)
        for repository in repositories
        if repository.repo_type == "model" and repository.revisions
    ]
    return [(name, folder) for name, folder in newest if complete(folder) and _chats(folder)]


def _chats(folder: Path) -> bool:
    config = folder / "tokenizer_config.json"
    return (folder / "chat_template.jinja").is_file() or (
        config.is_file() and "chat_template" in json.loads(config.read_text("utf-8"))
    )


def complete(folder: Path) -> bool:
    """Whether all files are there: a download that was cut short leaves some out."""
    index = folder / "model.safetensors.index.json"
    shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values()) if index.is_file() else set()
    wanted = {"config.json", "tokenizer.json"} | (shards or {"model.safetensors"})
    return all((folder / file).is_file() for file in wanted)
