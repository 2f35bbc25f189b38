"""Text as wide as a terminal: worked examples, and the property that no word is lost or passes the edge."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vctx.cli.lines import cells, flowing, folded


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["one t", "wo three"], "one two\nthree"),
        (["one two", " ", "three"], "one two\nthree"),
        (["a\n\n  indented ", "far"], "a\n\n  indented\nfar"),
        # A word that is wider than the line is the terminal's to break: 12 - 10 columns are taken then.
        (["twelve-signs of those"], "twelve-signs of\nthose"),
        # Two columns each.
        (["漢字 漢字 漢字"], "漢字 漢字\n漢字"),
        # An indentation leaves a word its room.
        (["    nine-sign"], " nine-sign"),
        ([], ""),
    ],
)
def test_a_text_that_comes(pieces: Sequence[str], shown: str) -> None:
    assert "".join(flowing(pieces, 10)) == shown


@given(st.text(" \nabé漢", max_size=60), st.integers(4, 20))
def test_nothing_is_lost_and_no_line_of_words_is_too_wide(text: str, width: int) -> None:
    shown = "".join(flowing([text[:7], text[7:]], width))
    assert "".join(shown.split()) == "".join(text.split())
    if "漢" not in text:
        assert shown.split() == text.split()
    if all(cells(word) <= width for word in text.split()):
        assert all(cells(line.rstrip()) <= width or not line.strip() for line in shown.split("\n"))


def test_what_goes_on_stands_below_where_its_line_began() -> None:
    assert folded("  from: a; b; c\nshort\n", 10) == "  from: a;\n  b; c\nshort\n"
    assert folded("a\n" + " " * 11 + "\nb", 10) == "a\n\nb"


def test_what_has_no_gaps_flows_letter_by_letter() -> None:
    pieces = iter(["It is 你好", "，世界", "。"])
    flow = flowing(pieces, 80)
    assert [next(flow) for _ in range(4)] == ["It", " is", " 你", "好"]
    assert list(pieces) == ["，世界", "。"]
    assert "".join(flowing(["一二三四五", "六 seven"], 10)) == "一二三四五\n六 seven"
