"""LoCoMo (Maharana et al. 2024, arXiv:2402.17753): long dated chats of two people, questions with gold turns.

Each conversation is replayed into a session, message by message; each question is asked of it, and the
ranking fills a token budget. A turn costs the line `Speaker: text [shares image: caption]`, a chat
session that appears one line with its date.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import vctx
from vctx.eval.evidence import evidence_recall, placed

BUDGETS = (512, 1024, 2048, 4096)
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `id` is LoCoMo's `dia_id`, as (session, turn)."""

    id: tuple[int, int]
    speaker: str
    text: str

    @property
    def line(self) -> str:
        """As it is rendered and counted."""
        return f"{self.speaker}: {self.text}"


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    category: int
    evidence: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat in dated sessions, with its questions."""

    name: str
    speakers: tuple[str, str]
    dates: dict[int, str]
    """As they are written; every one can be read."""
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """One question's evidence recall at each budget."""

    conversation: str
    category: int
    recall: dict[int, float]


def load(path: Path) -> list[Conversation]:
    """Reads the file as released; questions without gold turns are left out. Raises vctx.InputError."""
    try:
        samples = json.loads(path.read_bytes())
        conversations = [_conversation(sample) for sample in samples]
    except (OSError, ValueError) as error:
        raise vctx.InputError(f"cannot read {path} as LoCoMo's JSON: {error}") from error
    except (LookupError, TypeError, AttributeError) as error:
        raise vctx.InputError(f"{path} is not LoCoMo's JSON: {error!r} is missing or misplaced") from error
    if not conversations:
        raise vctx.InputError(f"{path} holds no conversation")
    return conversations


def run(
    conversations: Sequence[Conversation],
    *,
    tokenizer: str | vctx.Tokenizer,
    embedder: str | vctx.Embedder,
    progress: vctx.Progress,
    budgets: Sequence[int] = BUDGETS,
) -> Iterator[Score]:
    """Asks every question of every conversation, each in a session of its own."""
    counts = vctx.tokenizer(tokenizer) if isinstance(tokenizer, str) else tokenizer
    with (
        progress("questions", sum(len(c.questions) for c in conversations)) as advance,
        tempfile.TemporaryDirectory() as folder,
    ):
        for number, conversation in enumerate(conversations):
            for score in _ask(conversation, Path(folder) / f"{number}.db", counts, embedder, budgets):
                advance(1)
                yield score


def _ask(
    conversation: Conversation,
    path: Path,
    tokenizer: vctx.Tokenizer,
    embedder: str | vctx.Embedder,
    budgets: Sequence[int],
) -> Iterator[Score]:
    count = tokenizer.count
    cost = dict(
        zip(
            (t.id for t in conversation.turns),
            count([t.line + "\n" for t in conversation.turns]),
            strict=True,
        )
    )
    header = {session: count([f"{date}\n"])[0] for session, date in conversation.dates.items()}
    with vctx.open(path, model=None, tokenizer=tokenizer, embedder=embedder) as ctx:
        turn_of = {page.id: turn.id for page, turn in _replay(ctx, conversation)}
        section = {turn.id: turn.id[0] for turn in conversation.turns}
        for question in conversation.questions:
            ranking = list(dict.fromkeys(turn_of[hit.page] for hit in ctx.search(question.text)))
            chosen = {b: placed(ranking, cost, section, header, b) for b in budgets}
            recall = {b: evidence_recall(turns, question.evidence) for b, turns in chosen.items()}
            yield Score(conversation.name, question.category, recall)


def _replay(ctx: vctx.Context, conversation: Conversation) -> Iterator[tuple[vctx.Page, Turn]]:
    for turn in conversation.turns:
        role: vctx.Speaker = "user" if turn.speaker == conversation.speakers[0] else "assistant"
        at = _date(conversation.dates[turn.id[0]])
        yield ctx.append(role, turn.text, author=turn.speaker, at=at), turn


def _conversation(sample: dict[str, Any]) -> Conversation:
    chat = sample["conversation"]
    sessions = {
        int(match[1]): turns for key, turns in chat.items() if (match := re.fullmatch(r"session_(\d+)", key))
    }
    turns = tuple(_turn(turn) for number in sorted(sessions) for turn in sessions[number])
    known = {turn.id for turn in turns}
    questions = tuple(q for qa in sample["qa"] if (q := _question(qa, known)).evidence)
    dates = {number: chat[f"session_{number}_date_time"] for number in sessions}
    for date in dates.values():
        _date(date)
    return Conversation(sample["sample_id"], (chat["speaker_a"], chat["speaker_b"]), dates, turns, questions)


def _turn(turn: dict[str, Any]) -> Turn:
    image = f" [shares image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
    [number] = _ids(turn["dia_id"])
    return Turn(number, turn["speaker"], turn["text"] + image)


def _question(qa: dict[str, Any], known: set[tuple[int, int]]) -> Question:
    # Some evidence is written as "D8:6; D9:17" or "D:11:26"; a few name turns that do not exist.
    evidence = {number for text in qa["evidence"] for number in _ids(text)}
    return Question(qa["question"], qa["category"], frozenset(evidence & known))


def _ids(text: str) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in re.findall(r"D:?(\d+):(\d+)", text)]


def _date(text: str) -> datetime:
    return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
