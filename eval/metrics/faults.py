"""Faults: the pages that were needed and not in the window."""

from collections.abc import Sequence

import vctx


def faults(references: Sequence[vctx.Hit]) -> int:
    """How many of the pages that recall chose had to be brought in, each once."""
    return len({hit.page for hit in references if not hit.resident})
