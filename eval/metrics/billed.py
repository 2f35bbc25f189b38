"""Tokens billed for a reply: the prompt's, those that a cache served, and the reply's own."""

import vctx


def billed(reply: vctx.Reply) -> dict[str, int]:
    """By what each costs: fresh, cached, written. What the model did not report is left out."""
    found: dict[str, int] = {}
    if reply.prompt_tokens is not None:
        found["fresh"] = reply.prompt_tokens - (reply.cached_tokens or 0)
        found["cached"] = reply.cached_tokens or 0
    if reply.completion_tokens is not None:
        found["written"] = reply.completion_tokens
    return found
