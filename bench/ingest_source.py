"""The text that is read back: CPython's language reference as Markdown, and 1,000 pages of docstrings."""

import ast
import builtins
import inspect
import re
import sysconfig
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from pydoc_data.topics import topics

from fpdf import FPDF

LEVELS = {"*": 2, "=": 3, "-": 4, "~": 4, "^": 4}


def markdown() -> str:
    """Numbered sections of three levels, lists, code, and a table in each chapter."""
    out = ["# The reference\n"]
    for number, name in enumerate(sorted(topics), 1):
        out += _chapter(number, topics[name].strip("\n"))
        out += _table(number)
    return "\n".join(out)


def _chapter(number: int, text: str) -> Iterator[str]:
    at = [number, 0, 0]
    code: list[str] = []
    for block in re.split(r"\n[ \t]*\n", text):
        lines = block.split("\n")
        if all(line.startswith("   ") for line in lines if line.strip()):
            code.append("\n".join(line[3:] for line in lines))
            continue
        if code:
            yield "```python\n" + "\n\n".join(code) + "\n```\n"
            code = []
        if len(lines) == 2 and re.fullmatch(r"([*=\-~^])\1{2,}", lines[1]):
            yield _heading(lines[0], LEVELS[lines[1][0]], at)
        else:
            yield _paragraph(lines)


def _heading(title: str, level: int, at: list[int]) -> str:
    if level > 2:
        at[level - 2] += 1
        at[level - 1 :] = [0] * (len(at) - level + 1)
    numbers = ".".join(map(str, at[: level - 1]))
    return f"{'#' * level} {numbers} {title.replace('`', '')}\n"


def _paragraph(lines: list[str]) -> str:
    text = re.sub(r"([\\`*_{}\[\]<>#|~^$])", r"\\\1", " ".join(line.strip() for line in lines))
    text = re.sub(r"^(\d+)\. ", r"\1\\. ", text)
    return re.sub(r"^(\\\*|\+|-) ", "- ", text) + "\n"


def _table(number: int) -> Iterator[str]:
    yield "| Function | Kind | What it says |\n|---|---|---|"
    named = [name for name in sorted(vars(builtins)) if name[0].islower() and _says(name)]
    for name in named[number * 7 % len(named) :][:5]:
        yield f"| {name} | {type(getattr(builtins, name)).__name__} | {_says(name)} |"
    yield ""


def _says(name: str) -> str:
    text = inspect.getdoc(getattr(builtins, name)) or ""
    return re.sub(r"[^\w ,.()]", "", text.split("\n")[0])


def book(path: Path, pages: int) -> None:
    """The reference, then docstrings of the standard library, as a PDF with an outline."""
    pdf = FPDF()
    pdf.set_margins(25, 20)
    pdf.set_auto_page_break(True, 20)
    pdf.add_page()
    for number, (title, parts) in zip(count(1), _chapters(), strict=False):
        if pdf.page_no() >= pages:
            break
        _print(pdf, f"{number} {title}", parts[0][1], 0)
        for n, (name, text) in enumerate(parts[1:], 1):
            _print(pdf, f"{number}.{n} {name}", text, 1)
    pdf.output(str(path))


def _chapters() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for name in sorted(topics):
        yield name, [(name, topics[name])]
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if not {"site-packages", "test", "tests", "lib2to3"} & set(path.parts):
            texts = list(_docstrings(path))
            if sum(len(text) for _, text in texts) > 400:
                yield path.stem, texts


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            text := ast.get_docstring(node)
        ):
            yield getattr(node, "name", path.stem), text


def _print(pdf: FPDF, title: str, text: str, level: int) -> None:
    pdf.start_section(title, level=level)
    pdf.set_font("Times", "B", 14 - 2 * level)
    pdf.multi_cell(0, 7, _latin(title), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Times", "", 11)
    for paragraph in text.split("\n\n"):
        pdf.multi_cell(0, 5, _latin(paragraph), new_x="LMARGIN", new_y="NEXT")
        pdf.ln(2)


def _latin(text: str) -> str:
    """What the fonts that every reader of PDF has can spell."""
    return text.encode("latin-1", "replace").decode("latin-1")
