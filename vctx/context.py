"""What a user holds: a session and the model that talks in it.

What it remembers, and what stands in the window, is `Memory`'s; what happens in a turn, `vctx.turn`'s.
"""

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from vctx import drive, render, serve, turn
from vctx.drive import AsyncStream, Stream, Watch
from vctx.errors import MissingError
from vctx.exchange import Exchange
from vctx.memory import Memory
from vctx.ports import Model, Tool
from vctx.serve import Item
from vctx.turn import Loop, Turn
from vctx.types import Added, Answer, Hit, Reading, Timer


class Context(Memory):
    """A session that a model chats in. See `Memory` for all else that it does."""

    def __init__(
        self,
        *parts: Any,
        loop: Loop | None = None,
        tools: Sequence[Tool | Mapping[str, Any]] = (),
        kit: Callable[[Exchange, Sequence[Tool]], Sequence[Tool]] = lambda session, tools: tools,
        **options: Any,
    ) -> None:
        """The parts and options of `Memory`; `loop` says how turns go, `kit` adds tools that work on them."""
        self.loop = loop or Loop()
        self._exchange = Exchange(self)
        functions = kit(self._exchange, [tool for tool in tools if isinstance(tool, Tool)])
        schemas = [tool for tool in tools if not isinstance(tool, Tool)]
        super().__init__(*parts, tools=[*functions, *schemas], **options)

    def chat(self, text: str) -> Answer:
        """Pages in what the message needs, sends the window to the model, and keeps both turns.

        Tools that are functions are run, and the model goes on, until it calls none, or a limit is reached
        (`answer.stopped`). Where it calls tools that are only schemas (`answer.reply.calls`), run them,
        `append` each result, and let it go on with `reply`. Raises ModelError; the message is kept then, and
        not kept twice if it is sent again.
        """
        return drive.run(self.turn(text), self._asked())

    def stream(self, text: str, *, watch: Watch | None = None) -> Stream:
        """As `chat`, while the model speaks: iterate for the pieces of its text, then see `.answer`.

            with ctx.stream("Where do I live?") as said:
                for piece in said:
                    print(piece, end="", flush=True)
            said.answer.faults

        A reply is kept once it has ended. Where the stream is closed before, the message stays on disk,
        and no reply does. `watch` hears what the turn is about to do: a `turn.ModelCall`, with the pages
        that the model is given for it, a `turn.ToolRun`.
        """
        return drive.stream(self.turn(text), self._asked(), watch)

    async def achat(self, text: str) -> Answer:
        """As `chat`, to be awaited: neither the model nor the disk holds up asyncio's loop.

        A task that is cancelled leaves the session whole.
        """
        return await drive.arun(self.turn(text), self._asked())

    def astream(self, text: str) -> AsyncStream:
        """As `stream`, to be iterated by `async for`, or `async with`, which closes it early."""
        return AsyncStream(self.turn(text), self._asked())

    def reply(self, hits: Sequence[Hit] = ()) -> Answer:
        """Sends the window to the model as it stands, and goes on as `chat` does. Raises ModelError.

        Takes up a turn that a limit, an error or a crash has ended.
        """
        return drive.run(turn.reply(self._exchange, self.loop, hits), self._asked())

    def tell(self, event: str) -> Answer:
        """Tells the model of something that nobody said, an event of the program's, and lets it act."""
        return drive.run(turn.event(self._exchange, self.loop, event), self._asked())

    async def atell(self, event: str) -> Answer:
        """As `tell`, to be awaited."""
        return await drive.arun(turn.event(self._exchange, self.loop, event), self._asked())

    def serve(self, inbox: "queue.Queue[Item]", *, timers: Sequence[Timer] = ()) -> Iterator[Answer]:
        """Takes turns as things happen: what the user says (a str), a Happening, a timer; until a None.

        A ModelError ends it; what had happened is on disk, and it may be served anew.
        """
        return serve.run(serve.serve(self._exchange, self.loop, timers), self._asked(), inbox)

    def aserve(self, inbox: "asyncio.Queue[Item]", *, timers: Sequence[Timer] = ()) -> AsyncIterator[Answer]:
        """As `serve`, on asyncio's loop: `async for answer in ctx.aserve(inbox)`."""
        return serve.arun(serve.serve(self._exchange, self.loop, timers), self._asked(), inbox)

    def add(self, reading: Reading, **options: Any) -> Added:
        """See `Memory.add`. A model that manages its memory is told of what arrives."""
        added = super().add(reading, **options)
        if added.new and self.loop.heartbeats and not self._window.awaited():
            self._tell(f"a document has arrived in archival memory: {render.escape(added.name)}")
        return added

    def turn(self, text: str) -> Turn:
        """The turn that `chat` drives, for a driver of your own: see `vctx.turn`."""
        return turn.chat(self._exchange, self.loop, text)

    def _asked(self) -> Model:
        if self.model is None:
            raise MissingError("this session has no model: open it with model=..., or send window() yourself")
        return self.model
