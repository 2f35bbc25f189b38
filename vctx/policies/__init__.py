"""Who leaves the window first: one small file a family, and the names by which they are known.

A flush evicts in bulk, from the high mark to the low one, where the textbooks evict one page at a time. Each
policy gives one order of leaving, and the flush takes it from the front: the pages that the textbook's rule
would evict one after another, if nothing were referenced in between. Where a rule balances two queues by a
number of pages (2q, arc), ours balances them by shares of the tokens that stay, so that the window keeps the
balance at the low mark, too.

A page is referenced when recall selects it for a request, resident or not. To be said is no reference.
"""

from collections.abc import Callable, Mapping

from vctx.errors import InputError
from vctx.policies.adaptive import Arc, TwoQ
from vctx.policies.counts import Gdsf, Lfu, LruK
from vctx.policies.priced import Priced
from vctx.policies.queues import Clock, Fifo, Lru, WorkingSet
from vctx.ports import Policy

POLICIES: Mapping[str, Callable[[], Policy]] = {
    policy.name: policy for policy in (Fifo, Lru, Clock, Lfu, LruK, TwoQ, Arc, Gdsf, WorkingSet, Priced)
}
"""What makes each policy, with an empty memory."""


def named(name: str) -> Policy:
    """A policy with an empty memory; InputError names those there are."""
    if name not in POLICIES:
        raise InputError(f"no policy is called {name!r}; there are: {', '.join(sorted(POLICIES))}")
    return POLICIES[name]()
