"""Who leaves first. A policy ranks frames and does nothing else: the lowest rank leaves first.

Ties are broken by arrival. Size, time and randomness are not a policy's business.
"""

from collections.abc import Mapping

from vctx.errors import InputError
from vctx.ports import Policy
from vctx.types import Frame


def fifo(frame: Frame) -> float:
    """First in, first out: MemGPT's queue (Packer et al. 2023, arXiv:2310.08560)."""
    return frame.arrived


def lru(frame: Frame) -> float:
    """Least recently used: by the tick of the last reference."""
    return frame.referenced


POLICIES: Mapping[str, Policy] = {"fifo": fifo, "lru": lru}


def named(name: str) -> Policy:
    """The policy of that name; InputError names those there are."""
    if name not in POLICIES:
        raise InputError(f"no policy is called {name!r}; there are: {', '.join(sorted(POLICIES))}")
    return POLICIES[name]
