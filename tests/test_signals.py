"""What ranks a page: dates in words, what a text is like, the table of signals, weights."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import vctx
from vctx.candidates import Candidates
from vctx.dates import gap, intervals
from vctx.field import Field
from vctx.lexicon import holds, stem, terms, traits
from vctx.ranking import weigh
from vctx.recall import names_in
from vctx.signals import standard, table
from vctx.types import Hit, Page, Source
from vctx.weights import PLAIN, SIGNALS, VALUES, Weights, dump, load

TODAY = date(2023, 8, 20)  # a Sunday


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("What did Ana do on 7 May 2023?", "2023-05-07", "2023-05-07"),
        ("on May 7th, 2022", "2022-05-07", "2022-05-07"),
        ("on 2022-03-04", "2022-03-04", "2022-03-04"),
        ("on September 3", "2022-09-03", "2022-09-03"),  # the last one that is past
        ("last May", "2023-05-01", "2023-05-31"),
        ("in February 2024", "2024-02-01", "2024-02-29"),
        ("two weeks ago", "2023-08-03", "2023-08-09"),
        ("last week", "2023-08-07", "2023-08-13"),
        ("last month", "2023-07-01", "2023-07-31"),
        ("last Friday", "2023-08-18", "2023-08-18"),
        ("on Sunday", "2023-08-13", "2023-08-13"),
        ("yesterday", "2023-08-19", "2023-08-19"),
        ("in the summer of 2021", "2021-06-01", "2021-08-31"),
        ("in 2019", "2019-01-01", "2019-12-31"),
    ],
)
def test_dates_in_words(text: str, first: str, last: str) -> None:
    assert intervals(text, TODAY) == ((date.fromisoformat(first), date.fromisoformat(last)),)


@pytest.mark.parametrize("text", ["we may go", "the second one", "on 31 February 2023", ""])
def test_what_is_no_date(text: str) -> None:
    assert intervals(text, TODAY) == ()


def test_how_far_a_gap_leads() -> None:
    assert gap("What happened two weeks before the party?") == timedelta(days=-14)
    assert gap("three days after that") == timedelta(days=3)
    assert gap("before the party") is None


def test_stems() -> None:
    assert {stem(word) for word in ("adopt", "adopts", "adopted", "adopting")} == {"adopt"}
    assert stem("parties") == stem("party") and stem("running") == stem("run")
    assert terms("When did she run to the parties?") == ["run", "party"]


def test_what_a_text_is_like() -> None:
    one = traits("Wow, that's great! What did you do in June?")
    assert one.acknowledges and one.asks and one.questions and not one.own
    other = traits("I paid 40 for it, says Ana.")
    assert other.own and not other.asks and not other.acknowledges
    assert holds("in June", "time") and traits("forty").number and holds("says Ana", "name")
    assert not holds("What is it?", "time") and not holds("What is it?", "name")
    assert not traits("What is it?").number


def test_names_in_a_text() -> None:
    text = "It was built by Osric Istvane for Ulverston & Sons. Later, in Lyon, the Bridge of Sighs stood."
    assert names_in(text) == ["Osric Istvane", "Ulverston & Sons", "Lyon", "Bridge of Sighs"]


def said(*texts: str, author: str = "Ana", days: int = 0) -> list[Page]:
    start = datetime(2023, 5, 7, tzinfo=UTC)
    return [
        Page("message", "user", text, start + timedelta(days=days * n), "user", author, id=n + 1)
        for n, text in enumerate(texts)
    ]


def signals(question: str, pages: list[Page]) -> dict[str, list[float]]:
    nothing = np.zeros(len(pages))
    field = Field(pages, nothing, nothing, datetime(2023, 8, 20, tzinfo=UTC))
    hits = Candidates.of(Hit(page.id, dense=0.0) for page in pages)
    return {name: column.round(3).tolist() for name, column in table(question, hits, field).items()}


def test_every_signal_has_a_value() -> None:
    assert set(signals("Where?", said("a"))) == set(SIGNALS)


def test_the_words_of_a_question() -> None:
    """`puppy` stands on one of two pages and weighs log(1 + 1.5 / 1.5); `red` on none: log(1 + 2.5 / .5)."""
    found = signals("the red puppy", said("A puppy!", "Nothing."))
    share = np.log(2) / (np.log(2) + np.log(6))
    assert found["cover"] == pytest.approx([share, 0], abs=1e-3)
    assert found["near_cover"] == pytest.approx([share, share], abs=1e-3)


def test_the_time_of_a_question() -> None:
    """Written on 7, 8 and 9 May; the third says what happened on the day before it."""
    found = signals("What happened on 8 May 2023?", said("Hm.", "Look!", "We met yesterday.", days=1))
    assert found["within"] == [0, 1, 0]
    assert found["after"] == pytest.approx([0, 0, np.exp(-0.1)], abs=1e-3)
    assert found["happened"] == [0, 0, 1]


def test_the_time_of_a_question_that_counts_from_something_else() -> None:
    """Written 7, 14, 21 and 28 May; the party was on the day before the last."""
    pages = said("Hm.", "We met.", "Look!", "The party was yesterday.", days=7)
    nothing, like = np.zeros(4), np.array([0.1, 0.2, 0.1, 0.9])
    field = Field(pages, like, like, datetime(2023, 8, 20, tzinfo=UTC))
    hits = Candidates.of(Hit(page.id, dense=0.0) for page in pages)

    def within(question: str) -> list[float]:
        columns: list[float] = table(question, hits, field)["within"].tolist()
        return columns

    assert within("What did Ana do two weeks before the party?") == [0, 1, 0, 0]
    assert within("What did Ana do a week after 14 May 2023?") == [0, 0, 1, 0]
    assert within("What did Ana do before the party?") == nothing.tolist()


def test_who_said_it_and_what_it_follows() -> None:
    pages = said("Where do you live?", "I live in Lyon.")
    found = signals("Where does Ana live?", pages)
    assert found["author"] == [1, 1] and found["own"] == [0, 1] and found["told"] == [0, 1]
    assert found["asks"] == [1, 0] and found["answers"] == [0, 1]
    assert signals("Where do I live?", pages)["author"] == [1, 1]
    assert signals("Where does it live?", pages)["author"] == [0, 0]


def test_a_name_is_followed_into_the_document_that_bears_it() -> None:
    at = datetime(2023, 1, 1, tzinfo=UTC)
    sources = [Source("Bridge", 0, 9, None, "Bridge"), Source("Osric Vane", 0, 9, None, "Osric Vane: Life")]
    texts = ["Built by Osric Vane.", "Born in 1812."]
    pages = [
        Page("chunk", "user", text, at, "document", source=source, id=5 * n + 1)
        for n, (text, source) in enumerate(zip(texts, sources, strict=True))
    ]
    nothing = np.zeros(2)
    field = Field(pages, nothing, nothing, at, {"Osric Vane": (1, 6)})
    found = table("Who built it?", Candidates.of([Hit(1), Hit(6)]), field)
    assert found["hop"].tolist() == [0, 1] and found["linked"].tolist() == [1, 0]


def test_scores_are_standardised() -> None:
    assert standard(np.array([1.0, 3.0, np.nan])).tolist() == [-1.0, 1.0, -1.0]
    assert standard(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]
    assert standard(np.array([np.nan])).tolist() == [0.0]


def test_a_score_is_the_bias_and_its_shares() -> None:
    columns = {"dense": np.array([1.0, -1.0]), "cover": np.array([0.5, 1.0])}
    weights = Weights({"dense": 2.0, "cover": 1.0}, {"dense": 1.0}, -1.0, 0.5)
    message, chunk = said("a", "b")
    chunk = replace(chunk, kind="chunk", source=Source("d", 0, 1))
    one, two = weigh(Candidates.of([Hit(1), Hit(2)]), columns, [message, chunk], weights)
    assert (one.page, one.score, dict(one.signals)) == (1, 1.5, {"dense": 2.0, "cover": 0.5})
    assert (two.page, two.score, dict(two.signals)) == (2, -0.5, {"dense": -1.0})
    assert one.worth == pytest.approx(1 / (1 + np.exp(-1.5)))


def test_the_default_weights_are_those_of_the_file_and_say_what_made_them() -> None:
    weights = load(None)
    assert weights.trained and {"generator", "command"} <= set(weights.about)
    assert "hop" in weights.chunk and "author" in weights.message
    assert load("plain") is PLAIN and not PLAIN.trained and set(VALUES.message) == set(SIGNALS)
    assert weights.floor(2.0) < 2.0 and PLAIN.floor(2.0) == 0.0


def test_weights_come_back_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    made = Weights({"dense": 1.25}, {"hop": 2.0}, -3.0, -4.0, about={"questions": 7})
    file.write_text(dump(made))
    assert load(file) == made


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"message": 3}'])
def test_a_file_without_weights_is_an_input_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(vctx.InputError, match=r"w\.json"):
        load(tmp_path / "w.json")
    with pytest.raises(vctx.InputError, match="cannot read"):
        load(tmp_path / "none.json")


def test_unknown_signals_are_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(dump(Weights({"magic": 1.0}, {})))
    with pytest.raises(vctx.InputError, match="magic"):
        load(tmp_path / "w.json")
