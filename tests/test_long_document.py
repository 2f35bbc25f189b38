"""Ten questions about a long PDF, each asked in a new process, and the page that is cited for it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics

import pytest
from fpdf import FPDF

QUESTIONS = {
    "Which exception does division by zero raise?": ("Division by zero raises the",),
    "What is the default fill character in format strings?": ("defaults to a space if omitted",),
    "What real part does an imaginary literal have?": ("yields a complex number with a real part of 0.0",),
    "What is raised when a name is not found at all?": ("When a name is not found at all",),
    "Which method is called when an instance is called as a function?": (
        "as a function; if this method",
        'must define a "__call__()" method',
    ),
    "What does the global statement do to the listed identifiers?": ("listed identifiers are to be",),
    "What is the typical usage to break into the debugger?": ("typical usage to break into the debugger",),
    "What becomes of an exception if finally executes a return?": (
        'If the "finally" clause executes a "return"',
    ),
    "Are lists compared by their elements, in which order?": ("Sequences compare lexicographically",),
    "Which statement can be used when nothing should be executed?": ('"pass" is a null operation',),
}
"""What is asked, and words of each paragraph that answers it."""


def written(path: Path) -> dict[str, set[str]]:
    """Prints the language reference, and says for each question how its answer must be cited."""
    pdf = FPDF()
    pdf.set_auto_page_break(True, 20)
    pdf.add_page()
    found: dict[str, set[str]] = {}
    for number, name in enumerate(sorted(topics), 1):
        title = f"{number} {name}"
        pdf.start_section(title)
        pdf.set_font("Times", "B", 14)
        pdf.multi_cell(0, 7, title, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Times", "", 11)
        for paragraph in topics[name].split("\n\n"):
            before = pdf.page_no()
            text = " ".join(paragraph.split()).encode("latin-1", "replace").decode("latin-1")
            pdf.multi_cell(0, 5, text, new_x="LMARGIN", new_y="NEXT")
            pdf.ln(2)
            for question, answers in QUESTIONS.items():
                if any(words in text for words in answers):
                    pages = {before, pdf.page_no()}
                    found.setdefault(question, set()).update(f"{path.name} p. {p}, {title} (" for p in pages)
    pdf.output(str(path))
    return found


def vctx(*args: str) -> str:
    env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "vctx", *args]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


@pytest.mark.real
@pytest.mark.slow
def test_ten_questions_each_in_a_new_process(tmp_path: Path) -> None:
    book, db = tmp_path / "reference.pdf", str(tmp_path / "book.db")
    answers = written(book)
    assert set(answers) == set(QUESTIONS)
    assert "printed pages" in vctx("add", "--db", db, str(book))
    cited: dict[str, bool] = {}
    for question, places in answers.items():
        found = json.loads(vctx("search", "--db", db, "-k", "3", "--json", question))
        cited[question] = any(hit["place"].startswith(place) for hit in found for place in places)
    assert all(cited.values()), [question for question, there in cited.items() if not there]
