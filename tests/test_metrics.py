"""Every metric against a value that its docstring derives by hand."""

import math

import vctx
from vctx.eval.metrics.billed import billed
from vctx.eval.metrics.containment import containment
from vctx.eval.metrics.evidence import recall
from vctx.eval.metrics.exact import exact
from vctx.eval.metrics.f1 import f1
from vctx.eval.metrics.faults import faults
from vctx.eval.metrics.ndcg import ndcg
from vctx.eval.metrics.reciprocal import reciprocal
from vctx.eval.metrics.whole import whole
from vctx.eval.metrics.words import words


def test_evidence_recall() -> None:
    """Of the gold 2, 3, 4 and 9, two were placed: 2 / 4."""
    assert recall({1, 2, 9}, {2, 3, 4, 9}) == 0.5


def test_all_evidence() -> None:
    """All of 2 and 9 are among 1, 2, 9; 3 is not."""
    assert whole({1, 2, 9}, {2, 9}) == 1.0
    assert whole({1, 2, 9}, {2, 3}) == 0.0


def test_reciprocal_rank() -> None:
    """The first gold page, 7, stands third: 1 / 3; where none is found, 0."""
    assert reciprocal([5, 6, 7, 8], {7, 8}) == 1 / 3
    assert reciprocal([5, 6], {7}) == 0.0


def test_ndcg() -> None:
    """Gold at ranks 2 and 3: 1/log2(3) + 1/log2(4) = 0.6309 + 0.5 = 1.1309. At best at ranks 1 and 2:
    1 + 0.6309 = 1.6309. So 0.6934; cut at two ranks, 0.6309 / 1.6309 = 0.3869."""
    assert math.isclose(ndcg([5, 7, 8], {7, 8}), 0.6934, abs_tol=5e-5)
    assert math.isclose(ndcg([5, 7, 8], {7, 8}, cut=2), 0.3869, abs_tol=5e-5)
    # Three gold pages within a cut of one: the best ranking holds one of them, and so does this.
    assert ndcg([7], {7, 8, 9}, cut=1) == 1.0


def test_words_are_compared_without_case_punctuation_and_articles() -> None:
    assert words("The U.S.  Coast-Guard, a ship!") == ["us", "coastguard", "ship"]


def test_exact_match() -> None:
    """Without case, article and full stop both are `red house`; in another order they are not."""
    assert exact("The red house.", ["a Red House"]) == 1.0
    assert exact("house red", ["red house"]) == 0.0
    assert exact("blue", ["red", "Blue"]) == 1.0


def test_token_f1() -> None:
    """`in red red house`, `red house`: 2 in common, precision 2 of 4, recall 2 of 2, F1 2 * 2 / (4 + 2)."""
    assert f1("in a red red house", ["the red house"]) == 4 / 6
    assert f1("yes", ["no", "yes"]) == 1.0
    assert f1("green", ["red"]) == 0.0
    # Nothing was said, and nothing but an article was right.
    assert f1("", ["the"]) == 1.0 and f1("", ["red"]) == 0.0


def test_containment() -> None:
    """`new york` stands in it side by side; `york new` does not, nor does `new` as part of `news`."""
    assert containment("It was in New York, I think.", ["New York"]) == 1.0
    assert containment("York, new", ["New York"]) == 0.0
    assert containment("the news", ["new"]) == 0.0
    assert containment("anything", ["the"]) == 0.0


def test_faults() -> None:
    """Pages 1 and 3 had to be brought in, 3 by two of its spans; 2 was there."""
    hits = [vctx.Hit(1), vctx.Hit(2, resident=True), vctx.Hit(3, span=(0, 9)), vctx.Hit(3, span=(9, 20))]
    assert faults(hits) == 2


def test_tokens_billed() -> None:
    """Of 100 tokens of a prompt a cache served 30: 70 fresh; the reply took 7."""
    assert billed(vctx.Reply("", 100, 7, 30)) == {"fresh": 70, "cached": 30, "written": 7}
    assert billed(vctx.Reply("")) == {}
