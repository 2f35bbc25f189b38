"""Tool calls and their results: what is awaited, and what may be said meanwhile. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vctx.errors import InputError
from vctx.types import Page


def awaited(unit: Sequence[Page]) -> dict[str, Page]:
    """The calls of a message whose results are yet to come, by id."""
    done = {page.call for page in unit if page.role == "tool"}
    return {page.call: page for page in unit if page.kind == "tool" and page.call not in done}


def placed(page: Page, awaited: Mapping[str, Page]) -> Page:
    """What is about to be said, in the group to which it belongs.

    Raises InputError for a result that no call awaits, and for what may not stand before one.
    """
    if page.role == "tool" and page.call in awaited:
        call = awaited[page.call]
        return replace(page, group=call.group, author=page.author or call.author)
    if page.role == "tool":
        known = f"the results awaited are of {', '.join(awaited)}" if awaited else "no result is awaited"
        raise InputError(f"no call {page.call!r} awaits its result; {known}")
    complete(awaited)
    return page


def complete(awaited: Mapping[str, Page]) -> None:
    """Raises InputError while a result is awaited."""
    if awaited:
        raise InputError(
            f"the calls {', '.join(awaited)} await their results: append each first, as role 'tool'"
        )
