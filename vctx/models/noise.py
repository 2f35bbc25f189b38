"""What other libraries log that no user of a local model can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import ERROR, getLogger

NOISY = ("torchao", "torch.utils._pytree")
"""Where torchao is installed, transformers imports it, and both warn of parts that no local model uses."""


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing below an error is logged by what is noisy."""
    loggers = [getLogger(name) for name in NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
