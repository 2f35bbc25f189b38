"""Virtual memory for language models: the context window as RAM, SQLite and FAISS as disk.

    import vctx

    with vctx.open("chat.db", window=4096) as ctx:
        ctx.append("user", "I moved to Lyon in March.")
        ctx.recall("where does the user live?")
        messages = ctx.window()

Importing this loads nothing; a name is looked up when it is first used, and opening a session loads what it
needs.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vctx.boot import disk, open, open_store, read, reading, reembed, tokenizer, tool, walk
    from vctx.context import Context
    from vctx.drive import AsyncStream, Stream
    from vctx.errors import (
        BudgetError,
        CutError,
        DiskError,
        InputError,
        MismatchError,
        MissingError,
        ModelError,
        TooLongError,
        UnreadableError,
        VctxError,
    )
    from vctx.ports import AsyncModel, Embedder, Learner, Model, Progress, Tokenizer, Tool
    from vctx.store import Store
    from vctx.turn import ModelCall, Say, ToolRun
    from vctx.types import (
        Added,
        Answer,
        Block,
        Branch,
        Budget,
        Call,
        Change,
        Document,
        Entry,
        Event,
        Found,
        Frame,
        Happening,
        Heading,
        Hit,
        Limits,
        Match,
        Message,
        Outcome,
        Page,
        Plan,
        Quote,
        Reading,
        Region,
        Reply,
        SessionInfo,
        Skipped,
        Source,
        Speaker,
        Stats,
        Thrash,
        Timer,
        ToolCall,
        Turn,
        Usage,
    )
    from vctx.weights import Weights

__version__ = "0.1.0"

__all__ = [
    "Added",
    "Answer",
    "AsyncModel",
    "AsyncStream",
    "Block",
    "Branch",
    "Budget",
    "BudgetError",
    "Call",
    "Change",
    "Context",
    "CutError",
    "DiskError",
    "Document",
    "Embedder",
    "Entry",
    "Event",
    "Found",
    "Frame",
    "Happening",
    "Heading",
    "Hit",
    "InputError",
    "Learner",
    "Limits",
    "Match",
    "Message",
    "MismatchError",
    "MissingError",
    "Model",
    "ModelCall",
    "ModelError",
    "Outcome",
    "Page",
    "Plan",
    "Progress",
    "Quote",
    "Reading",
    "Region",
    "Reply",
    "Say",
    "SessionInfo",
    "Skipped",
    "Source",
    "Speaker",
    "Stats",
    "Store",
    "Stream",
    "Thrash",
    "Timer",
    "Tokenizer",
    "TooLongError",
    "Tool",
    "ToolCall",
    "ToolRun",
    "Turn",
    "UnreadableError",
    "Usage",
    "VctxError",
    "Weights",
    "disk",
    "open",
    "open_store",
    "read",
    "reading",
    "reembed",
    "tokenizer",
    "tool",
    "walk",
]

_HOMES = ("types", "errors", "ports", "weights", "boot", "turn", "drive", "store", "context")
"""Where the public names are, in the order in which they are looked for: what costs little comes first."""


if not TYPE_CHECKING:  # a type checker reads the imports above, and knows what is not there

    def __getattr__(name: str) -> Any:
        if name in __all__:
            for home in _HOMES:
                found = getattr(import_module(f"vctx.{home}"), name, None)
                if found is not None:
                    return found
        if not name.startswith("_") and find_spec(f"vctx.{name}"):
            return import_module(f"vctx.{name}")
        raise AttributeError(f"module 'vctx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
