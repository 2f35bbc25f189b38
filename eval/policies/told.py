"""`priced`, but told when each page is next referenced: what a perfect forecast of use would save it.

Not the optimum: it decides when a flush is due and by the same arithmetic, only its forecast is right.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from vctx.eval.policies.trace import Referred, Sent, Trace
from vctx.policies.priced import Priced

NEVER = 1e6
"""Calls until a page is referenced that never is again."""


class Told(Priced):
    """Instead of expecting a page's next use, looks it up."""

    name = "priced, told"

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._asked = asked(trace)

    def gaps(self, pages: Sequence[int]) -> list[float]:
        return list(map(self.gap, pages))

    def gap(self, page: int) -> float:
        """Calls until a page is next used."""
        calls = self._asked.get(page, ())
        later = bisect_right(calls, self._calls)
        return calls[later] - self._calls if later < len(calls) else NEVER


def asked(trace: Trace) -> Mapping[int, Sequence[int]]:
    """The calls, from 0, for which each page was referenced."""
    found: dict[int, list[int]] = {}
    call = 0
    for event in trace.events:
        if isinstance(event, Sent):
            call += 1
        elif isinstance(event, Referred):
            for hit in event.hits:
                found.setdefault(hit.page, []).append(call)
    return found
