"""Training: a model near its prior, a trial that says when data is too little, data of a user's own."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import vctx
from vctx.cli import main
from vctx.eval import chats, crossed, docqa, logged, report
from vctx.eval.ablation import GROUPS, ablate
from vctx.eval.learning import Labelled, fit
from vctx.eval.log import Line
from vctx.eval.measure import Setting, measure
from vctx.eval.missed import missed
from vctx.eval.story import Recipe
from vctx.eval.training import Case, recall_of, train
from vctx.eval.trial import folds, trial
from vctx.fakes import HashingEmbedder, ScriptedModel, WordTokenizer
from vctx.ports import silent
from vctx.weights import PLAIN, SIGNALS, VALUES, load


def rows(count: int, signal: int = 0) -> list[Labelled]:
    """Questions of ten candidates of which the one with the largest value of a signal is needed."""
    random = np.random.default_rng(0)
    found = []
    for n in range(count):
        values = random.normal(size=(10, len(SIGNALS)))
        gold = values[:, signal] == values[:, signal].max()
        found.append(Labelled(str(n % 5), values, gold, np.zeros(10, bool)))
    return found


def cases(count: int, signal: int) -> list[Case]:
    return [Case(row, np.full(10, 100.0), 1) for row in rows(count, signal)]


def test_a_model_finds_the_signal_that_tells() -> None:
    model = fit(rows(60, signal=3), np.zeros(len(SIGNALS)), 1.0, scaled=False)
    assert model.weights.argmax() == 3 and model.weights[3] > 3 * np.delete(abs(model.weights), 3).max()


def test_a_strong_prior_stays() -> None:
    prior = np.linspace(-1, 1, len(SIGNALS))
    assert np.allclose(fit(rows(20), prior, 1e9, scaled=False).weights, prior, atol=1e-3)


def test_a_trial_says_whether_training_pays() -> None:
    """What is needed shows in a signal that the plain sum does not weigh; or in nothing that is seen."""
    telling = trial(cases(120, SIGNALS.index("has_number")), PLAIN, lambda n: None, budget=100)
    assert telling.better and telling.trained > telling.default and "were trained" in telling.text()
    blind = cases(60, 0)
    for case in blind:
        case.labelled.signals[:] = 0.0
    assert not trial(blind, PLAIN, lambda n: None, budget=100).better


def test_many_groups_are_left_out_together() -> None:
    def groups(count: int) -> list[Case]:
        return [Case(replace(row, group=str(n)), np.ones(10), 1) for n, row in enumerate(rows(count))]

    assert folds(groups(3)) == [{"0"}, {"1"}, {"2"}]
    assert [sorted(fold) for fold in folds(groups(12))][:2] == [["0", "10", "5"], ["1", "11", "6"]]


def test_weights_without_each_group_of_signals(tmp_path: Path) -> None:
    written = ablate(cases(40, 0), PLAIN, tmp_path / "out", lambda n: None)
    assert [file.stem for file in written] == ["all", *(f"without-{name}" for name in GROUPS)]
    named = {name: frozenset(group.split()) for name, group in GROUPS.items()}
    assert frozenset().union(*named.values()) <= frozenset(SIGNALS)
    for file in written[1:]:
        weights, group = load(file), named[file.stem.removeprefix("without-")]
        assert not group & weights.message.keys() and not group & weights.chunk.keys()
        assert weights.about["without"] == sorted(group)
    assert "lexical" in load(written[0]).message and "lexical" in load(written[1]).message


def test_what_dense_misses_and_others_find() -> None:
    """Of questions 1 to 3, of category a, dense misses two within 512 tokens; vctx finds one of them."""

    def line(question: int, system: str, whole: float, category: str = "a") -> Line:
        return Line("c", f"q{question}", category, system, {"all@512": whole}, "c")

    lines = [line(n, "dense", float(n == 1)) for n in (1, 2, 3)]
    lines += [line(n, "vctx", float(n < 3)) for n in (1, 2, 3)]
    lines += [line(4, "dense", 0.0, "b"), line(4, "vctx", 1.0, "b")]
    assert missed(lines, ("a",), (512,)) == [("vctx", 512, 1, 2)]
    assert missed(lines, (), (512, 1024)) == [("vctx", 512, 2, 3)]
    assert missed(lines[3:6], (), (512,)) == []


def test_training_leaves_a_kind_without_data_as_it_was() -> None:
    weights = train(cases(50, 0), {}, load(None))
    assert dict(weights.chunk) == dict(load(None).chunk)
    assert recall_of(weights, cases(1, 0)[0], budget=100) in (0.0, 1.0)


def test_a_reply_that_quotes() -> None:
    page = "We moved to the small yellow house in March."
    assert logged.quotes("You live in the small yellow house, I think.", page, "Where do I live?")
    assert not logged.quotes("You live in a house.", page, "Where do I live?")
    assert not logged.quotes("The small yellow house?", page, "What about the small yellow house?")


def session(path: Path, *, replies: list[str]) -> None:
    model = ScriptedModel(replies)
    with vctx.open(path, model=model, embedder=HashingEmbedder(), background=False) as ctx:
        for n in range(30):
            ctx.append("user", f"note {n}: the garden of number {n} has roses and a very old wall")
        ctx.chat("what has the garden of number 7?")


def test_what_a_session_logged_is_learnt_from(tmp_path: Path) -> None:
    session(tmp_path / "s.db", replies=["It has roses and a very old wall."])
    with vctx.open(
        tmp_path / "s.db", model=None, tokenizer=WordTokenizer(), embedder=HashingEmbedder(), weights=VALUES
    ) as ctx:
        [found] = logged.logged(ctx)
        assert found.query == "what has the garden of number 7?" and found.pages
        [case] = logged.cases(ctx, [found])
        assert case.labelled.gold.any() and case.labelled.signals.shape[1] == len(SIGNALS)


def test_bad_labels_are_an_input_error(tmp_path: Path) -> None:
    file = tmp_path / "l.jsonl"
    for text in ("{", '{"query": "x"}', '{"query": "x", "pages": ["y"]}'):
        file.write_text(text)
        with pytest.raises(vctx.InputError, match=r"l\.jsonl"):
            logged.labelled(file)
    file.write_text(json.dumps({"query": "x", "pages": [1, 2]}) + "\n\n")
    assert logged.labelled(file)[0].pages == {1, 2}


def test_train_recall_refuses_too_little(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["train-recall"])
    assert result.exit_code == 2 and "--made" in result.output


def test_documents_are_asked_about() -> None:
    run = measure(docqa.articles(12, seed=3), Setting(HashingEmbedder(), "bytes", (4096,)), silent)
    found = {row.group: row for row in report.summary(run) if row.system == "vctx"}
    assert list(found) == ["single-hop", "multi-hop", "all"]
    assert found["single-hop"].figures["recall@4096"].mean > 0.8


def test_the_files_of_the_documents_task(tmp_path: Path) -> None:
    with pytest.raises(vctx.InputError, match="passages"):
        docqa.load(tmp_path / "none.gz")
    names = [reading.name for reading in docqa.around(30)]
    assert len(set(names)) == 30 and sum("(made" in name for name in names) == 15


def test_trained_on_the_other_conversations() -> None:
    two = list(chats.made([1, 2], Recipe(sessions=3)))
    names, embedder, counts = ["single-hop", "temporal"], HashingEmbedder(), vctx.tokenizer("bytes")
    weights = crossed.weights(two, names, counts=counts, embedder=embedder, progress=silent)
    assert list(weights) == ["made-1", "made-2"]
    assert weights["made-1"].message != weights["made-2"].message
