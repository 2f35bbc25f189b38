"""Virtual memory for language models: the context window as RAM, SQLite and FAISS as disk.

    import vctx

    with vctx.open("chat.db", window=4096) as ctx:
        ctx.append("user", "I moved to Lyon in March.")
        ctx.recall("where does the user live?")
        messages = ctx.window()

Importing this loads no torch, transformers, faiss or openai; opening a session loads what it needs.
"""

from vctx.boot import disk, open, open_store, read, reembed, tokenizer
from vctx.context import Context
from vctx.errors import (
    BudgetError,
    CutError,
    DiskError,
    InputError,
    MismatchError,
    MissingError,
    ModelError,
    TooLongError,
    VctxError,
)
from vctx.ports import AsyncModel, Embedder, Learner, Model, Progress, Tokenizer
from vctx.store import Store
from vctx.types import (
    Added,
    Answer,
    Branch,
    Budget,
    Change,
    Document,
    Entry,
    Event,
    Found,
    Frame,
    Heading,
    Hit,
    Match,
    Message,
    Page,
    Plan,
    Quote,
    Reading,
    Region,
    Reply,
    SessionInfo,
    Source,
    Speaker,
    Stats,
    ToolCall,
    Turn,
)
from vctx.weights import Weights

__version__ = "0.1.0"

__all__ = [
    "Added",
    "Answer",
    "AsyncModel",
    "Branch",
    "Budget",
    "BudgetError",
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
    "Match",
    "Message",
    "MismatchError",
    "MissingError",
    "Model",
    "ModelError",
    "Page",
    "Plan",
    "Progress",
    "Quote",
    "Reading",
    "Region",
    "Reply",
    "SessionInfo",
    "Source",
    "Speaker",
    "Stats",
    "Store",
    "Tokenizer",
    "TooLongError",
    "ToolCall",
    "Turn",
    "VctxError",
    "Weights",
    "disk",
    "open",
    "open_store",
    "read",
    "reembed",
    "tokenizer",
]
