"""LoCoMo (Maharana et al. 2024, arXiv:2402.17753): long dated chats of two people, questions with gold turns.

A turn is the line `Speaker: text [shares image: caption]`. An adversarial question has no answer.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import vctx
from vctx.eval.case import Task, sha
from vctx.eval.talk import Conversation, Question, Turn, case

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
ADVERSARIAL = 5
ANSWERABLE = ("multi-hop", "temporal", "open-domain", "single-hop")
"""Categories 1 to 4, which is what is published together."""
BUDGETS = (512, 1024, 2048, 4096)


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


def _conversation(sample: dict[str, Any]) -> Conversation:
    chat = sample["conversation"]
    sessions = {
        int(match[1]): turns for key, turns in chat.items() if (match := re.fullmatch(r"session_(\d+)", key))
    }
    turns = tuple(_turn(turn) for number in sorted(sessions) for turn in sessions[number])
    known = {turn.id for turn in turns}
    questions = tuple(q for n, qa in enumerate(sample["qa"]) if (q := _question(n, qa, known)).evidence)
    headers = {number: chat[f"session_{number}_date_time"] for number in sessions}
    dates = {number: _date(text) for number, text in headers.items()}
    return Conversation(sample["sample_id"], chat["speaker_a"], dates, headers, turns, questions)


def _turn(turn: dict[str, Any]) -> Turn:
    image = f" [shares image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
    [number] = _ids(turn["dia_id"])
    return Turn(number, turn["speaker"], turn["text"] + image)


def _question(number: int, qa: dict[str, Any], known: set[tuple[int, int]]) -> Question:
    # Some evidence is written as "D8:6; D9:17" or "D:11:26"; a few name turns that do not exist.
    evidence = {number for text in qa["evidence"] for number in _ids(text)}
    answers = (str(qa["answer"]),) if "answer" in qa and qa["category"] != ADVERSARIAL else ()
    return Question(
        qa["question"], CATEGORIES[qa["category"]], frozenset(evidence & known), (), answers, number
    )


def _ids(text: str) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in re.findall(r"D:?(\d+):(\d+)", text)]


def _date(text: str) -> datetime:
    return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)


def task(conversations: Sequence[Conversation], path: Path) -> Task:
    """Those conversations, of the file at `path`, for the harness."""
    about = {"data": path.name, "sha256": sha(path)}
    return Task("locomo", tuple(map(case, conversations)), BUDGETS, about, ANSWERABLE, "categories 1-4")
