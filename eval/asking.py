"""What is asked about a made conversation, and which turns answer it. Pure.

single-hop     one thing that was told          multi-hop   all times that it happened, two events and
temporal       when; what on a date             the time between, a detail of what is only dated
update         what holds now                   follow-up   of what was asked just before
corrected      what was put right
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from vctx.eval.story import Event, Story, fill, lines, month, number
from vctx.eval.talk import Question, TurnId

_OBJECT = (
    r"(\b(?:with|for|to|of|by|give|tell|helped|accompanied|lent|cost|moved|inspired|comforts|keeps) )\{name\}"
)
_FIRST = (
    (r"\bdoes \{name\}", "do I"),
    (r"\bhas \{name\}", "have I"),
    (r"\bis \{name\}", "am I"),
    (r"\bwas \{name\}", "was I"),
    (_OBJECT, r"\1me"),
    (r"\{name's\}", "my"),
    (r"\{name\}", "I"),
)
"""What turns a question about somebody into one about oneself."""

_SPAN = (
    "How much time passed between the day {a} {x} and the day {b} {y}?",
    "What happened first: {a} {x}, or {b} {y}?",
    "How long after {a} {x} was it that {b} {y}?",
)
_DATED = ("What did {name} do {when}?", "What happened to {name} {when}?", "What was new with {name} {when}?")
_BEFORE = ("What had {name} done {gap} before {x}?", "What was going on in {name's} life {gap} before {x}?")


def questions(story: Story) -> Iterator[Question]:
    """All questions that have one right answer, in an order that the story's seed decides."""
    random = Random(story.recipe.seed + 1)
    found = [
        question
        for event in story.events
        for question in (*_single(story, event, random), *_follow(story, event, random))
    ]
    found += [*_quoted(story, random), *_many(story, random), *_spans(story, random), *_dated(story, random)]
    random.shuffle(found)
    seen: set[str] = set()
    for question in found:
        if question.text not in seen or question.before:
            seen.add(question.text)
            yield question


def ask(story: Story, template: str, event: Event) -> str:
    """A question about an event, by name or, with an assistant, in the first person."""
    if story.recipe.assistant:
        for pattern, text in _FIRST:
            template = re.sub(pattern, text, template)
    return fill(template, {**event.values, "name": event.person, "name's": f"{event.person}'s"})


def _like(story: Story, event: Event) -> list[Event]:
    """The same kind of thing, as it happened to the same person."""
    return [e for e in story.events if e.person == event.person and e.topic["name"] == event.topic["name"]]


def _tells_apart(story: Story, template: str, event: Event) -> bool:
    """Whether a question can only mean this event."""
    like = _like(story, event)
    key = "{" + event.key + "}"
    return len(like) == 1 or (bool(event.key) and key in template)


def _single(story: Story, event: Event, random: Random) -> Iterator[Question]:
    like = _like(story, event)
    told = event.corrected or event.told
    if event.corrected:
        yield _question(story, random.choice(event.topic["which"]), event, "corrected", {told})
    elif event.topic.get("update") and event is like[-1] and len(like) > 1:
        yield _question(story, random.choice(event.topic["which"]), event, "update", {told})
    elif len(like) == 1:
        yield _question(story, random.choice(event.topic["which"]), event, "single-hop", {told})
    when = [t for t in event.topic["when"] if _tells_apart(story, t, event)]
    if when and not event.corrected:
        yield _question(story, random.choice(when), event, "temporal", {event.told})
    for which, turn in event.details:
        template = random.choice(event.topic["detail"][which]["q"])
        if _tells_apart(story, template, event):
            yield _question(story, template, event, "single-hop", {turn})
        elif not event.corrected:
            at = f"{event.first:%B} {event.first.year}"
            text = f"{ask(story, template, event)[:-1]}, the time in {at}?"
            yield Question(text, "multi-hop", frozenset({turn, event.told}))


def _follow(story: Story, event: Event, random: Random) -> Iterator[Question]:
    """A question that leans on the one before it."""
    if not event.details or len(_like(story, event)) > 1 or story.recipe.assistant:
        return
    which, turn = random.choice(event.details)
    before = ask(story, random.choice(event.topic["which"]), event)
    template = random.choice(event.topic["detail"][which]["q"])
    short = re.sub(_OBJECT, r"\1them", template).replace("{name's}", "their").replace("{name}", "they")
    short = re.sub(r"\b(does|did|has|was|is) they\b", lambda m: _PLURAL[m[1]] + " they", short)
    opening = random.choice(["", "And ", "So ", "OK, and "])
    text = fill(opening + (short if not opening else short[0].lower() + short[1:]), event.values)
    yield Question(text, "follow-up", frozenset({turn}), (before,))


_PLURAL = {"does": "do", "did": "did", "has": "have", "was": "were", "is": "are"}


def _quoted(story: Story, random: Random) -> Iterator[Question]:
    """What a turn says, asked in its own words: any turn, as long as the words stand together in no other."""
    held = [frozenset(_nouns(turn.text)) for turn in story.turns]
    for turn, words in random.sample(list(zip(story.turns, held, strict=True)), len(held) // 3):
        rare = sorted(word for word in words if sum(word in other for other in held) <= 6)
        if len(rare) < 2 or story.recipe.assistant:
            continue
        a, b = random.sample(rare, 2)
        others = [other for other in held if a in other and b in other]
        template = random.choice(lines()["chatter"]["quoted"])
        if len(others) == 1 and ("{b}" in template or sum(a in other for other in held) <= 2):
            text = fill(template, {"name": turn.speaker, "a": a, "b": b})
            turns = {t.id for t, other in zip(story.turns, held, strict=True) if a in other}
            yield Question(text, "quoted", frozenset({turn.id} if "{b}" in template else turns))


def _nouns(text: str) -> list[str]:
    """Words that may be asked about: of some length, in lower case, the first of a sentence left out."""
    return [word for word in re.findall(r"(?<=[a-z,;] )[a-z]{5,}\b", text) if word not in _COMMON]


_COMMON = frozenset(
    [
        "about",
        "after",
        "again",
        "always",
        "another",
        "around",
        "because",
        "before",
        "being",
        "could",
        "doing",
        "during",
        "every",
        "first",
        "going",
        "having",
        "maybe",
        "never",
        "often",
        "other",
        "really",
        "should",
        "since",
        "still",
        "their",
        "there",
        "these",
        "thing",
        "things",
        "think",
        "those",
        "through",
        "today",
        "until",
        "where",
        "which",
        "while",
        "whole",
        "would",
        "yesterday",
    ]
)


def _many(story: Story, random: Random) -> Iterator[Question]:
    """Everything of one kind that happened to somebody."""
    groups = {(e.person, e.topic["name"]): _like(story, e) for e in story.events}
    for like in groups.values():
        if len(like) > 1:
            turns = {event.corrected or event.told for event in like}
            yield _question(story, random.choice(like[0].topic["many"]), like[0], "multi-hop", turns)


def _spans(story: Story, random: Random) -> Iterator[Question]:
    """Two events and the time between them."""
    sure = [e for e in story.events if e.dated and e.key and not e.corrected and _unique(story, e)]
    for _ in range(len(sure) // 6):
        a, b = random.sample(sure, 2)
        template = random.choice(_SPAN)
        x, y = fill(a.topic["act"][0], a.values), fill(b.topic["act"][0], b.values)
        names = [("I" if story.recipe.assistant else e.person) for e in (a, b)]
        values = {"a": names[0], "b": names[1], "x": _lower(x), "y": _lower(y)}
        yield Question(fill(template, values), "multi-hop", frozenset({a.told, b.told}))


def _dated(story: Story, random: Random) -> Iterator[Question]:
    """What happened on a date, in a month, or some time before something else."""
    for event in random.sample(story.events, len(story.events) // 4):
        phrase, first, last = _asked(story, event, random)
        turns = {
            e.told
            for e in story.events
            if e.person == event.person and not e.corrected and first <= e.first and e.last <= last
        }
        if 0 < len(turns) <= 4:
            template = random.choice(_DATED).replace("{when}", phrase)
            yield _question(story, template, event, "temporal" if len(turns) == 1 else "multi-hop", turns)
    yield from _before(story, random)


def _asked(story: Story, event: Event, random: Random) -> tuple[str, datetime, datetime]:
    """A date as a question puts it, and the days that it means; the last session is the present."""
    at = event.first
    if event.first.date() == event.last.date() and random.random() < 0.6:
        day = at.replace(hour=0), at.replace(hour=23)
        exact = [f"on {at.day} {at:%B} {at.year}", f"on {at:%B} {at.day}, {at.year}", f"on {at.day} {at:%B}"]
        return random.choice(exact[: 3 if _this_year(story, at) else 2]), *day
    first, last = month(at)
    first, last = first.replace(hour=0), last.replace(hour=23)
    if _this_year(story, at) and (at.year, at.month) != (story.now.year, story.now.month):
        return random.choice([f"last {at:%B}", f"in {at:%B}", f"in {at:%B} {at.year}"]), first, last
    return f"in {at:%B} {at.year}", first, last


def _this_year(story: Story, at: datetime) -> bool:
    return story.now - at < timedelta(days=330)


def _before(story: Story, random: Random) -> Iterator[Question]:
    sure = [e for e in story.events if e.key and not e.corrected and e.first == e.last and _unique(story, e)]
    for event in sure:
        for other in sure:
            days = (event.first.date() - other.first.date()).days
            if other.person == event.person and days in (7, 14, 21) and random.random() < 0.7:
                gap = "a week" if days == 7 else f"{number(days // 7)} weeks"
                name = "I" if story.recipe.assistant else event.person
                act = f"the day {name} {_lower(fill(event.topic['act'][0], event.values))}"
                template = random.choice(_BEFORE).replace("{gap}", gap).replace("{x}", act)
                yield _question(story, template, event, "multi-hop", {event.told, other.told})


def _unique(story: Story, event: Event) -> bool:
    """Whether nobody else did the very same."""
    same = [
        e
        for e in story.events
        if e.topic["name"] == event.topic["name"] and e.values[e.key] == event.values[event.key]
    ]
    return len(same) == 1


def _question(
    story: Story, template: str, event: Event, category: str, turns: Sequence[TurnId] | set[TurnId]
) -> Question:
    return Question(ask(story, template, event), category, frozenset(turns))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
