"""The harness: the same lines for the same run, resumed or not; systems; answers; gold that is put right."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import vctx
from vctx.eval import chats, needle, shaped
from vctx.eval.answer import INSTRUCTION
from vctx.eval.case import Ask, Case, Said, Task
from vctx.eval.log import LINES, Log, read
from vctx.eval.measure import Setting, config, measure, under_test
from vctx.eval.story import Recipe
from vctx.eval.summary import figure
from vctx.eval.systems import foreign, plain
from vctx.eval.systems.foreign import ADAPTERS
from vctx.fakes import HashingEmbedder, ScriptedModel
from vctx.ports import silent
from vctx.weights import Weights, dump

SETTING = Setting(HashingEmbedder(), "bytes", (400, 2000))


def small(conversations: int = 2, questions: int = 3) -> Task:
    return shaped.sampled(chats.task(range(conversations), Recipe(sessions=3)), questions)


def one(answers: tuple[str, ...] = ("Lyon",)) -> Task:
    said = (
        Said("a", "I moved to Lyon in March.", author="Ana", section="1"),
        Said("b", "How lovely, is it far from here?", "assistant", author="Bo", section="1"),
        Said("c", "The cake needs four eggs.", author="Ana", section="2"),
    )
    ask = Ask("q", "Where did Ana move in March?", "where", frozenset({"a"}), answers)
    return Task("one", (Case("talk", (ask,), said, {"1": "8 May", "2": "9 May"}),), (60,), {})


def test_two_runs_write_the_same_lines(tmp_path: Path) -> None:
    windows = replace(SETTING, windows=(512,))
    for name in ("a", "b"):
        measure(small(), replace(windows, out=tmp_path / name), silent)
    lines = (tmp_path / "a" / LINES).read_bytes()
    assert lines == (tmp_path / "b" / LINES).read_bytes()
    assert lines.count(b"\n") == 6 * (2 + len(plain.NAMES))


@pytest.mark.parametrize("torn", [1, 40])
def test_a_run_that_was_killed_goes_on_to_the_same_lines(tmp_path: Path, torn: int) -> None:
    measure(small(), replace(SETTING, out=tmp_path / "whole"), silent)
    lines = (tmp_path / "whole" / LINES).read_bytes()
    measure(small(), replace(SETTING, out=tmp_path / "cut"), silent)
    half = lines.index(b"\n", len(lines) // 2) + 1
    (tmp_path / "cut" / LINES).write_bytes(lines[: half + torn])
    run = measure(small(), replace(SETTING, out=tmp_path / "cut"), silent)
    assert (tmp_path / "cut" / LINES).read_bytes() == lines
    assert read(tmp_path / "cut").lines == run.lines


def test_a_run_is_not_mixed_with_another(tmp_path: Path) -> None:
    measure(one(), replace(SETTING, out=tmp_path), silent)
    with pytest.raises(vctx.InputError, match=r"budgets: \[400, 2000\] there, \[400\] now"):
        measure(one(), replace(SETTING, budgets=(400,), out=tmp_path), silent)
    with pytest.raises(vctx.InputError, match="holds no run"):
        read(tmp_path / "none")


def test_a_finished_run_is_not_asked_again(tmp_path: Path) -> None:
    measure(one(), replace(SETTING, out=tmp_path), silent)
    log = Log(config(one(), SETTING, under_test(SETTING)), tmp_path)
    assert len(log.lines) == 1 + len(plain.NAMES)


def test_evidence_that_nothing_is_called_by() -> None:
    [case] = one().cases
    bad = replace(case, asks=(replace(case.asks[0], gold=frozenset({"z"})),))
    with pytest.raises(vctx.InputError, match="question q: no piece of talk is called 'z'"):
        measure(replace(one(), cases=(bad,)), SETTING, silent)


def test_baselines() -> None:
    """2 is second by both: 2/62; 3 is first by words only: 1/61; 1 by meaning only: 1/61. 4 was chased."""
    hits = [
        vctx.Hit(4, via="x-41"),
        vctx.Hit(1, dense=0.9),
        vctx.Hit(2, dense=0.5, lexical=3.0),
        vctx.Hit(3, lexical=5.0),
    ]
    assert plain.dense(hits) == [1, 2] and plain.bm25(hits) == [3, 2]
    assert plain.fusion(hits) == [2, 1, 3]


def test_what_looks_at_nothing() -> None:
    run = measure(one(), replace(SETTING, budgets=(40, 100)), silent)
    found = {line.system: line.scores for line in run.lines}
    # In bytes, with an end of line: a 31, b 37, c 31, headers 6 each. Only c fits into 40, from the end; all
    # of it is 111, too much for 100.
    assert found["last"]["recall@40"] == 0 and found["oracle"]["recall@40"] == 1
    assert found["oracle"]["tokens@40"] == 37
    assert found["full"]["needs"] == 111 and "recall@100" not in found["full"]


def test_the_window_is_what_stands_there_once_a_question_was_asked() -> None:
    run = measure(one(), replace(SETTING, windows=(512,)), silent)
    [line] = [line for line in run.lines if line.system == "vctx window 512"]
    # The window holds all of it, so that nothing is brought in.
    assert line.scores["recall@512"] == 1 and line.scores["faults"] == 0
    assert 0 < line.scores["prompt"] <= 512 - 64


def test_a_model_answers_from_what_was_placed() -> None:
    """A system that places nothing of Lyon gets no Lyon: of `It was Lyon` F1 is 2 * 1 / (3 + 1)."""
    model = ScriptedModel(lambda ms: "It was Lyon" if "Lyon" in ms[-1].content else "unknown")
    run = measure(one(), replace(SETTING, model=model, reserve=10), silent)
    scores = {line.system: line.scores for line in run.lines}
    assert scores["oracle"]["f1"] == 0.5 and scores["oracle"]["contains"] == 1
    assert scores["oracle"]["exact"] == 0 and scores["oracle"]["calls"] == 1
    assert model.prompts[-1][0].content == INSTRUCTION
    assert (
        model.prompts[-1][1].content
        == "[8 May]\nAna: I moved to Lyon in March.\n\nQuestion: Where did Ana move in March?"
    )


def test_answers_for_some_systems_only() -> None:
    model = ScriptedModel(["Lyon"])
    run = measure(one(), replace(SETTING, model=model, answering=frozenset({"last"})), silent)
    assert [line.system for line in run.lines if line.answer is not None] == ["last"]
    with pytest.raises(vctx.InputError, match="no system is called 'newest'; there are: vctx, fusion"):
        measure(one(), replace(SETTING, model=model, answering=frozenset({"newest"})), silent)


def test_a_question_without_an_answer_is_not_scored_by_words() -> None:
    model = ScriptedModel(lambda ms: "Lyon")
    run = measure(one(answers=()), replace(SETTING, model=model), silent)
    assert all("f1" not in line.scores and line.answer == "Lyon" for line in run.lines)


def test_a_judge_has_a_column_of_its_own() -> None:
    model, judge = ScriptedModel(lambda ms: "Paris"), ScriptedModel(lambda ms: "No.")
    run = measure(one(), replace(SETTING, model=model, judge=judge), silent)
    assert {line.scores["judged"] for line in run.lines} == {0.0}
    assert "Right answer: Lyon\nAnswer to judge: Paris" in judge.prompts[0][0].content
    assert run.config["judge"]["name"] == "scripted"


@pytest.mark.parametrize("kind", ["chats", "documents"])
def test_another_memory_layer_in_a_process_of_its_own(kind: str) -> None:
    """FAISS by hand ranks as cosine does: the same vectors in another process, but for vctx's in 16 bits."""
    hay = needle.Recipe(lengths=(3000,), depths=2)
    task = small(1, 4) if kind == "chats" else needle.task(hay, vctx.tokenizer("bytes"))
    run = measure(task, replace(SETTING, foreign=(("faiss", sys.executable),)), silent)
    scores = {(line.id, line.system): line.scores["mrr"] for line in run.lines}
    ours = [scores[id, "dense"] for id, system in scores if system == "dense"]
    assert [scores[id, "faiss"] for id, system in scores if system == "faiss"] == pytest.approx(ours, rel=0.2)
    assert "faiss-cpu" in run.config["systems"]["faiss"]["version"]


def test_a_memory_layer_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(vctx.InputError, match="no adapter is called 'brain'; there are: chromadb, faiss"):
        measure(one(), replace(SETTING, foreign=(("brain", sys.executable),)), silent)
    with pytest.raises(vctx.MissingError, match="cannot be run for faiss"):
        measure(one(), replace(SETTING, foreign=(("faiss", str(tmp_path / "python")),)), silent)
    with pytest.raises(vctx.MissingError, match=r"ended with code 1.*Name the Python that has it"):
        measure(one(), replace(SETTING, foreign=(("mem0", sys.executable),)), silent)


def test_gold_that_is_put_right(tmp_path: Path) -> None:
    file = tmp_path / "golds.jsonl"
    file.write_text('{"id": "q", "evidence": ["c"], "answers": ["four"]}\n\n')
    [case] = shaped.corrected(one(), file).cases
    assert case.asks[0].gold == {"c"} and case.asks[0].answers == ("four",)
    file.write_text('{"id": "q", "drop": true}\n')
    assert shaped.corrected(one(), file).cases == ()


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "3",
        "{}",
        '{"id": 3}',
        '{"id": "q", "evidence": "c"}',
        '{"id": "q", "evidence": []}',
        '{"id": "z"}',
    ],
)
def test_bad_gold_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "golds.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(vctx.InputError, match=r"golds\.jsonl"):
        shaped.corrected(one(), file)


def test_a_sample_of_the_questions() -> None:
    whole, some = chats.task(range(2), Recipe(sessions=3)), small(2, 3)
    for case, part in zip(whole.cases, some.cases, strict=True):
        assert len(part.asks) == 3 and [ask for ask in case.asks if ask in part.asks] == list(part.asks)


def test_intervals_of_figures() -> None:
    """Independent questions of yes and no: Wilson, 8 of 10 is [.490, .943]. Else cases are resampled: whole
    ones, of which these five are 0, 0, 1, 1, 1; fewer than five are too few, and questions are."""
    yes_no = [(str(n), float(n < 8)) for n in range(10)]
    assert [round(x, 3) for x in figure(yes_no)] == [0.8, 0.49, 0.943, 10]
    cases = [(str(n // 2), float(n // 2 > 1)) for n in range(10)]
    assert figure(cases) == (0.6, 0.2, 1.0, 10)
    assert figure([("c", 0.0), ("c", 1.0)]) == (0.5, 0.0, 1.0, 2)


def test_a_line_reads_as_it_was_written(tmp_path: Path) -> None:
    measure(one(), replace(SETTING, out=tmp_path), silent)
    first = json.loads((tmp_path / LINES).read_text().splitlines()[0])
    assert first["id"] == "q" and first["system"] == "vctx" and first["scores"]["recall@400"] == 1.0


def test_what_a_run_costs_is_written_beside_it(tmp_path: Path) -> None:
    setting = replace(SETTING, windows=(512,), foreign=(("faiss", sys.executable),), out=tmp_path)
    measure(one(), setting, silent)
    costs = read(tmp_path).costs
    opened = {cost["system"]: cost["bytes"] for cost in costs if cost.get("part") == "open"}
    assert opened["vctx"] == 0 < opened["faiss"] and opened["vctx window 512"] > 4096
    assert [cost["bytes"] > 4096 for cost in costs if cost.get("part") == "shelve"] == [True]
    assert sum("find" in cost for cost in costs) == 3 + len(plain.NAMES)


def test_a_memory_layer_that_fails_halfway_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked before it is kept, and the error names the layer."""
    monkeypatch.setattr(foreign, "ADAPTERS", tmp_path / "adapters")
    (tmp_path / "adapters").mkdir()
    text = (ADAPTERS / "use_faiss.py").read_text("utf-8")
    (tmp_path / "adapters" / "use_faiss.py").write_text(
        text.replace("_, ids =", "raise SystemExit(3)\n        _, ids =")
    )
    (tmp_path / "adapters" / "serve.py").write_text((ADAPTERS / "serve.py").read_text("utf-8"))
    setting = replace(SETTING, foreign=(("faiss", sys.executable),), out=tmp_path / "run")
    with pytest.raises(
        vctx.VctxError, match=r"faiss, run by .* ended with code 3; what it said stands above"
    ):
        measure(one(), setting, silent)
    assert [line.system for line in read(tmp_path / "run").lines] == ["vctx"]


def test_a_case_may_have_weights_of_its_own(tmp_path: Path) -> None:
    """All that counts is that a page follows a question: then what answers one stands first, and not Lyon."""
    own = Weights({"answers": 1.0}, {}, trained=False)
    run = measure(one(), replace(SETTING, per_case={"talk": own}, windows=(512,)), silent)
    ranks = {line.system: line.scores["mrr"] for line in run.lines if "mrr" in line.scores}
    assert ranks["vctx"] < 1 == ranks["fusion"]
    assert run.config["trained"] == ["talk"]
    file = tmp_path / "own.json"
    file.write_text(dump(own))
    named = measure(one(), replace(SETTING, weights=str(file)), silent)
    assert next(line for line in named.lines if line.system == "vctx").scores["mrr"] == ranks["vctx"]
    assert named.config["weights"].startswith(f"{file} ")
