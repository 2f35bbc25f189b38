"""Questions and pages that nobody thinks of: they cost milliseconds, and are answered."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import vctx
from vctx.fakes import HashingEmbedder, WordTokenizer
from vctx.lexicon import terms
from vctx.storage import SqliteDisk
from vctx.types import Page, Search

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = " ".join(f"word{n}" for n in range(14_000))


def opened(path: Path) -> vctx.Context:
    return vctx.open(
        path, model=None, tokenizer=WordTokenizer(), embedder=HashingEmbedder(), background=False
    )


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vctx.Context]:
    """300 small pages; 301: one word five thousand times."""
    with opened(tmp_path_factory.mktemp("odd") / "s.db") as ctx:
        with ctx.relaxed():
            for n in range(300):
                ctx.append("user", f"The harbour has boat {n} and weather {n % 7}.", author="Ana")
            ctx.append("user", "needle " * 5000 + "The lighthouse is red.", author="Bo")
        ctx.search("boat")
        yield ctx


def test_a_page_with_thousands_of_hits_of_one_word(ctx: vctx.Context) -> None:
    assert ctx.search("Where is the needle?", 1)[0].page == 301
    [hit, *_] = [hit for hit in ctx.search("Which lighthouse is red?", 3) if hit.page == 301]
    assert hit.span is not None  # the one that says so, of many
    assert "lighthouse" in ctx.pages([301])[0].text[slice(*hit.span)]
    assert ctx.search("Where is boat 17?", 1)[0].page == 18


@pytest.mark.parametrize("question", ["", "   ", "?!", "\0", "x\ud800y", "😀" * 999, "1" * 5000])
def test_a_question_that_says_nothing_is_answered(ctx: vctx.Context, question: str) -> None:
    hits = ctx.search(question)
    assert hits and [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert ctx.search(question) == hits


@pytest.mark.parametrize("question", [WORDS, "harbour " * 12_500, "a" * 100_000, "AB1234 " * 14_000])
def test_a_question_of_100_kb_is_answered(ctx: vctx.Context, question: str) -> None:
    assert ctx.search(question, 20)


def test_a_needle_in_a_question_of_100_kb(ctx: vctx.Context) -> None:
    assert 34 in {hit.page for hit in ctx.search(f"boat 33? {'harbour ' * 12_500}", 5)}


def test_words_of_a_script_without_spaces() -> None:
    assert terms("北京烤鸭 is 好") == ["北京", "京烤", "烤鸭", "好"]
    assert terms("東京タワーはAB") == ["東京", "京タ", "タワ", "ワー", "ーは", "ab"]


def test_a_chinese_question(tmp_path: Path) -> None:
    """Of 300 pages that all look alike to a bag of words, two hold the words; neither lies near the other."""
    with opened(tmp_path / "s.db") as ctx, ctx.relaxed():
        same = "第{}天，船停在港口，风不大。"
        for n in range(120):
            ctx.append("user", same.format(n), author="韩梅梅")
        duck = ctx.append("user", "我们昨天在上海吃了北京烤鸭，很好吃。", author="李雷").id
        for n in range(120, 240):
            ctx.append("user", same.format(n), author="韩梅梅")
        wall = ctx.append("user", "天气很好，我们去了长城。", author="韩梅梅").id
        for n in range(240, 300):
            ctx.append("user", same.format(n), author="韩梅梅")
        assert ctx.search("北京烤鸭好吃吗？", 1, before=())[0].page == duck
        assert wall in {hit.page for hit in ctx.search("他们去了长城没有？", 5, before=())}
        assert ctx.search("東京タワー", before=())


@pytest.mark.parametrize("text", ["北京烤鸭", "タワー"])
def test_words_without_spaces_on_a_branch_and_once_forgotten(tmp_path: Path, text: str) -> None:
    with SqliteDisk(tmp_path / "s.db") as disk:
        with disk.transaction():
            side = disk.fork(0, 0)
            said = ("Hm.", f"昨日{text}を", f"{text}好吃", "x\ud800" + text)
            disk.put([Page("message", "user", one, NOW, "user") for one in said])
            disk.put([Page("message", "user", f"我{text}", NOW, "user", branch=side)])
        found = disk.search(Search(f"{text}?", 9), None)
        assert {hit.page for hit in found} == {2, 3, 4, 5}
        assert {hit.page for hit in disk.search(Search(text, 9), None, branch=side)} == {5}
        disk.forget([3])
        assert {hit.page for hit in disk.search(Search(text, 9), None)} == {2, 4, 5}
