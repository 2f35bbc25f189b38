"""Models of the Hugging Face hub: in the local cache, or fetched."""

from pathlib import Path

from huggingface_hub import snapshot_download

UNUSED = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack"]
"""Weights in formats that nothing here reads."""


def cached(repository: str) -> Path | None:
    """The snapshot in the local cache; None where there is none, or only a part of one."""
    try:
        path = Path(snapshot_download(repository, local_files_only=True))
    except (OSError, ValueError):  # not there, or a name that no repository can have
        return None
    return path if (path / "modules.json").is_file() else None


def download(repository: str) -> Path:
    """Fetches a repository into the cache; OSError or ValueError where that cannot be done."""
    return Path(snapshot_download(repository, ignore_patterns=UNUSED))
