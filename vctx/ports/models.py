"""The seams to what computes: models, and the tools that they call; tokenizers; embedders."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from vctx.types import Message, Reply, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


class Tokenizer(Protocol):
    """Counts in tokens of the target model. Text is always counted as text, never as special tokens."""

    @property
    def name(self) -> str: ...

    @property
    def alternates(self) -> bool:
        """Whether the chat template demands that user and assistant take turns."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself."""
        ...

    def prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of a whole prompt: chat template and the opening of the reply included."""
        ...


Lesson = tuple[int, ...]
"""What a reply has taught a `Learner`: its own affair, but for the journal, which keeps it."""


@runtime_checkable
class Learner(Tokenizer, Protocol):
    """A tokenizer that estimates, and learns from what replies report: only then do its counts change."""

    @property
    def learnt(self) -> int:
        """How many lessons it has had."""
        ...

    @property
    def overhead(self) -> int:
        """Tokens that a message costs beside its text."""
        ...

    def learn(self, messages: Sequence[Message], tokens: int) -> Lesson:
        """Takes the tokens that an endpoint has counted in a prompt; empty where that teaches nothing."""
        ...

    def resume(self, lessons: Iterable[Lesson]) -> None:
        """Learns once more what it was taught before, in another process."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors of unit length. It is called from several threads, one at a time."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def limit(self) -> int:
        """Tokens of its own that it reads of one text; the rest would be cut."""
        ...

    def spans(self, text: str) -> list[Span]:
        """Consecutive spans that cover `text`, each within `limit`; one span for a short or empty text."""
        ...

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """float32 (n, dim), L2-normalised, in the order of `texts`."""
        ...


class Model(Protocol):
    """A chat model."""

    @property
    def name(self) -> str: ...

    @property
    def window(self) -> int:
        """Tokens of prompt and reply together."""
        ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        """Answers within `max_tokens`; raises ModelError, TooLongError for a prompt that it cannot read.

        The tools that it may call stand in `messages`, as a first message of role "tools".
        """
        ...

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str | Reply]:
        """The reply's text in pieces as they come, and the Reply last: joined, the pieces are its text.

        Raises as `complete` does, CutError where the reply breaks off. To close it ends the call.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tool:
    """What a turn runs by itself when a model calls it. `vctx.tool` makes one of a function."""

    schema: Mapping[str, Any]
    """In OpenAI's form."""
    run: Callable[[str], Any]
    """Takes the arguments as the model wrote them, and returns an Outcome; it does not raise."""
    idempotent: bool = False
    """Whether a call may be made again where a crash lost its outcome."""
    awaits: bool = False
    """Whether what `run` returns is to be awaited."""

    @property
    def name(self) -> str:
        return str(self.schema["function"]["name"])


def whole(reply: Reply) -> Iterator[str | Reply]:
    """The stream of a model that answers at once."""
    if reply.text:
        yield reply.text
    yield reply


def last(pieces: Iterable[str | Reply]) -> Reply:
    """The Reply with which a stream ends."""
    *_, reply = pieces
    assert isinstance(reply, Reply)
    return reply


@runtime_checkable
class AsyncModel(Model, Protocol):
    """A model that need not be called from a thread; any other is, where it is awaited."""

    async def acomplete(self, messages: Sequence[Message], *, max_tokens: int) -> Reply:
        """See `complete`."""
        ...

    def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncIterator[str | Reply]:
        """See `stream`."""
        ...
