"""Reading files: what can be read as text, and clear errors for the rest."""

from pathlib import Path

import pytest

import vctx
from vctx.ingest import reading
from vctx.ingest.text import headings


def test_markdown_and_underlined_headings() -> None:
    text = "# One #\n\ntext\n\nTwo\n===\n\n| a |\n|---|\n\n----\nThree words here\n****************\n"
    assert headings(text) == ((0, "One", 1), (15, "Two", 1), (42, "Three words here", 2))


def test_a_heading_at_the_top_of_a_printed_page() -> None:
    assert headings("end\n\fTwo\n===\n\f# Three\n") == ((5, "Two", 1), (14, "Three", 1))


def test_comments_fences_and_front_matter_are_no_headings() -> None:
    assert headings("# a comment\nx = 1\n", ".py") == ()
    assert headings("date\n----\n", ".yaml") == ()
    text = "---\ntitle\n---\n# Real\n```\n# install it\nsetup\n-----\n```\nTwo\n===\n"
    assert [title for _, title, _ in headings(text, ".md")] == ["Real", "Two"]


def test_a_long_line_of_blanks_takes_no_time() -> None:
    assert headings("# a" + " " * 200_000 + "b\n" + "#" * 200_000) == ((0, "a b", 1),)


def test_line_ends_and_the_byte_order_mark_are_normal() -> None:
    assert reading("\ufeffone\r\ntwo\rthree".encode(), "a").text == "one\ntwo\nthree"


def test_text_of_any_script_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "日本.txt"
    file.write_text("今日は雨。🙂\n", encoding="utf-8")
    assert vctx.read(file).text == "今日は雨。🙂\n"
    assert vctx.read(file, name="diary").name == "diary"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"abc\0def", "byte 3 is NUL"),
        (b"abc\xff", "not UTF-8: byte 3 is 0xff"),
        ("é".encode()[:1], "not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_by_its_byte(data: bytes, message: str) -> None:
    with pytest.raises(vctx.InputError, match=message):
        reading(data, "a.bin")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(vctx.InputError, match=r"cannot read .*nothing\.txt: No such file"):
        vctx.read(tmp_path / "nothing.txt")
    with pytest.raises(vctx.InputError, match="Is a directory"):
        vctx.read(tmp_path)
