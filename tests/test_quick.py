"""A noun that is made quickly is the noun that it was."""

import inspect
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from vctx.types import Frame, Hit
from vctx.types.quick import quick


@dataclass(frozen=True, slots=True)
class Plain:
    page: int
    tokens: int = 3
    signals: Mapping[str, float] = field(default_factory=dict)


@quick
@dataclass(frozen=True, slots=True)
class Made:
    page: int
    tokens: int = 3
    signals: Mapping[str, float] = field(default_factory=dict)


@pytest.mark.parametrize(
    "given", [{}, {"tokens": 4}, {"signals": {"time": 1.0}}, {"tokens": 0, "signals": {}}]
)
def test_it_holds_what_it_was_given_and_the_defaults(given: dict[str, object]) -> None:
    plain, made = Plain(1, **given), Made(1, **given)  # type: ignore[arg-type]
    assert repr(made) == repr(plain).replace("Plain", "Made")
    assert made == Made(1, **given) and made != Made(2, **given)  # type: ignore[arg-type]


def test_each_has_a_default_of_its_own() -> None:
    assert Made(1).signals is not Made(1).signals


def test_it_has_the_signature_of_the_dataclass() -> None:
    assert inspect.signature(Made) == inspect.signature(Plain)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'page'"):
        Made()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'pages'"):
        Made(1, pages=2)  # type: ignore[call-arg]


def test_it_is_frozen_and_is_copied_as_any() -> None:
    frame, hit = Frame(1, 20, 3, 4), Hit(1, signals={"time": 1.0}, tokens=20)
    with pytest.raises(FrozenInstanceError):
        frame.page = 2  # type: ignore[misc]
    assert replace(hit, resident=True) == Hit(1, signals={"time": 1.0}, tokens=20, resident=True)
    assert pickle.loads(pickle.dumps((frame, hit))) == (frame, hit)


def test_a_frame_that_was_touched_differs_in_nothing_else() -> None:
    frame = Frame(**{one.name: n for n, one in enumerate(fields(Frame), 1)})  # type: ignore[arg-type]
    assert frame.touched(60, 2) == replace(frame, referenced=60, references=frame.references + 2)
