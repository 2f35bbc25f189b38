"""The made conversations and documents: the same for the same seed, and every question can be answered."""

import hashlib

import pytest

from vctx.eval import articles, chats
from vctx.eval.story import Recipe


def test_the_generator_is_frozen() -> None:
    """The default weights were trained on what it makes: a change of it is a change of theirs."""
    text = "\n".join(turn.line for made in chats.made(range(3)) for turn in made.turns)
    text += "\n".join(question.text for made in chats.made(range(3)) for question in made.questions)
    text += "\n".join(reading.text for reading in articles.library(0).readings)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "da5fdd619061005d"


@pytest.mark.parametrize("recipe", [Recipe(seed=1), Recipe(seed=2, assistant=True), Recipe(seed=3, people=3)])
def test_the_evidence_of_a_made_question_stands_in_its_conversation(recipe: Recipe) -> None:
    made = chats.conversation(recipe)
    turns = {turn.id for turn in made.turns}
    assert len(turns) == len(made.turns) > 50
    assert all(question.evidence and question.evidence <= turns for question in made.questions)
    assert {"single-hop", "multi-hop", "temporal"} <= {question.category for question in made.questions}
    assert all(turn.speaker for turn in made.turns) is not recipe.assistant


def test_a_recipe_says_what_stands_in_a_conversation() -> None:
    plain = chats.conversation(Recipe(seed=5, sessions=8, distractors=0, smalltalk=0, contradictions=0))
    full = chats.conversation(Recipe(seed=5, sessions=8, distractors=1, smalltalk=1, contradictions=0.5))
    assert len(plain.turns) < len(full.turns)
    assert all(question.category != "corrected" for question in plain.questions)
    assert any(question.category == "corrected" for question in full.questions)


def test_the_evidence_of_a_made_document_is_a_sentence_of_it() -> None:
    library = articles.library(0, articles=30)
    texts = {reading.name: reading.text for reading in library.readings}
    places = [place for question in library.questions for place in question.evidence]
    assert all(texts[name][start].isupper() and texts[name][start - 1].isspace() for name, start in places)
    assert any(len(question.evidence) == 2 for question in library.questions)
