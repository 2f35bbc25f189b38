"""Shared parts: a clock that ticks by itself, and contexts on a real disk with fakes for the models."""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["XDG_CONFIG_HOME"] = "/nobody's"  # no test depends on the settings of who runs it

from servers import served  # noqa: F401 - a fixture

from vctx.context import Context
from vctx.fakes import HashingEmbedder, ScriptedModel, WordTokenizer
from vctx.ports import Clock, Tokenizer
from vctx.storage import SqliteDisk
from vctx.types import Budget, Message, Reply

pytest_plugins = ["sandbox"]
"""It takes `make` from here, so it comes after."""

for name, examples in (("default", 30), ("thorough", 2000)):
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def ticking() -> Clock:
    """A clock that begins in 2026 and advances a minute at each look."""
    minutes = iter(range(10**9))
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=next(minutes))


def make(
    path: Path,
    *,
    window: int = 400,
    reserve: int = 40,
    fault: float = 0.4,
    alternates: bool = False,
    tokenizer: Tokenizer | None = None,
    embedder: HashingEmbedder | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> Context:
    """A context with word tokens and hashed vectors; the disk is real."""
    return Context(
        SqliteDisk(path),
        embedder or HashingEmbedder(),
        tokenizer or WordTokenizer(alternates=alternates),
        Budget(window, reserve, fault=fault),
        clock=clock or ticking(),
        **more,
    )


def counted(messages: Sequence[Message]) -> str:
    """What a scripted model may reply."""
    return f"I saw {len(messages)} messages."


@pytest.fixture
def db(tmp_path: Path) -> str:
    """Where a session may be made."""
    return str(tmp_path / "s.db")


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[Context]:
    with make(tmp_path / "s.db") as context:
        yield context


class Networked(ScriptedModel):
    """A scripted model that is asked over the network: it need not be called from a thread."""

    async def acomplete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        return self.complete(messages, max_tokens=max_tokens)

    async def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncIterator[str | Reply]:
        yield self.complete(messages, max_tokens=max_tokens)
