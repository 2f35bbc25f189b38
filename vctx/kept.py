"""What was made of a page, for as long as somebody holds that page: what is forgotten leaves with it."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar
from weakref import ref

from vctx.types import Page

T = TypeVar("T")


class Kept(Generic[T]):
    """`make` of a page, made once. Pages never change."""

    def __init__(self, make: Callable[[Page], T]) -> None:
        self._make = make
        self._made: dict[int, tuple[Any, T]] = {}

    def __call__(self, page: Page) -> T:
        found = self._made.get(id(page))
        return self._new(page) if found is None else found[1]

    def all(self, pages: Iterable[Page]) -> list[T]:
        """Of each page."""
        made = self._made.get
        return [found[1] if (found := made(id(page))) else self._new(page) for page in pages]

    def _new(self, page: Page) -> T:
        key, made = id(page), self._made
        value = self._make(page)
        # The number is free for another page only after this has run.
        made[key] = ref(page, lambda _: made.pop(key, None)), value
        return value

    def __len__(self) -> int:
        return len(self._made)
