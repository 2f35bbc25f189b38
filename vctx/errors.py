"""Every error that vctx raises on purpose. Each message says whose fault it is and what to do next.

VctxError
├── InputError          the caller's: a bad argument, file or document
├── BudgetError         the caller's: what must stand in the window does not fit; both figures named
├── MissingError        the machine's: a package, model or file that is not installed
├── ModelError          the model's: unreachable, refused, or answered nonsense
└── DiskError           the disk's: unreadable, locked, full, or made by another version
    └── MismatchError   the session was made with another embedder
"""


class VctxError(Exception):
    """Root of the tree."""


class InputError(VctxError, ValueError):
    """An argument, file or document that cannot be used."""


class BudgetError(VctxError):
    """What must stand in the window exceeds the room."""


class MissingError(VctxError):
    """A package, model or file is not installed."""


class ModelError(VctxError):
    """A model call failed."""


class DiskError(VctxError):
    """The session's file cannot be read or written."""


class MismatchError(DiskError):
    """The session's vectors come from another embedder."""
