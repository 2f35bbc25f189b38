"""What is told in a made conversation: things happen to people, change, and are corrected.

What there is to say stands in text/chats.toml. The same recipe gives the same story, whatever the machine.
Pure but for reading that file.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from vctx.eval.talk import Turn, TurnId

TEXT = Path(__file__).with_name("text") / "chats.toml"
Values = Mapping[str, str]
_ARTICLES = re.compile(
    r"\b(the|an?|my|their|old|new|(?!it|that|there|what)\w+'s) (?:an?|the) ", re.IGNORECASE
)
"""What a slot with its own article leaves behind: "the a canoe"."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a conversation is made. Shares are probabilities, from 0 to 1."""

    seed: int = 0
    people: int = 2
    sessions: int = 22
    scenes: int = 3
    """Things told in a session, on average."""
    smalltalk: float = 0.5
    """Share of scenes that are followed by talk about nothing."""
    distractors: float = 0.5
    """Share of scenes after which somebody speaks of such a thing that did not happen, or long ago."""
    times: float = 0.8
    """Share of tellings that say when it was; the others happened on the day."""
    updates: float = 0.15
    """Share of scenes in which what held before changes: a home, a job."""
    contradictions: float = 0.06
    """Share of scenes whose teller was wrong, and says so in a later session."""
    echoes: float = 0.5
    """Share of replies that take up what was told, so that words alone do not find who told it."""
    musing: float = 0.8
    """Share of turns with a longer thought that tells nothing, so that most turns are of some length."""
    hearsay: float = 0.08
    """Share of scenes that the other opens: what happened to somebody is first said by someone else."""
    assistant: bool = False
    """A user with an assistant, without names, in place of people among themselves."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to somebody: when, and which turns speak of it."""

    person: str
    topic: Mapping[str, Any]
    values: Values
    first: datetime
    last: datetime
    """The days between which it happened, as far as is said."""
    dated: bool
    told: TurnId
    details: tuple[tuple[int, TurnId], ...] = ()
    """(number of the detail, the turn that tells it)"""
    corrected: TurnId | None = None

    @property
    def key(self) -> str:
        """What tells it apart from the like: the first slot of `act`."""
        return key_of(self.topic, self.values)


@dataclass
class Story:
    """A conversation in the making."""

    recipe: Recipe
    random: Random
    people: tuple[str, ...]
    dates: dict[int, datetime] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The date of the session that is being written."""
        return self.dates[len(self.dates)]

    def say(self, speaker: str, *parts: str) -> TurnId:
        """One more turn of the present session."""
        text = ""
        for part in filter(None, parts):
            text += part if not text else f" {_lower(part) if text.endswith((',', ':')) else capital(part)}"
        session = len(self.dates)
        place = 1 + sum(turn.id[0] == session for turn in self.turns)
        self.turns.append(Turn((session, place), speaker, text))
        return session, place

    def pick(self, kind: str, speaker: str, chance: float = 1.0) -> str:
        """A line of chatter, or (sometimes) none."""
        if self.random.random() >= chance:
            return ""
        other = self.random.choice([person for person in self.people if person != speaker])
        line: str = self.random.choice(lines()["chatter"][kind])
        return line.replace("{other}", other)


@cache
def lines() -> dict[str, Any]:
    """The file of phrases."""
    return tomllib.loads(TEXT.read_text("utf-8"))


def told(recipe: Recipe) -> Story:
    """Everything that is said, and what of it happened."""
    random = Random(recipe.seed)
    people = tuple(random.sample(lines()["slots"]["person"], max(2, recipe.people)))
    story = Story(recipe, random, people)
    at = datetime(2021, 1, 1) + timedelta(days=random.randrange(900), hours=random.randrange(8, 22))
    wrong: list[Event] = []
    for number in range(1, recipe.sessions + 1):
        story.dates[number] = at
        _session(story, wrong)
        at += timedelta(days=random.randint(1, 16), hours=random.randint(-3, 3))
    return story


def _session(story: Story, wrong: list[Event]) -> None:
    random, recipe = story.random, story.recipe
    first = story.people[0] if recipe.assistant else random.choice(story.people)
    if not recipe.assistant:
        story.say(first, story.pick("hello", first))
        other = _other(story, first)
        story.say(other, story.pick("well", other), story.pick("small", other, 0.3))
    while wrong:
        _correct(story, wrong.pop())
    for _ in range(max(1, round(random.gauss(recipe.scenes, 1)))):
        if event := _scene(story, wrong):
            story.events.append(event)
        _between(story)
    if not recipe.assistant:
        story.say(first, story.pick("small", first, 0.3), story.pick("bye", first))


def _scene(story: Story, wrong: list[Event]) -> Event | None:
    """Somebody tells something, the other asks, details follow."""
    random, recipe = story.random, story.recipe
    person = story.people[0] if recipe.assistant else random.choice(story.people)
    topic = _topic(story, person)
    values = _values(story, person, topic)
    if values is None:
        return None
    phrase, first, last = _when(story) if random.random() < recipe.times else ("", story.now, story.now)
    said = _open(story, person, topic, {**values, "when": phrase or "today"}, phrase)
    details = []
    key = values.get(key_of(topic, values), "")
    for number in random.sample(range(len(topic["detail"])), random.randint(0, len(topic["detail"]))):
        detail = topic["detail"][number]
        _reply(story, person, random.choice(detail["ask"]), key)
        answer = fill(random.choice(detail["tell"]), values)
        turn = story.say(
            person,
            story.pick("ack", person, 0.15),
            answer,
            story.pick("after", person, 0.3),
            story.pick("muse", person, recipe.musing),
            story.pick("muse", person, recipe.musing / 3),
        )
        details.append((number, turn))
    _reply(story, person, story.pick("curious", person, 0.4), key)
    event = Event(person, topic, values, first, last, bool(phrase), said, tuple(details))
    if random.random() < recipe.contradictions:
        wrong.append(event)
    return event


def _open(story: Story, person: str, topic: Mapping[str, Any], values: Values, phrase: str) -> TurnId:
    """The turn that says that something happened: its own teller's, or somebody's who has heard of it."""
    if not story.recipe.assistant and story.random.random() < story.recipe.hearsay:
        other = _other(story, person)
        line = story.random.choice(lines()["chatter"]["hearsay"]).replace("{act}", topic["act"][0])
        said = story.say(
            other, fill(line, {**values, "other": person}, phrase), story.pick("muse", other, 0.3)
        )
        story.say(person, story.pick("ack", person), story.pick("muse", person, story.recipe.musing))
        return said
    return story.say(
        person,
        story.pick("before", person, 0.4),
        fill(story.random.choice(topic["say"]), values, phrase),
        story.pick("small", person, 0.15),
        story.pick("after", person, 0.4),
        story.pick("muse", person, story.recipe.musing),
        story.pick("muse", person, story.recipe.musing / 3),
    )


def _correct(story: Story, event: Event) -> None:
    """The teller takes back what was said of an event: another thing of the kind is true."""
    if not (slot := event.key):
        return
    values = {**event.values, slot: story.random.choice(lines()["slots"][slot])}
    if values[slot] == event.values[slot] or event not in story.events:
        return
    line = fill(story.random.choice(event.topic["say"]), {**values, "when": "back then"})
    frame = story.random.choice(lines()["chatter"]["correct"])
    turn = story.say(event.person, frame.replace("{line}", line))
    _reply(story, event.person, "", values[slot])
    number = story.events.index(event)
    story.events[number] = replace(event, values=values, corrected=turn)


def _between(story: Story) -> None:
    """Talk about nothing, and about such things that did not happen."""
    random, recipe = story.random, story.recipe
    speaker = story.people[0] if recipe.assistant else random.choice(story.people)
    if recipe.assistant and random.random() < recipe.smalltalk:
        number = random.randrange(len(lines()["chatter"]["task"]))
        story.say(story.people[0], lines()["chatter"]["task"][number])
        story.say(story.people[1], lines()["chatter"]["result"][number])
    elif random.random() < recipe.smalltalk:
        story.say(speaker, story.pick("small", speaker), story.pick("muse", speaker, recipe.musing))
        _reply(story, speaker, story.pick("small", speaker, 0.5))
    if random.random() < recipe.distractors:
        topic = random.choice(lines()["topic"])
        mine = [event for event in story.events if event.person == speaker and event.topic["later"]]
        if mine and random.random() < 0.5:
            event = random.choice(mine)
            line = fill(random.choice(event.topic["later"]), event.values)
        else:
            line = fill(random.choice(topic["maybe"]), _draw(story))
        story.say(speaker, line, story.pick("muse", speaker, recipe.musing))
        _reply(story, speaker, story.pick("small", speaker, 0.3))


def _reply(story: Story, person: str, more: str, key: str = "") -> None:
    """Somebody answers: polite, perhaps with what was told in it, perhaps with a question."""
    other = _other(story, person)
    if story.recipe.assistant:
        story.say(other, story.pick("helper", other, 0.8 if more else 1.0), more)
        return
    echo = story.pick("echo", other, story.recipe.echoes) if key else ""
    story.say(
        other,
        story.pick("ack", other, 0.8 if more or echo else 1.0),
        echo.replace("{key}", key).replace("{Key}", capital(key)),
        story.pick("muse", other, story.recipe.musing),
        more,
    )


def _other(story: Story, person: str) -> str:
    others = [other for other in story.people if other != person]
    return others[0] if story.recipe.assistant else story.random.choice(others)


def _topic(story: Story, person: str) -> Mapping[str, Any]:
    """Any topic; sometimes one that was told of this person before and changes now."""
    again = [e.topic for e in story.events if e.person == person and e.topic.get("update")]
    if again and story.random.random() < story.recipe.updates:
        return story.random.choice(again)
    chosen: Mapping[str, Any] = story.random.choice(lines()["topic"])
    return chosen


def _values(story: Story, person: str, topic: Mapping[str, Any]) -> Values | None:
    """Slots filled so that nothing happens twice in the same way to a person; None where nothing is left."""
    slot = key_of(topic, {})
    same = [e for e in story.events if e.person == person and e.topic["name"] == topic["name"]]
    if not slot:
        return _draw(story) if not same else None
    left = [v for v in lines()["slots"][slot] if all(v != e.values[slot] for e in same)]
    return {**_draw(story), slot: story.random.choice(left)} if left else None


def _draw(story: Story) -> dict[str, str]:
    return {slot: story.random.choice(values) for slot, values in lines()["slots"].items()}


def _when(story: Story) -> tuple[str, datetime, datetime]:
    """A time reference, and the days that it means on the present date."""
    today, random = story.now, story.random
    days = random.choice([0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 30])
    at = today - timedelta(days=days)
    if days <= 1:
        return random.choice([["today", "this morning"], ["yesterday", "last night"]][days]), at, at
    if days <= 6:
        near = [f"last {at:%A}", f"{number(days)} days ago", f"on {at:%A}"]
        return random.choice(near), at, at
    if days == 30:
        return "last month", *month(at)
    weeks = {7: "last week", 10: "a while ago", 14: "two weeks ago", 21: "three weeks ago"}[days]
    exact = [f"on {at.day} {at:%B}", f"on {at:%B} {at.day}"]
    slack = timedelta(days=3)
    return random.choice([(weeks, at - slack, at + slack), (random.choice(exact), at, at)])


def month(at: datetime) -> tuple[datetime, datetime]:
    """The first and the last day of a date's month."""
    first = at.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def number(n: int) -> str:
    """A small number in words."""
    return ["no", "one", "two", "three", "four", "five", "six", "seven"][n]


def key_of(topic: Mapping[str, Any], values: Values) -> str:
    """The first slot of the topic's act; empty where it has none."""
    found = re.search(r"\{(\w+)\}", topic["act"][0])
    return found[1] if found else ""


def fill(template: str, values: Values, when: str | None = None) -> str:
    """A template with its slots filled; a time reference that is not said is left out."""
    if when == "":
        template = re.sub(r"^\{when\},? |,? ?\{when\}", "", template)
    text = re.sub(r"\{([^}]+)\}", lambda found: values[found[1]], template)
    return capital(_ARTICLES.sub(r"\1 ", text))


def _lower(text: str) -> str:
    """Without it, unless it is "I" or a name of its own."""
    return text if text[:2] in ("I ", "I'") else text[:1].lower() + text[1:]


def capital(text: str) -> str:
    """With a capital letter at its beginning."""
    return text[:1].upper() + text[1:]
