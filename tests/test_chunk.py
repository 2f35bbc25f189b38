"""Cutting text: every character in exactly one span, at the coarsest boundary that serves."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from vctx.chunk import pages, sentences, split
from vctx.fakes import WordTokenizer
from vctx.types import Heading, Reading

count = WordTokenizer().count
AT = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.text(max_size=300), st.integers(1, 20))
def test_spans_cover_the_text_and_keep_to_the_limit(text: str, limit: int) -> None:
    spans = split(text, limit, count)
    assert "".join(text[a:b] for a, b in spans) == text
    assert all(count([text[a:b]])[0] <= limit or b - a == 1 for a, b in spans)


def test_paragraphs_are_cut_before_sentences_and_sentences_before_words() -> None:
    text = "One two. Three four.\n\nFive six seven eight nine."
    assert [text[a:b] for a, b in split(text, 6, count)] == [
        "One two. Three four.\n\n",
        "Five six seven eight nine.",
    ]
    assert [text[a:b] for a, b in split(text, 3, count)][:2] == ["One two. ", "Three four.\n\n"]


def test_a_word_without_end_is_halved() -> None:
    text = "x" * 1000
    assert split(text, 10, lambda texts: [len(t) for t in texts])[0] == (0, 7)  # 1000 halved seven times


def test_an_empty_text_has_no_span() -> None:
    assert split("", 5, count) == []


def test_sentences() -> None:
    text = 'He said "no." Then he left!  A title\n\nNext paragraph? Yes'
    assert sentences(text) == ['He said "no."', "Then he left!", "A title", "Next paragraph?", "Yes"]
    assert sentences("今日は雨。明日は晴れ。") == ["今日は雨。", "明日は晴れ。"]


def test_chunks_know_their_page_heading_and_characters() -> None:
    text = "Intro here.\n\fHours\n=====\nOpen at nine.\n\fStill hours.\n"
    reading = Reading("g.txt", text, (Heading(13, "Hours"),))
    found = [
        (page.source.number, page.source.heading, page.text)
        for page in pages(reading, 50, count, AT)
        if page.source
    ]
    assert found == [
        (1, "", "Intro here."),
        (2, "Hours", "Hours\n=====\nOpen at nine."),
        (3, "Hours", "Still hours."),
    ]
    for page in pages(reading, 4, count, AT):
        assert page.source is not None
        assert text[page.source.start : page.source.stop] == page.text


def test_a_document_without_form_feeds_has_no_page_numbers() -> None:
    [page] = pages(Reading("g.txt", "Only one."), 50, count, AT)
    assert page.source is not None and page.source.number is None


def places(text: str, *headings: tuple[int, str, int]) -> list[tuple[str, str]]:
    reading = Reading("g.txt", text, tuple(Heading(*one) for one in headings))
    return [(page.source.heading, page.text) for page in pages(reading, 50, count, AT) if page.source]


def test_a_section_is_named_by_its_path_without_the_title_of_the_whole() -> None:
    text = "# Book\n\nWhy.\n\n## 7 Paging\n\nIt pages.\n\n### 7.4 Faults\n\nIt faults.\n\n## 8 End\n\nEnd.\n"
    marks = [
        (text.index(f"{'#' * n} {t}"), t, n)
        for t, n in (("Book", 1), ("7 Paging", 2), ("7.4 Faults", 3), ("8 End", 2))
    ]
    assert [heading for heading, _ in places(text, *marks)] == [
        "Book",
        "7 Paging",
        "7 Paging > 7.4 Faults",
        "8 End",
    ]


def test_a_heading_with_nothing_below_it_stands_at_the_head_of_the_next() -> None:
    text = "One\n===\n\nTwo\n---\n\nText.\n\nThree\n---\n\nMore.\n"
    marks = ((0, "One", 1), (9, "Two", 2), (25, "Three", 2))
    assert places(text, *marks) == [
        ("Two", "One\n===\n\nTwo\n---\n\nText."),
        ("Three", "Three\n---\n\nMore."),
    ]


def test_rows_and_lines_of_code_are_not_parted() -> None:
    rows = "\n".join(f"| row {n} | value {n} |" for n in range(20))
    assert all(text.startswith("| row") and text.endswith("|") for _, text in places(rows))


@given(st.integers(1, 4), st.integers(5, 200))
def test_no_cut_within_what_is_one_character_to_a_reader(limit: int, length: int) -> None:
    for one in ("é", "👨‍👩‍👧", "👍🏽", "🇵🇹"):
        text = one * length
        spans = split(text, limit * 12, lambda texts: [len(t) for t in texts])
        assert "".join(text[a:b] for a, b in spans) == text
        if one != "🇵🇹":  # in a row of letters, only counting tells where a flag begins
            assert all(a % len(one) == 0 for a, _ in spans)
