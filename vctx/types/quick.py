"""Frozen dataclasses that are made in half the time: for the nouns that a decision makes by the hundred."""

from dataclasses import MISSING, fields
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Gives a frozen dataclass with slots, and no `__post_init__`, a faster `__init__` of the same signature.

    The generated one calls `object.__setattr__` for each field, which looks up the name each time. Here each
    slot's own descriptor is at hand. Measured: 0.5 instead of 1.1 us for eleven fields (CPython 3.11).
    """
    made: Any = cls
    space: dict[str, Any] = {"MISSING": MISSING}
    parameters, lines = ["self"], []
    for one in fields(made):
        name = one.name
        space[f"set_{name}"] = made.__dict__[name].__set__
        space[f"new_{name}"], space[f"is_{name}"] = one.default_factory, one.default
        fresh = one.default_factory is not MISSING
        given = "=MISSING" if fresh else "" if one.default is MISSING else f"=is_{name}"
        parameters.append(name + given)
        lines.append(f"    set_{name}(self, {f'new_{name}() if {name} is MISSING else ' * fresh}{name})")
    exec("\n".join([f"def __init__({', '.join(parameters)}):", *lines]), space)  # as dataclasses does
    made.__init__ = wraps(made.__init__)(space["__init__"])
    return cls
