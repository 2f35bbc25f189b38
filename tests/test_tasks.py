"""The tasks that are made or brought along: needles, and questions of one's own with all that may be bad."""

import json
from pathlib import Path
from typing import Any

import pytest

import vctx
from vctx.eval import jsonl, needle
from vctx.eval.measure import Setting, measure
from vctx.fakes import HashingEmbedder
from vctx.ports import silent

COUNTS = vctx.tokenizer("bytes")


def test_needles_stand_where_they_should() -> None:
    task = needle.task(needle.Recipe(lengths=(4000, 12000), depths=3, questions=2), COUNTS)
    assert [case.name for case in task.cases] == [f"{n}-{d}" for n in (4000, 12000) for d in (0.0, 0.5, 1.0)]
    for case in task.cases:
        text = {reading.name: reading.text for reading in case.readings}
        whole = "".join(text.values())
        for ask in case.asks:
            [gold] = ask.gold
            document, _, at = gold.rpartition("@")
            said = text[document][int(at) :]
            assert said.startswith("One of the special magic numbers") and ask.answers[0] in said[:80]
            assert abs(whole.index(said[:80]) / len(whole) - ask.axes["depth"]) < 0.1
        assert 0.5 < len(whole) / case.asks[0].axes["length"] < 2


def test_headings_move_with_a_needle() -> None:
    task = needle.task(needle.Recipe(lengths=(3000,), depths=2, distractors=5), COUNTS)
    for reading in task.cases[0].readings:
        for heading in reading.headings:
            title = heading.title.partition(": ")[2]
            assert reading.text[heading.start :].lstrip().startswith(title)


def test_many_needles_are_one_question() -> None:
    task = needle.task(needle.Recipe(lengths=(3000,), depths=2, needles=3, questions=1), COUNTS)
    [ask] = task.cases[0].asks
    assert len(ask.gold) == 3 and ask.text.startswith("What are all")
    run = measure(task, Setting(HashingEmbedder(), "bytes", (1500,)), silent)
    found = {
        (line.system, line.axes["depth"]): line.scores["recall@1500"]
        for line in run.lines
        if "recall@1500" in line.scores
    }
    assert found["oracle", 0.0] == 1 and found["vctx", 0.0] == 1


@pytest.mark.parametrize("bad", [{"questions": 0}, {"questions": 13}, {"depths": 0}, {"needles": 0}])
def test_needles_that_cannot_be_made(bad: dict[str, int]) -> None:
    with pytest.raises(vctx.InputError, match="1 to 12 questions"):
        needle.task(needle.Recipe(**bad), COUNTS)  # type: ignore[arg-type]


def case(**changes: Any) -> dict[str, Any]:
    return {
        "id": "trip",
        "history": [
            {
                "id": "m1",
                "text": "We fly to Lisbon.",
                "author": "Ana",
                "at": "2026-03-02T10:00",
                "section": "May",
            },
            {"text": "When?", "role": "assistant"},
        ],
        "documents": [{"name": "guide", "text": "The tram stops here. The library opens at nine."}],
        "questions": [
            {"question": "Where do we fly?", "gold": ["m1"], "answers": ["Lisbon"], "category": "where"},
            {"question": "When does it open?", "gold": [{"document": "guide", "quote": "opens at nine"}]},
        ],
    } | changes


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_questions_of_ones_own(tmp_path: Path) -> None:
    single = {"history": [{"text": "The cake has eggs."}], "question": "What has eggs?", "gold": ["0"]}
    task = jsonl.load(write(tmp_path / "mine.jsonl", case(), "", single))
    assert [case.name for case in task.cases] == ["trip", "line-3"]
    first = task.cases[0]
    assert first.said[0].at is not None and first.said[0].at.tzinfo is not None
    assert first.asks[1].gold == {"guide@33"}
    run = measure(task, Setting(HashingEmbedder(), "bytes", (400,)), silent)
    ours = {line.id: line.scores["recall@400"] for line in run.lines if line.system == "vctx"}
    assert ours == {"trip/0": 1.0, "trip/1": 1.0, "line-3/0": 1.0}
    assert {line.category for line in run.lines} == {"where", "all"}


BAD = [
    ("{", "not JSON"),
    ("[]", "not an object"),
    (case(history=[], documents=[]), "history: empty"),
    (case(history=[{"id": "m1"}]), r"history\[0\].text: missing"),
    (case(history=["x"]), r"history\[0\]: an object, not str"),
    (case(history="x"), "history: a list, not str"),
    (case(history=[{"text": 3}]), r"history\[0\].text: a string, not int"),
    (case(history=[{"text": "x", "role": "king"}]), r"history\[0\].role: user or assistant"),
    (case(history=[{"text": "x", "at": "soon"}]), r"history\[0\].at: .*2026-03-02T10:00"),
    (case(history=[{"id": "m", "text": "x"}, {"id": "m", "text": "y"}]), "two messages are called 'm'"),
    (case(documents=[{"name": "guide", "text": " "}]), r"documents\[0\].text: empty"),
    (case(questions=[{"gold": ["m1"]}]), r"questions\[0\].question: missing"),
    (case(questions=[{"question": "x"}]), r"questions\[0\].gold: missing"),
    (case(questions=[{"question": "x", "gold": []}]), r"questions\[0\].gold: empty"),
    (
        case(questions=[{"question": "x", "gold": ["m9"]}]),
        r"questions\[0\].gold\[0\]: no message is called 'm9'",
    ),
    (
        case(questions=[{"question": "x", "gold": [{"document": "map", "quote": "zebra"}]}]),
        "no document is called 'map'",
    ),
    (
        case(questions=[{"question": "x", "gold": [{"document": "guide", "quote": "zebra"}]}]),
        "'guide' does not say 'zebra'",
    ),
    (case(questions=[{"question": "x", "gold": ["m1"], "answers": [3]}]), r"answers\[0\]: a string, not int"),
    (case(questions=["x"]), r"questions\[0\]: an object, not str"),
    ({"history": [{"text": "x"}]}, "question: missing|gold: missing"),
]


@pytest.mark.parametrize(("line", "told"), BAD, ids=[told for _, told in BAD])
def test_a_bad_line_is_told_by_its_field(tmp_path: Path, line: object, told: str) -> None:
    file = write(tmp_path / "mine.jsonl", case(id="good"), line)
    with pytest.raises(vctx.InputError, match=rf"mine\.jsonl, line 2: .*(?:{told})"):
        jsonl.load(file)
    said: list[str] = []
    task = jsonl.load(file, said.append)
    assert [case.name for case in task.cases] == ["good"] and len(said) == 1


def test_a_case_that_stands_twice(tmp_path: Path) -> None:
    with pytest.raises(vctx.InputError, match="line 2: id: another line is called 'trip'"):
        jsonl.load(write(tmp_path / "mine.jsonl", case(), case()))


def test_a_line_of_a_hundred_megabytes(tmp_path: Path) -> None:
    """Its field is named with its length; what stands behind it is taken, where that is asked for."""
    file = tmp_path / "mine.jsonl"
    huge = (
        '{"id": "huge", "history": [{"text": "' + "x" * 100_000_000 + '"}], "question": "x", "gold": ["0"]}'
    )
    write(file, huge, case())
    said: list[str] = []
    assert [case.name for case in jsonl.load(file, said.append).cases] == ["trip"]
    [told] = said
    assert told.startswith(
        "mine.jsonl, line 1: history[0].text: 100,000,000 characters; at most 4,000,000 are"
    )


def test_a_line_beyond_all_bounds_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "LINE", 1500)
    said: list[str] = []
    assert len(jsonl.load(write(tmp_path / "m.jsonl", "x" * 5000, case()), said.append).cases) == 1
    assert said == ["m.jsonl, line 1: longer than 1,500 bytes"]


def test_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(vctx.InputError, match="holds no case"):
        jsonl.load(write(tmp_path / "m.jsonl", ""))
    with pytest.raises(vctx.InputError, match="cannot read"):
        jsonl.load(tmp_path / "none.jsonl")
