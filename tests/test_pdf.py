"""PDFs made for the purpose: pages, outline, headers, tables, passwords, pictures; and the order of lines."""

from io import BytesIO

import pytest
from fpdf import FPDF
from fpdf.enums import AccessPermission

import vctx
from vctx import ingest
from vctx.ingest.layout import Line, blocks, ordered, text


class Report(FPDF):
    """With a header and a footer on each page."""

    def header(self) -> None:
        self.set_font("Helvetica", size=8)
        self.cell(0, 10, "Annual report of the river office", new_x="LMARGIN", new_y="NEXT")

    def footer(self) -> None:
        self.set_y(-15)
        self.cell(0, 10, f"page {self.page_no()} of many")


def made(pages: int, *, kind: type[FPDF] = FPDF, outline: bool = False) -> FPDF:
    pdf = kind()
    pdf.set_margin(20)
    for number in range(1, pages + 1):
        pdf.add_page()
        if outline:
            pdf.start_section(f"{number} Station {number}")
        pdf.set_font("Helvetica", "B", 16)
        pdf.cell(0, 12, f"{number} Station {number}", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Helvetica", size=11)
        words = f"At station {number} the water stood {number * 3} inches above the mark of the year before. "
        pdf.multi_cell(0, 6, words * 4)
    return pdf


def read(pdf: FPDF, **options: str) -> vctx.Reading:
    return ingest.reading(bytes(pdf.output()), "river.pdf", ".pdf", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("outline", [True, False])
def test_pages_headings_and_paragraphs(outline: bool) -> None:
    reading = read(made(5, outline=outline))
    assert reading.text.count("\f") == 4
    assert [one.title for one in reading.headings] == [f"{n} Station {n}" for n in range(1, 6)]
    third = reading.text.split("\f")[2]
    assert third.startswith(
        "# 3 Station 3\n\nAt station 3 the water stood 9 inches above the mark of the year"
    )
    assert third.count("\n\n") == 2


def test_headers_and_footers_are_left_out() -> None:
    text = read(made(6, kind=Report)).text
    assert "Annual report" not in text and "of many" not in text
    assert "Annual report" in read(made(2, kind=Report)).text  # two pages are too few to tell


def test_progress_counts_pages() -> None:
    steps: list[int] = []
    labels: list[tuple[str, int]] = []

    class Bar:
        def __init__(self, label: str, total: int) -> None:
            labels.append((label, total))

        def __enter__(self) -> object:
            return steps.append

        def __exit__(self, *_: object) -> None:
            pass

    ingest.reading(bytes(made(3).output()), "a.pdf", progress=Bar)  # type: ignore[arg-type]
    assert labels == [("reading", 3)] and steps == [1, 1, 1]


def test_a_password() -> None:
    pdf = made(1)
    pdf.set_encryption(owner_password="boss", user_password="river", permissions=AccessPermission.none())
    with pytest.raises(vctx.InputError, match=r"needs a password \(--password\)"):
        read(pdf)
    with pytest.raises(vctx.InputError, match="does not open with this password"):
        read(pdf, password="sea")
    assert "station 1" in read(pdf, password="river").text


def test_some_pages_without_text_are_named() -> None:
    pdf = made(2)
    pdf.add_page()
    assert "1 of 3 pages have no text (p. 3)" in read(pdf).notes[0]


def test_rows_of_a_table() -> None:
    pdf = made(1)
    pdf.set_font("Helvetica", size=11)
    with pdf.table(col_widths=(30, 60, 30)) as table:
        for row in (
            ("Year", "Place", "Level"),
            ("2024", "Under the old bridge", "31"),
            ("2025", "Mill", "44"),
        ):
            cells = table.row()
            for cell in row:
                cells.cell(cell)
    assert (
        "| Year | Place | Level |\n| 2024 | Under the old bridge | 31 |\n| 2025 | Mill | 44 |"
        in read(pdf).text
    )


def test_a_scan_has_no_text() -> None:
    from PIL import Image

    picture = BytesIO()
    Image.new("L", (60, 80), 200).save(picture, "PNG")
    pdf = FPDF()
    for _ in range(3):
        pdf.add_page()
        pdf.image(picture, 0, 0, 100)
    with pytest.raises(vctx.InputError, match="no text: its 3 pages are pictures; run OCR first"):
        read(pdf)


# -- lines


def line(words: str, x: float, y: float, width: float = 200.0, **more: object) -> Line:
    return Line(words, x, x + width, y, y + 10, **more)  # type: ignore[arg-type]


def test_what_fills_a_gap_goes_there_and_columns_stay_apart() -> None:
    late = [line("a", 0, 100), line("b", 0, 88), line("d", 0, 64), line("c", 10, 76, 150)]
    assert [one.text for one in ordered(late)] == ["a", "b", "c", "d"]
    columns = [line("a", 0, 100), line("b", 0, 88), line("c", 220, 100), line("d", 220, 88)]
    assert [one.text for one in ordered(columns)] == ["a", "b", "c", "d"]


def test_full_lines_are_joined_and_items_stay() -> None:
    [block] = blocks([line("one two", 0, 100), line("three", 0, 88, 60), line("• four", 0, 76, 60)])
    assert text(block) == "one two three\n• four"
    first, second = blocks([line(f"l{n}", 0, 100 - 12 * n) for n in range(5)] + [line("far", 0, 0)])
    assert len(first) == 5 and text(second) == "far"


def test_a_word_that_was_parted_is_one_again() -> None:
    [block] = blocks([line("thou", 0, 100, hyphen=True), line("sand", 0, 88)])
    assert text(block) == "thousand"


def test_code_keeps_its_indentation_and_its_empty_lines() -> None:
    lines = [line("if x:", 0, 100, 30, mono=True), line("y()", 24, 88, 18, mono=True)]
    lines += [line("z()", 24, 76, 18, mono=True), line("end()", 0, 52, 30, mono=True)]
    [block] = blocks(lines)
    assert text(block) == "if x:\n    y()\n    z()\n\nend()"
