"""Every error that vctx raises on purpose. Each message says whose fault it is and what to do next.

VctxError
├── InputError          the caller's: a bad argument, file or document
│   └── UnreadableError     a file that holds no text, or none that vctx reads
├── BudgetError         the caller's: what must stand in the window does not fit; both figures named
├── MissingError        the machine's: a package, model or file that is not installed
├── ModelError          the model's: unreachable, refused, or answered nonsense
│   ├── TooLongError    the prompt is longer than it reads; its figures, where it gave any
│   └── CutError        the reply broke off; what had come of it
└── DiskError           the disk's: unreadable, locked, full, or made by another version
    └── MismatchError   the session was made with another embedder
"""


class VctxError(Exception):
    """Root of the tree."""


class InputError(VctxError, ValueError):
    """An argument, file or document that cannot be used."""


class UnreadableError(InputError):
    """A file that holds no text, or none that vctx reads; `kind` is what it is instead."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class BudgetError(VctxError):
    """What must stand in the window exceeds the room."""


class MissingError(VctxError):
    """A package, model or file is not installed."""


class ModelError(VctxError):
    """A model call failed."""


class TooLongError(ModelError):
    """The model refused a prompt as too long.

    `tokens` is what it counted in the prompt, `limit` what prompt and reply may take together; None where
    it did not say.
    """

    def __init__(self, message: str, tokens: int | None = None, limit: int | None = None) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.limit = limit


class CutError(ModelError):
    """A reply broke off. `text` is what had come of it."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class DiskError(VctxError):
    """The session's file cannot be read or written."""


class MismatchError(DiskError):
    """The session's vectors come from another embedder."""


def line(text: str) -> str:
    """What somebody else said, as a part of a message: its beginning, in one line."""
    return " ".join(text.split())[:200]
