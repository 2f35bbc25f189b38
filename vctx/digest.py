"""The recursive summary: what a model is asked, and the extract that stands in where it fails.

No I/O but the call of the model that is passed in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from vctx.chunk import Count, sentences
from vctx.errors import ModelError, VctxError
from vctx.ports import Model
from vctx.types import Message, Page, Reply

# The wording of SmolTalk's summaries (Allal et al. 2025, arXiv:2502.02737): of eight that were tried on the
# default model, the one under which it kept most of the facts; larger models follow any.
INSTRUCTION = (
    "Provide a concise, objective summary of the input text in up to three sentences, focusing on key "
    "actions and intentions without using second or third person pronouns."
)


AGAIN = 256
"""Messages that are summarised again, at most, when the summary made of them is forgotten."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A summary, and who made it: the model's name, or "extract" with the reason why."""

    text: str
    by: str
    why: str = ""
    replies: tuple[Reply, ...] = ()
    """What the model said on the way to it."""


def summarise(
    model: Model | None, previous: str, pages: Sequence[Page], *, cap: int, room: int, count: Count
) -> Digest:
    """Folds pages into the previous summary, in at most `cap` tokens.

    `room` is what one prompt to the model may hold; more is folded batch by batch. Where there is no
    model, or it fails or says nothing, the summary is an extract. Never raises for the model.
    """
    if model is None:
        return Digest(extract(previous, pages, cap, count), "extract", "no model")
    replies: list[Reply] = []
    try:
        text = previous
        space = max(1, room - count([INSTRUCTION])[0] - 2 * cap)
        for batch in batches(pages, space, count):
            replies.append(model.complete(prompt(text, batch), max_tokens=cap))
            text = replies[-1].text.strip()
            if not text:
                raise ModelError(f"{model.name} returned an empty summary")
    except VctxError as error:
        return Digest(extract(previous, pages, cap, count), "extract", str(error), tuple(replies))
    return Digest(fit(text, cap, count), model.name, replies=tuple(replies))


def transcript(pages: Sequence[Page]) -> str:
    """The messages as lines, one for each."""
    return "\n".join(f"{page.author or page.role}: {page.text}" for page in pages)


def prompt(previous: str, text: str) -> list[Message]:
    """Asks for one summary of the previous summary and of what came after it."""
    return [Message("system", INSTRUCTION), Message("user", f"{previous}\n{text}".lstrip())]


def batches(pages: Sequence[Page], limit: int, count: Count) -> list[str]:
    """Transcripts of at most `limit` tokens each, in order; a longer message is cut at its end."""
    out: list[str] = []
    used = 0
    for page in pages:
        line = fit(transcript([page]), limit, count)
        size = count([line])[0] + 1
        if out and used + size <= limit:
            out[-1] += "\n" + line
            used += size
        else:
            out.append(line)
            used = size
    return out


def extract(previous: str, pages: Sequence[Page], cap: int, count: Count) -> str:
    """The previous summary, cut to half of the cap, and the first sentences of the newest messages.

    The extractive form for when no model answers: no sentence in it is invented.
    """
    kept = fit(previous, cap // 2, count)
    left = cap - count([kept + "\n"])[0]
    leads: list[str] = []
    for page in reversed(_leads(pages)):
        line = fit(transcript([page]), cap // 4, count)
        left -= count([line + "\n"])[0]
        if left < 0:
            break
        leads.append(line)
    return "\n".join(line for line in (kept, *reversed(leads)) if line)


def remade(summaries: Sequence[Page], gone: frozenset[int]) -> dict[str, Any]:
    """What stands in the digest's place once pages are gone: {"digest": page or None, "due": pages}.

    The newest of `summaries` that is left, and what it does not tell of of what the gone ones told.
    """
    due: list[int] = []
    for page in summaries:
        if page.id not in gone:
            return {"digest": page.id, "due": due[-AGAIN:]}
        # A summary's first parent is the one before it, where there was one.
        due = [parent for parent in page.parents if parent not in gone] + due
    return {"digest": None, "due": due[-AGAIN:]}


def fit(text: str, cap: int, count: Count) -> str:
    """The longest beginning of a text that `cap` tokens hold, by bisection over its first characters."""
    if count([text])[0] <= cap:
        return text
    low, high = 0, min(len(text), 64 * max(cap, 1))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count([text[:middle]])[0] <= cap else (low, middle - 1)
    return text[:low]


def _leads(pages: Sequence[Page]) -> list[Page]:
    leads = ((page, sentences(page.text)) for page in pages)
    return [replace(page, text=" ".join(found[0].split())) for page, found in leads if found]
