"""What is made of a run: a page that opens from disk, a table, and the comparison of two runs."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

import vctx
from vctx.cli import main
from vctx.eval import chats, compare, log, needle, page, report, shaped
from vctx.eval.log import Line, Run
from vctx.eval.measure import Setting, measure
from vctx.eval.story import Recipe
from vctx.fakes import HashingEmbedder, ScriptedModel
from vctx.ports import silent

SETTING = Setting(HashingEmbedder(), "bytes", (400, 2000))


class Reader(HTMLParser):
    """Checks that every element is closed, and gathers what might be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opened and closed."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [] and reader.loaded == [] and "<script" not in text and "url(" not in text
    return reader


def run(**changes: object) -> Run:
    task = shaped.sampled(chats.task(range(2), Recipe(sessions=3)), 4)
    return measure(task, replace(SETTING, **changes), silent)  # type: ignore[arg-type]


def test_a_page_holds_every_figure_and_loads_nothing() -> None:
    model = ScriptedModel(lambda ms: "<b>Lyon</b>")
    made = run(windows=(600,), model=model, reserve=50)
    text = page.page(made)
    read(text)
    for row in report.summary(made)[-1:]:
        for figure in row.figures.values():
            assert figure.mean > 1 or f"{figure.mean:.3f}" in text
    assert text == page.page(made), "the same run gives the same page"


def test_a_system_has_one_colour() -> None:
    style = page.styles(["vctx", "vctx window 600", "faiss", "dense", "vctx", "faiss"])
    assert style["vctx"] == "ours o0" and style["faiss"] == "other s0" and style["dense"].startswith("plain")


def test_a_map_has_a_cell_for_each_length_and_depth() -> None:
    task = needle.task(needle.Recipe(lengths=(1500, 3000), depths=3, questions=1), vctx.tokenizer("bytes"))
    made = measure(task, SETTING, silent)
    maps = page.maps(made)
    read("".join(maps))
    ours = next(one for one in maps if ">vctx<" in one)
    assert ours.count('class="heat"') == 6 and "length in tokens" in ours
    assert re.findall(r'class="(?:on|off)"[^>]*>([\d.]+)<', ours) == ["1.00"] * 6


def line(id: str, case: str, **scores: float) -> Line:
    return Line(case, id, "x", "vctx", scores, case)


def test_two_runs_are_compared_question_by_question() -> None:
    """Of six questions in five cases, four gain 1, one loses 1, one stays: 3/6. `z` was asked once only."""
    before = [0, 0, 0, 0, 1, 1]
    after = [1, 1, 1, 1, 0, 1]
    old, new = (
        Run({}, tuple(line(f"q{n}", str(n % 5), f1=value) for n, value in enumerate(values)))
        for values in (before, after)
    )
    old = replace(old, lines=(*old.lines, line("z", "9", f1=1)))
    [found] = compare.compare(old, new)
    assert (found.questions, found.won, found.lost) == (6, 4, 1)
    assert found.mean == found.after - found.before == 0.5
    assert -0.2 <= found.low < 0.5 < found.high == 1.0 and not found.sure
    assert "+0.500 [" in compare.table([found]) and "*" not in compare.table([found])


def test_runs_that_cannot_be_compared() -> None:
    one, other = Run({}, (line("a", "1", f1=0),)), Run({}, (line("z", "1", f1=0),))
    with pytest.raises(vctx.InputError, match="share no question"):
        compare.compare(one, other)
    with pytest.raises(vctx.InputError, match="no system 'dense'; it has: vctx"):
        compare.compare(one, one, ("vctx", "dense"))


def test_the_commands(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    args = ["--conversations", "1", "--sessions", "3", "--questions", "3"]
    args += ["--embedder", "hashing", "--tokenizer", "bytes"]
    first = CliRunner().invoke(main, ["eval", "chats", *args, "--out", out])
    assert first.exit_code == 0 and "oracle" in first.stdout, first.output
    read((tmp_path / "run" / "report.html").read_text("utf-8"))
    again = CliRunner().invoke(main, ["eval", "report", out])
    assert again.stdout == first.stdout
    both = CliRunner().invoke(main, ["eval", "compare", out, out, "--system", "random", "--system", "oracle"])
    assert both.exit_code == 0 and re.search(r"recall@512 +3 ", both.stdout)
    other = CliRunner().invoke(main, ["eval", "chats", *args, "--budget", "100", "--out", out])
    assert other.exit_code == 1 and "name another --out" in other.output
    longer = CliRunner().invoke(main, ["eval", "chats", *args, "--sessions", "4", "--out", out])
    assert "sessions: 3 there, 4 now" in longer.output and "people:" not in longer.output  # which is the same
    assert log.read(tmp_path / "run").config["questions"] == 3


def test_bad_lines_on_the_command_line(tmp_path: Path) -> None:
    good = '{"history": [{"text": "The cake has eggs."}], "question": "What has eggs?", "gold": ["0"]}\n'
    file = tmp_path / "mine.jsonl"
    file.write_text("{}\n" + good)
    args = ["eval", "jsonl", "--data", str(file), "--embedder", "hashing", "--tokenizer", "bytes"]
    refused = CliRunner().invoke(main, args)
    assert refused.exit_code == 1 and "mine.jsonl, line 1: history: empty" in refused.output
    taken = CliRunner().invoke(main, [*args, "--skip-bad"])
    assert taken.exit_code == 0 and "line 1: history: empty" in taken.stderr and "vctx " in taken.stdout
