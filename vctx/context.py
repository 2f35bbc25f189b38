"""What a user holds: a session and the model that talks in it.

What it remembers, and what stands in the window, is `Memory`'s; what happens in a turn, `vctx.turn`'s.
"""

from collections.abc import Sequence

from vctx import drive, turn
from vctx.drive import AsyncStream, Stream
from vctx.errors import MissingError
from vctx.memory import Memory
from vctx.ports import Model
from vctx.types import Answer, Hit


class Context(Memory):
    """A session that a model chats in. See `Memory` for all else that it does."""

    def chat(self, text: str) -> Answer:
        """Pages in what the message needs, sends the window to the model, and keeps both turns.

        Where the model calls tools (`answer.reply.calls`), run them, `append` each result, and let it go on
        with `reply`. Raises ModelError; the message is kept then, and not kept twice if it is sent again.
        """
        model = self._asked()
        return drive.run(turn.chat(self, text), model)

    def stream(self, text: str) -> Stream:
        """As `chat`, while the model speaks: iterate for the pieces of its text, then see `.answer`.

            with ctx.stream("Where do I live?") as said:
                for piece in said:
                    print(piece, end="", flush=True)
            said.answer.faults

        The reply is kept once it has ended. Where the stream is closed before, the message stays on disk,
        and no reply does.
        """
        model = self._asked()
        return drive.stream(turn.chat(self, text), model)

    async def achat(self, text: str) -> Answer:
        """As `chat`, to be awaited: neither the model nor the disk holds up asyncio's loop.

        A task that is cancelled leaves the session whole.
        """
        model = self._asked()
        return await drive.arun(turn.chat(self, text), model)

    def astream(self, text: str) -> AsyncStream:
        """As `stream`, to be iterated by `async for`, or `async with`, which closes it early."""
        model = self._asked()
        return AsyncStream(turn.chat(self, text), model)

    def reply(self, hits: Sequence[Hit] = ()) -> Answer:
        """Sends the window to the model as it stands, and keeps what it says. Raises ModelError."""
        model = self._asked()
        return drive.run(turn.reply(self, hits), model)

    def _asked(self) -> Model:
        if self.model is None:
            raise MissingError("this session has no model: open it with model=..., or send window() yourself")
        return self.model
