"""Made conversations as a task: dated chats, questions about them, and the turns that answer.

recipe -> story -> questions with their evidence -> conversation
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from vctx.eval.asking import questions
from vctx.eval.case import Task
from vctx.eval.story import Recipe, told
from vctx.eval.talk import Conversation, case

PLAIN = Recipe()
BUDGETS = (512, 1024, 2048, 4096)


def made(seeds: Sequence[int], recipe: Recipe = PLAIN) -> Iterator[Conversation]:
    """A conversation for each seed, of the same recipe."""
    for seed in seeds:
        yield conversation(replace(recipe, seed=seed))


def conversation(recipe: Recipe, name: str = "") -> Conversation:
    """The conversation that a recipe makes, with its questions."""
    story = told(recipe)
    shown = not recipe.assistant
    return Conversation(
        name or f"made-{recipe.seed}",
        story.people[0] if shown else "",
        story.dates,
        {number: header(at) for number, at in story.dates.items()},
        tuple(turn if shown else replace(turn, speaker="") for turn in story.turns),
        tuple(questions(story)),
    )


def header(at: datetime) -> str:
    """A session's date, as it is written above it: "1:56 pm on 8 May, 2023"."""
    return f"{at:%I:%M} {'am' if at.hour < 12 else 'pm'} on {at.day} {at:%B}, {at.year}".lstrip("0")


def task(seeds: Sequence[int], recipe: Recipe = PLAIN) -> Task:
    """Made conversations for the harness."""
    about = asdict(recipe) | {"seed": list(seeds)}
    return Task("chats", tuple(case(one) for one in made(seeds, recipe)), BUDGETS, about)
