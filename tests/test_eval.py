"""The harness: metrics whose expected values are derived by hand, and tasks on small data of their shape."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import vctx
from vctx.eval import locomo, nested_kv, report
from vctx.eval.intervals import bootstrap, wilson
from vctx.eval.log import Line
from vctx.eval.measure import Setting, measure
from vctx.eval.placing import Item, placed, spent
from vctx.eval.summary import rows
from vctx.eval.systems import plain
from vctx.fakes import HashingEmbedder
from vctx.ports import silent


def test_questions_without_a_category_stand_in_the_overall_figure_only() -> None:
    lines = [
        Line("c", str(n), category, "s", {"mrr": 1.0}, "c") for n, category in enumerate(("all", "when"))
    ]
    assert [(row.group, row.questions) for row in rows(lines)] == [("when", 1), ("all", 2)]
    assert [row.group for row in rows(lines[:1])] == ["all"]


def test_a_budget_is_filled_in_order_of_rank() -> None:
    """a costs 5 + 2 for its section = 7 of 12; b is of the same section: 5 more = 12. c has no room."""
    items = [Item("a", 5, 1), Item("b", 5, 1), Item("c", 1, 2)]
    header = {1: 2, 2: 2}
    assert placed(items, header, 12) == {"a", "b"}
    assert placed(items, header, 11) == {"a", "c"}  # 7, then 7 + 5 > 11, then 7 + 3


def test_a_budget_is_filled_by_worth_for_tokens() -> None:
    """.5 / (8 + 2) = .05; .4 / (4 + 2) = .067 comes first, and opens its section; then .3 / 4 = .075; 10."""
    items = [Item("a", 8, 1, 0.5), Item("b", 4, 2, 0.4), Item("c", 4, 2, 0.3)]
    assert placed(items, {1: 2, 2: 2}, 10) == {"b", "c"}
    assert placed(items, {1: 2, 2: 2}, 6) == {"b"}
    assert placed([], {}, 10) == set()


def test_what_is_placed_costs_its_lines_and_headers() -> None:
    """a and b stand under one header: 5 + 5 + 2; with c and its header 1 + 3 more."""
    items = [Item("a", 5, 1), Item("b", 5, 1), Item("c", 1, 2)]
    assert spent(items, {1: 2, 2: 3}, {"a", "b"}) == 12
    assert spent(items, {1: 2, 2: 3}, {"a", "b", "c"}) == 16


def test_wilsons_interval() -> None:
    """8 of 10: centre (.8 + 3.8415 / 20) / 1.38415 = .7167, half 1.96 sqrt(.016 + .0096) / 1.384 = .2266."""
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 5)[0] == 0.0 and wilson(5, 5)[1] == 1.0


def test_the_bootstrap_resamples_clusters() -> None:
    """With one cluster there is nothing to resample; with two of means 0 and 1, both ends are drawn."""
    assert bootstrap({"a": [0.0, 1.0]}) == (0.5, 0.5)
    assert bootstrap({"a": [0.0, 0.0], "b": [1.0, 1.0]}) == (0.0, 1.0)


def sample() -> dict[str, Any]:
    said = ["I adopted a puppy named Rex.", "Lovely!", "My sister moved to Lyon.", "When?"]
    turns = [
        {"speaker": ("Ana", "Bo")[n % 2], "dia_id": f"D1:{n + 1}", "text": text}
        for n, text in enumerate(said)
    ]
    turns[1]["blip_caption"] = "a dog"
    return {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ana",
            "speaker_b": "Bo",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": turns,
        },
        "qa": [
            {"question": "What is the puppy named?", "category": 4, "evidence": ["D1:1"]},
            {"question": "Where did the sister move?", "category": 1, "evidence": ["D:1:3; D1:4", "D9:9"]},
            {"question": "No gold", "category": 2, "evidence": []},
        ],
    }


def test_locomo_end_to_end(tmp_path: Path) -> None:
    file = tmp_path / "locomo.json"
    file.write_text(json.dumps([sample()]))
    [conversation] = locomo.load(file)
    assert conversation.turns[1].line == "Bo: Lovely! [shares image: a dog]"
    assert [sorted(q.evidence) for q in conversation.questions] == [[(1, 1)], [(1, 3), (1, 4)]]
    run = measure(locomo.task([conversation], file), Setting(HashingEmbedder(), "bytes", (60, 999)), silent)
    ours = [line for line in run.lines if line.system == "vctx"]
    assert [(line.id, line.scores["recall@999"]) for line in ours] == [("conv-1/0", 1.0), ("conv-1/1", 1.0)]
    assert ours[0].scores["recall@60"] == 1.0
    rows = [(row.group, row.questions) for row in report.summary(run) if row.system == "vctx"]
    assert rows == [("multi-hop", 1), ("single-hop", 1), ("categories 1-4", 2)]
    table = report.table(run)
    assert "1.000 [1.000, 1.000]" in table
    for name in plain.NAMES:
        assert f"\n{name} " in table, "the baselines are always shown"
    assert report.data(run)["rows"][0]["figures"]["recall@999"] == {
        "mean": 1.0,
        "interval": [0.2065, 1.0],
        "questions": 1,
    }


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[{}]", '[{"conversation": 3}]', "3"])
def test_bad_locomo_data_is_an_input_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(vctx.InputError, match=r"bad\.json"):
        locomo.load(tmp_path / "bad.json")


def nested_files(folder: Path, samples: int = 1) -> None:
    pairs = [
        [f"k{n}0000000-0000-4000-8000-000000000000", f"v{n}0000000-0000-4000-8000-000000000000"]
        for n in range(9)
    ]
    with gzip.open(folder / nested_kv.PAIRS, "wt") as file:
        file.write((json.dumps({"ordered_kv_records": pairs, "key": "", "value": ""}) + "\n") * samples)
    for levels in (1, 2, 3, 4, 5):
        (folder / nested_kv.ORDERINGS.format(levels)).write_text(json.dumps([6, 1, 8, 3, 5][:levels]) + "\n")


@pytest.mark.parametrize("pooled", [False, True])
def test_nested_keys_are_followed_to_the_end(tmp_path: Path, pooled: bool) -> None:
    nested_files(tmp_path)
    chains = nested_kv.load(tmp_path, samples=3)
    assert [chain.depth for chain in chains] == [0, 1, 2, 3, 4]
    assert chains[2].pairs[6][1] == chains[2].pairs[1][0]
    # In "bytes", a line of two UUIDs is 75 tokens: five of them are within 512, with little to spare.
    task = nested_kv.task(tmp_path, samples=3, pooled=pooled)
    run = measure(task, Setting(HashingEmbedder(), "bytes"), silent)
    solved = {line.category: line.scores["all@512"] for line in run.lines if line.system == "vctx"}
    assert solved == {f"depth {n}": 1.0 for n in range(5)}


def test_orderings_begin_again_where_there_are_more_samples(tmp_path: Path) -> None:
    nested_files(tmp_path, samples=3)
    chains = nested_kv.load(tmp_path, samples=2, depths=(4,))
    assert [chain.order for chain in chains] == [(6, 1, 8, 3, 5)] * 2
    assert len(nested_kv.load(tmp_path, samples=9, depths=(4,))) == 3


def test_missing_nested_files_are_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(vctx.InputError, match="nested key-value"):
        nested_kv.load(tmp_path, samples=1)
