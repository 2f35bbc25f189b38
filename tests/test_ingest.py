"""Reading files: each format as a real program writes it, and clear errors for what is no document."""

import re
import struct
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

import vctx
from vctx import ingest
from vctx.ingest.text import headings

FILES = Path(__file__).parent / "files"
DAMAGES = 20
GUIDE = (FILES / "guide.md").read_text("utf-8")


def read(name: str) -> vctx.Reading:
    return vctx.read(FILES / name)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


# -- what programs write, against the source


def body(text: str) -> list[str]:
    """The words from the first section on: above it, some programs write the title twice."""
    found = words(re.sub(r"\|[-|:]+\||```\w*", "", text))
    return found[found.index("Windows") :]


@pytest.mark.parametrize(
    "name", ["pandoc.docx", "libreoffice.docx", "pandoc.epub", "pandoc.html", "libreoffice.pdf"]
)
def test_every_word_of_the_source_in_order(name: str) -> None:
    assert body(read(name).text) == body(GUIDE)


@pytest.mark.parametrize(
    "name", ["guide.md", "pandoc.docx", "libreoffice.docx", "pandoc.epub", "pandoc.html", "libreoffice.pdf"]
)
def test_headings_tables_and_code_survive(name: str) -> None:
    reading = read(name)
    titles = [(one.title, one.level) for one in reading.headings]
    base = titles[-1][1] - 2
    assert titles[-3:] == [("1 Windows", base + 2), ("1.1 Frames", base + 3), ("2 Faults", base + 2)]
    for heading in reading.headings:
        line = reading.text[heading.start :].split("\n", 1)[0]
        assert line.strip("# ") == heading.title
    assert "| 12 | full | 160 |\n| 31 | gist | 24 |" in reading.text
    assert (
        "def fault(page):\n    if page.resident:\n        return 0\n    return page.tokens\n```"
        in reading.text
    )
    assert "café, naïve, 日本語." in reading.text


def test_two_columns_printed_by_a_browser() -> None:
    reading = read("chromium.pdf")
    assert reading.text.count("\f") == 1 and len(reading.headings) == 6
    assert [one.title for one in reading.headings] == [f"{n} Part {n}" for n in range(1, 7)]
    values = [int(value) for value in re.findall(r"is (\d+), as", " ".join(reading.text.split()))]
    assert values == [part * 100 + item for part in range(1, 7) for item in range(1, 13)]
    # A browser draws code last; it is read where it stands.
    for part in range(1, 6):
        code = reading.text.index(f"value_{part} = lookup({part})\nif value_{part} > 3:\n    print(")
        assert reading.headings[part - 1].start < code < reading.headings[part].start
    assert "file:///" not in reading.text or reading.text.count("file:///") == 2


# -- text


def test_markdown_and_underlined_headings() -> None:
    text = "# One #\n\ntext\n\nTwo\n===\n\n| a |\n|---|\n\n----\nThree words here\n****************\n"
    assert headings(text) == ((0, "One", 1), (15, "Two", 1), (42, "Three words here", 2))
    assert headings("Two\n---\n\nOne\n===\n", ".md") == ((0, "Two", 2), (9, "One", 1))


def test_lines_above_and_below_a_title_are_a_level_of_their_own() -> None:
    text = "====\nBook\n====\n\nPart\n====\n\nChapter\n-------\n\nNext\n====\n"
    assert [(title, level) for _, title, level in headings(text, ".rst")] == [
        ("Book", 1),
        ("Part", 2),
        ("Chapter", 3),
        ("Next", 2),
    ]


def test_a_heading_at_the_top_of_a_printed_page() -> None:
    assert headings("end\n\fTwo\n===\n\f# Three\n") == ((5, "Two", 1), (14, "Three", 1))


def test_comments_fences_and_front_matter_are_no_headings() -> None:
    assert headings("# a comment\nx = 1\n", ".py") == ()
    assert headings("date\n----\n", ".yaml") == ()
    text = "---\ntitle\n---\n# Real\n```\n# install it\nsetup\n-----\n```\nTwo\n===\n"
    assert [title for _, title, _ in headings(text, ".md")] == ["Real", "Two"]


def test_a_long_line_of_blanks_takes_no_time() -> None:
    assert headings("# a" + " " * 200_000 + "b\n" + "#" * 200_000) == ((0, "a b", 1),)


def test_classes_and_functions_are_the_headings_of_code() -> None:
    python = "class Window:\n    def evict(self) -> None:\n        pass\n\nasync def main():\n    pass\n"
    found = ingest.reading(python.encode(), "a.py", ".py").headings
    assert [(one.title, one.level) for one in found] == [
        ("class Window", 1),
        ("def evict", 3),
        ("def main", 1),
    ]
    rust = b'pub struct Page;\n\nimpl Page {\n    pub(crate) fn text(&self) -> &str { "" }\n}\n'
    assert [one.title for one in ingest.reading(rust, "a.rs", ".rs").headings] == [
        "struct Page",
        "impl Page",
        "fn text",
    ]


def test_line_ends_and_the_byte_order_mark_are_normal() -> None:
    assert ingest.reading("\ufeffone\r\ntwo\rthree".encode(), "a").text == "one\ntwo\nthree"
    assert ingest.reading("\ufeffäöü 日本".encode("utf-16-le"), "a").text == "äöü 日本"
    assert ingest.reading("äöü 日本".encode("utf-16"), "a").notes == ()


def test_an_encoding_that_is_guessed_is_named() -> None:
    text = "Der Fluß fließt über die Brücke nach Süden, und die Vögel fliegen schön darüber hinweg. " * 5
    reading = ingest.reading(text.encode("latin-1"), "a.txt", ".txt")
    assert reading.text == text and "read as" in reading.notes[0]
    page = f'<html><head><meta charset="iso-8859-1"></head><body><p>{text}</p></body></html>'
    found = ingest.reading(page.encode("latin-1"), "a.html")
    assert found.text.strip() == text.strip() and found.notes == ()


def test_text_of_any_script_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "日本.txt"
    file.write_text("今日は雨。🙂\n", encoding="utf-8")
    assert vctx.read(file).text == "今日は雨。🙂\n"
    assert vctx.read(file, name="diary").name == "diary"


# -- HTML


def test_what_a_reader_of_a_page_does_not_see_is_left_out() -> None:
    page = b"""<!doctype html><html><head><title>T</title><style>p{}</style></head><body><nav>Menu</nav>
    <p>One <b>bold</b>
    line<br>break</p><div hidden>ghost</div><script>alert(1)</script><p style="display: none">no</p>
    <ul><li>first<ul><li>inner</li></ul></li><li>second</li></ul><pre>a
      b</pre></body></html>"""
    text = ingest.reading(page, "page.txt", ".txt").text
    assert text == "One bold line\nbreak\n\n- first\n\n- inner\n\n- second\n\n```\na\n      b\n```\n\n"


def test_of_a_page_with_an_article_what_stands_around_it_is_left_out() -> None:
    page = b"<html><body><main><h1>News</h1><p>It rains.</p></main><footer>Imprint</footer></body></html>"
    assert ingest.reading(page, "a").text == "# News\n\nIt rains.\n\n"


def test_elements_within_each_other_beyond_measure() -> None:
    page = b"<html><body>" + b"<div>" * 5000 + b"deep" + b"</div>" * 5000 + b"</body></html>"
    assert "deep" in ingest.reading(page, "a.html").text


# -- what cannot be read


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a.bin is empty"),
        (b"abc\0def", "byte 3 is NUL"),
        (bytes(range(128, 256)) * 3, "not text"),
        (b"\x89PNG\r\n\x1a\n\0\0", "it is a PNG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "one with a password; save it as DOCX"),
        (b"PK\3\4abc", "damaged or cut off"),
        (b"%PDF-1.7\ngarbage", "damaged or cut off"),
    ],
)
def test_what_is_no_document_is_refused_in_a_line(data: bytes, message: str) -> None:
    with pytest.raises(vctx.InputError, match=message):
        ingest.reading(data, "a.bin")


@pytest.mark.parametrize("name", ["pandoc.docx", "pandoc.epub", "libreoffice.pdf"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_is_cut_off_is_refused(name: str, share: float) -> None:
    data = (FILES / name).read_bytes()
    with pytest.raises(vctx.InputError, match=r"damaged|no text"):
        ingest.reading(data[: int(len(data) * share)], name)


@pytest.mark.parametrize("name", ["pandoc.docx", "pandoc.epub", "pandoc.html", "libreoffice.pdf", "scan.pdf"])
def test_a_damaged_file_is_read_or_refused_and_nothing_else(name: str) -> None:
    data = (FILES / name).read_bytes()
    random = Random(name)
    for _ in range(DAMAGES):
        damaged = bytearray(data[: random.randrange(1, len(data) + 1)] if random.random() < 0.25 else data)
        for _ in range(random.choice((1, 3, 30))):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        with suppress(vctx.VctxError):
            ingest.reading(bytes(damaged), name, Path(name).suffix)


def test_the_content_counts_and_not_the_suffix() -> None:
    pdf, word = (FILES / "libreoffice.pdf").read_bytes(), (FILES / "pandoc.docx").read_bytes()
    assert "seventeen" in ingest.reading(pdf, "a.txt", ".txt").text
    assert "seventeen" in ingest.reading(word, "a.pdf", ".pdf").text
    assert ingest.reading(b"plain words", "a.pdf", ".pdf").text == "plain words"


def test_a_scan_says_what_to_do() -> None:
    with pytest.raises(
        vctx.InputError, match="its only page is a picture; run OCR first, for example: ocrmypdf"
    ):
        read("scan.pdf")


def test_a_zip_bomb_is_not_unpacked() -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/document.xml", b"<a>" + b" " * (40 * 2**20))
    with pytest.raises(vctx.InputError, match=r"unpacks from .* to 41,943,043 bytes"):
        ingest.reading(file.getvalue(), "bomb.docx")
    lies = bytearray(file.getvalue())
    # The directory says ten bytes; no more than it says is ever read.
    at = lies.rindex(b"PK\1\2")
    lies[at + 24 : at + 28] = struct.pack("<I", 10)
    with pytest.raises(vctx.InputError, match=r"damaged|whole"):
        ingest.reading(bytes(lies), "bomb.docx")


def test_a_book_that_is_locked_and_an_archive_with_a_password() -> None:
    file = BytesIO((FILES / "pandoc.epub").read_bytes())
    with zipfile.ZipFile(file) as made:
        page = next(name for name in made.namelist() if name.endswith("ch001.xhtml"))
    with zipfile.ZipFile(file, "a") as made:
        made.writestr("META-INF/encryption.xml", f'<e><CipherReference URI="{page}"/></e>')
    with pytest.raises(vctx.InputError, match="locked by its seller"):
        ingest.reading(file.getvalue(), "a.epub")


def test_a_missing_file_a_folder_and_a_device_are_named(tmp_path: Path) -> None:
    with pytest.raises(vctx.InputError, match=r"cannot read .*nothing\.txt: No such file"):
        vctx.read(tmp_path / "nothing.txt")
    with pytest.raises(vctx.InputError, match="Is a directory"):
        vctx.read(tmp_path)
    with pytest.raises(vctx.InputError, match="is no file but a device"):
        vctx.read("/dev/zero")


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "log.txt"
    file.write_text("one line\n")
    real = Path.open

    def grows(self: Path, *args: object, **more: object) -> object:
        opened = real(self, *args, **more)  # type: ignore[call-overload]
        with real(self, "a") as writer:
            writer.write("")
        return _Growing(opened, self)

    class _Growing:
        def __init__(self, file: object, path: Path) -> None:
            self.file, self.path = file, path

        def __enter__(self) -> "_Growing":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def read(self, size: int) -> bytes:
            with real(self.path, "a") as writer:
                writer.write("one more\n")
            data: bytes = self.file.read(size)  # type: ignore[attr-defined]
            return data

    monkeypatch.setattr(Path, "open", grows)
    with pytest.raises(vctx.InputError, match="changed while it was read"):
        vctx.read(file)


def test_a_folder_in_a_stable_order_with_what_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/two.txt", "a.txt", ".hidden", "b/one.txt"):
        (tmp_path / name).write_text("words")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    found = list(vctx.walk(tmp_path))
    assert [p.relative_to(tmp_path).as_posix() for p in found if isinstance(p, Path)] == [
        "a.txt",
        "b/one.txt",
        "b/two.txt",
    ]
    skipped = {s.path.name: s.why for s in found if isinstance(s, vctx.Skipped)}
    assert skipped == {
        ".hidden": "hidden",
        "loop": "a link to a folder that is there already",
        "gone": "a link to nothing",
    }
