"""The main job, checked by itself: `make demo`.

A document of some 190 printed pages (the language reference that CPython carries) and a long chat, with
a model of 135 million parameters whose window is set to 2,048 tokens. Offline, on the CPU. Everything is
kept in .demo/; each run begins anew.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pydoc_data.topics import topics

import vctx
from vctx.cli import show, told
from vctx.cli.session import progress

FOLDER = Path(".demo")
BOOK, SESSION = FOLDER / "reference.txt", FOLDER / "session.db"
WINDOW, RESERVE = 2048, 64
SYSTEM = "Answer in one short sentence. Use the text in memory where it helps."
FAULT = 0.2
"""Share of the room for a fault: so small a model reads a short passage better than a long one."""
LINES = 60
"""Lines of a printed page."""


@dataclass(frozen=True)
class Question:
    """What is asked, what its supporting page says, and what the first line of a right answer contains."""

    text: str
    support: str
    answer: str


QUESTIONS = [
    Question(
        "Which exception does division by zero raise?",
        'Division by zero raises the "ZeroDivisionError" exception',
        "ZeroDivisionError",
    ),
    Question(
        "What is the default value of the fill character in format strings?",
        "defaults to a space if omitted",
        "space",
    ),
    Question(
        "What real part does an imaginary literal have?",
        "yields a complex number with a real part of 0.0",
        "0.0",
    ),
    Question(
        "What is raised when a name is not found at all?",
        'When a name is not found at all, a "NameError" exception is raised',
        "NameError",
    ),
    Question(
        "Which built-in function is used to access the length of a sequence?",
        "returns the number of items of a sequence",
        "len()",
    ),
]

CHAT = [
    "My sister Camille has a bakery in Lyon. The old oven there is called Gustave.",
    "Camille bakes two hundred loaves before noon on Saturdays. What do you think of that?",
    "The bakery opens at six in the morning, and the queue reaches the corner of the street. Would you wait?",
    "What could I write a small program for, to help her?",
]

LAST = Question(
    "What is the old oven in the bakery called?", "The old oven there is called Gustave", "Gustave"
)


@dataclass
class Tally:
    """What the run comes to."""

    supported: int = 0
    right: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Times a part of the run."""
        print(f"\n== {name}")
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start

    def score(self, question: Question, answer: str, pages: list[str]) -> None:
        """Checks vctx's part (the page is there) and the model's (the answer is right)."""
        supported = any(question.support in " ".join(page.split()) for page in pages)
        right = question.answer.lower() in answer.strip().partition("\n")[0].lower()
        self.supported += supported
        self.right += right
        page = "paged in" if supported else "NOT paged in"
        print(f"  supporting page {page}; the model's answer is {'right' if right else 'wrong'}")


def main() -> int:
    """Runs the demo; the exit code says whether every supporting page was paged in."""
    tally = Tally()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    BOOK.write_text(book(), encoding="utf-8")
    with tally.part("the model, converted once"):
        vctx.tokenizer("smollm2")
    with session() as ctx:
        with tally.part("a document goes to disk"):
            add(ctx)
        with tally.part("five questions about it"):
            for question in QUESTIONS:
                ask(ctx, question, tally)
        with tally.part("a chat runs past the window"):
            for text in CHAT:
                say(ctx, text)
            summary(ctx)
    with tally.part("a new process, from disk"):
        restart(tally)
    with session() as ctx:
        report(ctx, tally)
    return 0 if tally.supported == len(QUESTIONS) + 1 else 1


def book() -> str:
    """The language reference as plain text, form feeds between its printed pages."""
    lines = "\n\n".join(topics[name].strip("\n") for name in sorted(topics)).split("\n")
    pages = ["\n".join(lines[start : start + LINES]) for start in range(0, len(lines), LINES)]
    return "\n\f".join(pages)


def session() -> vctx.Context:
    """The session, with the local model's window set small."""
    return vctx.open(SESSION, window=WINDOW, reserve=RESERVE, fault=FAULT, system=SYSTEM, progress=progress)


def add(ctx: vctx.Context) -> None:
    document = ctx.add(vctx.read(BOOK))
    ctx.embed()
    printed = BOOK.read_text(encoding="utf-8").count("\f") + 1
    print(f"  {document.name}: {printed} printed pages, {document.chunks} pages of vctx")


def ask(ctx: vctx.Context, question: Question, tally: Tally) -> None:
    print(f"\n> {question.text}")
    answer = ctx.chat(question.text)
    quote = ctx.support(f"{question.text} {answer}", answer.hits)
    print(show.answered(answer, quote))
    tally.score(question, answer.text, [page.text for page in ctx.pages([hit.page for hit in answer.hits])])


def say(ctx: vctx.Context, text: str) -> None:
    print(f"\n> {text}")
    answer = ctx.chat(text)
    print(f"{show.said(answer)}\n  {show.paging(answer)}")


def summary(ctx: vctx.Context) -> None:
    """Shows the flushes, and what became of what they evicted."""
    ctx.window()
    print()
    for entry in ctx.log():
        if entry.plan.evict or entry.cause == "fold":
            print(f"  {entry.cause}: {told.reason(entry)}")
            if entry.cause == "fold":
                print(f"    {ctx.pages([entry.outcome['page']])[0].text}")


def restart(tally: Tally) -> None:
    """The command line, as a user would: a process that knows only the file."""
    options = ["--db", str(SESSION), "--window", str(WINDOW), "--reserve", str(RESERVE)]
    options += ["--system", SYSTEM, "--json"]
    command = [sys.executable, "-m", "vctx", "ask", *options, LAST.text]
    print(f"\n> vctx ask --db {SESSION} {LAST.text!r}")
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f'{result["answer"]}\n\n  "{result["quote"]["sentence"]}"\n  page {result["quote"]["page"]}')
    print(
        f"  {result['faults']} pages paged in, "
        f"{result['tokens']:,} of {result['limit']:,} tokens in the window"
    )
    tally.score(LAST, result["answer"], [page["text"] for page in result["pages"]])


def report(ctx: vctx.Context, tally: Tally) -> None:
    log, stats = ctx.log(), ctx.stats()
    on_disk = sum(ctx.tokenizer.count([page.text for page in ctx.pages(range(1, stats.pages + 1))]))
    recalls = [entry for entry in log if entry.cause == "recall"]
    faults = sum(len(entry.plan.load) for entry in recalls)
    rows = {
        "pages on disk": f"{stats.pages:,}",
        "tokens on disk": f"{on_disk:,}",
        "tokens in the window": f"{ctx.tokens(ctx.window()):,} of {ctx.budget.room:,}",
        "references": f"{sum(len(entry.plan.touch) for entry in recalls) + faults}",
        "faults": f"{faults}",
        "evictions": f"{sum(len(entry.plan.evict) for entry in log)}",
        "supporting page paged in": f"{tally.supported} of {len(QUESTIONS) + 1}",
        "answers right (the model's part)": f"{tally.right} of {len(QUESTIONS) + 1}",
        **{f"seconds: {name}": f"{seconds:.1f}" for name, seconds in tally.seconds.items()},
    }
    print("\n== in all")
    for name, value in rows.items():
        print(f"  {name:<42}{value:>16}")


if __name__ == "__main__":
    sys.exit(main())
