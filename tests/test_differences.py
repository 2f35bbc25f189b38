"""What tells one run from another: the settings with both values, never a hash."""

from typing import Any

import pytest

from vctx.eval.differences import differences

ONE: dict[str, Any] = {
    "about": {"data": "locomo10.json", "sha256": "0" * 16, "sample of each case": 20},
    "asked": "a" * 16,
    "questions": 100,
    "systems": {"vctx": {}, "bm25": {}},
    "budgets": [512],
    "weights": "alice.json " + "b" * 16,
    "model": None,
    "judge": {"name": "gpt", "prompt": "Say yes. " * 20},
}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"budgets": [400]}, ["budgets: [512] there, [400] now"]),
        # What follows from a setting is not told beside it.
        (
            {"about": {**ONE["about"], "sample of each case": 30}, "asked": "c" * 16, "questions": 150},
            ["sample of each case: 20 there, 30 now"],
        ),
        ({"asked": "c" * 16}, ["other questions: 100 there, 100 now"]),
        ({"about": {**ONE["about"], "sha256": "1" * 16}}, ["the data has another content"]),
        ({"weights": "alice.json " + "c" * 16}, ["weights: alice.json has another content"]),
        ({"weights": "default"}, ["weights: alice.json there, default now"]),
        ({"model": {"name": "smollm2", "reserve": 64}}, ["model: none there, smollm2 now"]),
        ({"judge": {**ONE["judge"], "name": "opus"}}, ["judge's name: gpt there, opus now"]),
        ({"systems": {"vctx": {}, "bm25": {}, "mem0": {"version": "2"}}}, ["mem0: none there, set now"]),
        ({"model options": {"temperature": 0}}, ["model options: none there, set now"]),
    ],
)
def test_what_differs_is_told(changed: dict[str, Any], told: list[str]) -> None:
    assert differences(ONE, {**ONE, **changed}) == told


def test_a_long_text_is_cut() -> None:
    [line] = differences(ONE, {**ONE, "judge": {"name": "gpt", "prompt": "No."}})
    assert len(line) < 120 and "No. now" in line
