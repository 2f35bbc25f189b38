"""The weights of a local model and their KV cache. Imports torch and transformers; `local` loads it late."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, DynamicCache, GenerationConfig, StoppingCriteriaList
from transformers.utils import logging

from vctx.errors import MissingError, ModelError
from vctx.models.loop import period
from vctx.threads import threads


class Engine:
    """Continues token ids, greedily. The KV of the last prompt is kept and serves its common prefix.

    One call at a time: others wait. `dtype` is torch's name, "auto" for that of the folder.
    """

    def __init__(self, folder: Path, *, stops: frozenset[int], dtype: str = "auto") -> None:
        torch.set_num_threads(threads())
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = _load(folder, dtype).to(self._device).eval()
        self._stops = sorted(stops | _stops(self._model.generation_config))
        # The folder's own settings are for sampling; each would be merged in, or warned of.
        self._model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
        self._lock = threading.Lock()
        self._ids: list[int] = []
        self._cache = self._empty()

    def generate(self, ids: Sequence[int], max_tokens: int) -> tuple[list[int], int]:
        """(the new ids, a stop token included; how many prompt tokens the cache served).

        A reply that begins to repeat itself word for word ends there, the repeat left out.
        Raises ModelError where memory does not suffice or the model fails.
        """
        with self._lock:
            served = self._reuse(ids)
            cache = self._cache
            self._forget()  # until this call has succeeded: an interrupted one leaves half a cache
            try:
                new = self._continue(ids, cache, max_tokens)
            except RuntimeError as error:  # torch's, out of memory included
                raise ModelError(f"the local model failed: {error}") from error
            self._cache, self._ids = cache, [*ids, *new][: cache.get_seq_length()]
            return new[: len(new) - period(new)], served

    def _continue(self, ids: Sequence[int], cache: DynamicCache, max_tokens: int) -> list[int]:
        prompt = torch.tensor([list(ids)], device=self._device)
        greedy = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=max_tokens,
            do_sample=False,
            eos_token_id=self._stops or None,
            pad_token_id=self._stops[0] if self._stops else 0,
        )

        def looping(output: torch.Tensor, scores: object, **rest: object) -> torch.Tensor:
            return torch.tensor([bool(period(output[0, len(ids) :].tolist()))], device=self._device)

        with torch.inference_mode():
            output = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                past_key_values=cache,
                generation_config=greedy,
                stopping_criteria=StoppingCriteriaList([looping]),
            )
        new: list[int] = output[0, len(ids) :].tolist()
        return new

    def _reuse(self, ids: Sequence[int]) -> int:
        """Cuts the cache to the prefix that it shares with `ids`; one token at least is left to read."""
        common = 0
        for kept, asked in zip(self._ids, ids[:-1], strict=False):
            if kept != asked:
                break
            common += 1
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


def _load(folder: Path, dtype: str) -> Any:
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    except ImportError as error:
        raise MissingError(f"a package is missing to load {folder}: {error}") from error
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"transformers cannot load {folder}: {error}. A damaged folder in the cache may be deleted"
        ) from error


def _stops(config: Any) -> set[int]:
    eos = config.eos_token_id
    return set() if eos is None else {eos} if isinstance(eos, int) else set(eos)
