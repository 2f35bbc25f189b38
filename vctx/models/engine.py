"""The weights of a local model and their KV cache. Imports torch and transformers; `local` loads it late."""

import inspect
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging

from vctx.errors import InputError, MissingError, ModelError
from vctx.models import quantise
from vctx.models.noise import quiet
from vctx.threads import threads

SHORT = 512
"""Tokens of prompt and reply at which a call leaves a longer prompt's KV alone: a second's reading."""


class Guide(Protocol):
    """Says which tokens may come next."""

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits, (vocabulary,), with minus infinity for what may not."""
        ...

    def take(self, token: int) -> None:
        """A token has come."""
        ...


class Engine:
    """Continues token ids, greedily. The KV of the last prompt is kept and serves its common prefix.

    One forward pass at a time. `dtype` is torch's name, "auto" for that of the folder; `device` too,
    by default CUDA where there is one; `quantization` is one of transformers' configurations, or a name of
    `vctx.models.quantise`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        stops: frozenset[int],
        dtype: str = "auto",
        device: str | None = None,
        quantization: Any = None,
    ) -> None:
        torch.set_num_threads(threads())
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._model = _load(folder, dtype, self._device, quantization)
        self.stops = stops | _stops(self._model.generation_config)
        # A prompt's logits are needed at its end alone; not every architecture can leave out the others.
        keeps = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        self._last = {"logits_to_keep": 1} if keeps else {}
        self._lock = threading.Lock()
        self._ids: list[int] = []
        self._cache = self._empty()

    def generate(
        self, ids: Sequence[int], max_tokens: int, guide: Guide | None = None
    ) -> tuple[int, Generator[int]]:
        """(how many prompt tokens the cache serves, the new ids as they come, a stop token included).

        What was read when the iterator is closed is kept. Raises ModelError where memory does not
        suffice or the model fails.
        """
        with self._lock:
            if self._beside(ids, max_tokens):
                return 0, self._continue(list(ids), 0, self._empty(), max_tokens, guide, keep=False)
            served = self._reuse(ids)
            cache = self._cache
            self._forget()  # it is this call's until its end: another meanwhile begins with an empty one
        return served, self._continue(list(ids), served, cache, max_tokens, guide)

    def _beside(self, ids: Sequence[int], max_tokens: int) -> bool:
        """Whether a short prompt begins otherwise than a long one that is kept, and is worth less."""
        short = len(ids) + max_tokens <= min(SHORT, len(self._ids) // 2)
        return short and _common(self._ids, ids) < len(ids) // 2

    def _continue(
        self,
        ids: list[int],
        served: int,
        cache: DynamicCache,
        max_tokens: int,
        guide: Guide | None,
        *,
        keep: bool = True,
    ) -> Generator[int]:
        whole, first = False, len(ids)
        try:
            while len(ids) < first + max_tokens:
                whole = False  # an interrupted pass leaves half a cache
                logits = self._read(ids[served:], cache)
                whole, served = True, len(ids)
                ids.append(_best(logits, guide))
                yield ids[-1]
                if ids[-1] in self.stops:
                    break
        finally:
            if whole and keep:
                with self._lock:
                    self._cache, self._ids = cache, ids[:served]

    def _read(self, ids: list[int], cache: DynamicCache) -> torch.Tensor:
        """The logits after `ids`, (vocabulary,), whose keys and values join the cache."""
        with self._lock, torch.inference_mode():
            try:
                prompt = torch.tensor([ids], device=self._device)
                output = self._model(prompt, past_key_values=cache, use_cache=True, **self._last)
            except RuntimeError as error:  # torch's, out of memory included
                raise ModelError(f"the local model failed: {error}") from error
            logits: torch.Tensor = output.logits[0, -1]
        return logits

    def _reuse(self, ids: Sequence[int]) -> int:
        """Cuts the cache to the prefix that it shares with `ids`; one token at least is left to read."""
        common = _common(self._ids, ids[:-1])
        excess = len(self._ids) - common
        try:
            if common and excess:
                self._cache.crop(-excess)
        except RuntimeError:  # a sliding window or a recurrent state cannot be wound back
            common = 0
        if not common:
            self._forget()
        return common

    def _forget(self) -> None:
        self._ids, self._cache = [], self._empty()

    def _empty(self) -> DynamicCache:
        return DynamicCache(config=self._model.config)


def _common(kept: Sequence[int], asked: Sequence[int]) -> int:
    """Ids that both begin with."""
    pairs = zip(kept, asked, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(kept), len(asked)))


def _best(logits: torch.Tensor, guide: Guide | None) -> int:
    if guide is None:
        return int(logits.argmax())
    token = int(guide.mask(logits).argmax())
    guide.take(token)
    return token


@quiet()
def _load(folder: Path, dtype: str, device: str, quantization: Any) -> Any:
    if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise InputError(f"torch has no dtype {dtype!r}; there are: auto, float32, bfloat16, float16, ...")
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # Quantised weights are made where they are to stay; others are cheaper to move than to place.
    config = quantise.config(quantization)
    placed = {"quantization_config": config, "device_map": device} if config else {}
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, **placed
        )
        return (model if placed else model.to(device)).eval()
    except (RuntimeError, AssertionError) as error:  # torch's: no such device, or no memory there
        raise ModelError(f"{folder.name} cannot be placed on the device {device!r}: {error}") from error
    except ImportError as error:
        raise MissingError(f"a package is missing to load {folder}: {error}") from error
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"transformers cannot load {folder}: {error}. A damaged folder in the cache may be deleted"
        ) from error


def _stops(config: Any) -> set[int]:
    eos = config.eos_token_id
    return set() if eos is None else {eos} if isinstance(eos, int) else set(eos)
