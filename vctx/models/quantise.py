"""Weights in fewer bits, made when they are loaded: by torchao, or by any configuration of transformers."""

from typing import Any

from vctx.errors import InputError, MissingError

NAMES = {"int8": "Int8WeightOnlyConfig", "int8-dynamic": "Int8DynamicActivationInt8WeightConfig"}
"""torchao's, by ours: the weights alone; or activations too, which on a CPU reads prompts faster and decodes
slower, and whose rounding depends on what was read at once: with a cached prefix a reply may differ."""


def config(quantisation: Any) -> Any:
    """What transformers is given: its own configuration as it is, or one by name. Raises MissingError."""
    if not isinstance(quantisation, str):
        return quantisation
    if quantisation not in NAMES:
        raise InputError(f"no quantisation is called {quantisation!r}; there are: {', '.join(NAMES)}")
    try:
        from torchao import quantization  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise MissingError("torchao, which quantises, is missing: pip install 'vctx[quantised]'") from error
    from transformers import TorchAoConfig  # noqa: PLC0415

    return TorchAoConfig(getattr(quantization, NAMES[quantisation])())
