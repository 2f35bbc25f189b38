"""Virtual memory for language models: the context window as RAM, SQLite and FAISS as disk.

    import vctx

    with vctx.open("chat.db", window=4096) as ctx:
        ctx.append("user", "I moved to Lyon in March.")
        ctx.recall("where does the user live?")
        messages = ctx.window()

Importing this loads no torch, transformers, faiss or openai; opening a session loads what it needs.
"""

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
