"""Turns as things happen: messages, events, documents and timers, by the clock that is passed in."""

import asyncio
import queue
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import make
from test_agent import memgpt, said

from vctx.errors import ModelError
from vctx.fakes import ScriptedModel
from vctx.serve import Wait
from vctx.serve import serve as turns
from vctx.turn import Loop
from vctx.types import Happening, Reading, Timer

START = datetime(2026, 1, 1, tzinfo=UTC)


def echo() -> ScriptedModel:
    return ScriptedModel(lambda messages: f"Heard: {messages[-1].content}")


def test_what_is_said_and_what_happens_is_served_in_order(tmp_path: Path) -> None:
    inbox: queue.Queue[str | Happening | None] = queue.Queue()
    for item in ("Hello.", Happening("the bell rings"), None, "never heard"):
        inbox.put(item)
    with make(tmp_path / "s.db", model=echo()) as ctx:
        answers = [answer.text for answer in ctx.serve(inbox)]
    assert answers == ["Heard: Hello.", "Heard: [memory: the bell rings]"]


def test_awaited_it_is_the_same_and_a_timer_fires_meanwhile(tmp_path: Path) -> None:
    async def talk() -> list[str]:
        inbox: asyncio.Queue[str | Happening | None] = asyncio.Queue()
        await inbox.put("Hello.")
        heard: list[str] = []
        timers = [Timer(timedelta(milliseconds=30), "time to stretch")]
        async for answer in ctx.aserve(inbox, timers=timers):
            heard.append(answer.text)
            if len(heard) == 2:
                await inbox.put(None)
        return heard

    with make(tmp_path / "s.db", model=echo(), clock=lambda: datetime.now(UTC)) as ctx:
        assert asyncio.run(talk())[:2] == ["Heard: Hello.", "Heard: [memory: time to stretch]"]


def test_timers_go_by_the_sessions_clock(tmp_path: Path) -> None:
    now = [START]
    timer = Timer(timedelta(minutes=5), "look at the oven")
    with make(tmp_path / "s.db", model=echo(), clock=lambda: now[0]) as ctx:
        steps = turns(ctx._exchange, Loop(), [timer])
        assert next(steps) == Wait(300.0)
        now[0] += timedelta(minutes=2)
        assert steps.send([]) == Wait(180.0)
        now[0] += timedelta(minutes=3)
        assert not isinstance(steps.send([]), Wait)
        assert steps.send([]) == Wait(300.0)
        steps.close()


def test_a_model_that_fails_ends_it_and_loses_nothing(tmp_path: Path) -> None:
    inbox: queue.Queue[str | Happening | None] = queue.Queue()
    inbox.put("Hello.")
    with make(tmp_path / "s.db", model=ScriptedModel([])) as ctx:
        with pytest.raises(ModelError):
            list(ctx.serve(inbox))
        assert [page.text for page in ctx.history()] == ["Hello."]


def test_a_document_that_arrives_is_told_to_a_model_that_manages_its_memory(tmp_path: Path) -> None:
    with memgpt(tmp_path / "s.db", lambda messages: said(messages[-2].content)) as ctx:
        for _ in range(2):  # the second time it is there already
            ctx.add(Reading("guide [page 1].txt", "The oven takes an hour to warm."))
        assert ctx.chat("What is new?").text.startswith("[memory: a document has arrived in archival memory")
        assert len([page for page in ctx.history() if page.origin == "vctx"]) == 1
        assert "\\[page 1]" in ctx.history()[0].text
    with make(tmp_path / "t.db") as ctx:
        ctx.add(Reading("guide.txt", "The oven takes an hour to warm."))
        assert ctx.history() == []
