"""What people do without paging, on the same trace: a sliding window, one ranked anew each turn, everything.

Each is a run like a policy's, so that costs and evidence are counted alike. None of them keeps a digest.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from vctx.eval.policies.runs import Found, Prompt, Run
from vctx.eval.policies.trace import Referred, Said, Sent, Setting, Trace
from vctx.types import Hit

Pages = list[tuple[int, int]]
"""(page, tokens) in the order of a prompt."""


@dataclass
class _Chat:
    """What was said so far, and what the recall before this call selected."""

    setting: Setting
    said: Pages = field(default_factory=list)
    hits: tuple[Hit, ...] = ()


Window = Callable[[_Chat], Pages]


def full(chat: _Chat) -> Pages:
    """Everything that was said; no window would hold it for long."""
    return chat.said


def sliding(chat: _Chat) -> Pages:
    """The newest messages that fit."""
    return _newest(chat.said, chat.setting.budget.room - chat.setting.fixed)


def ranked(chat: _Chat) -> Pages:
    """What the recall selected, best first, before the newest messages that a quarter of the room holds."""
    newest = _newest(chat.said, (chat.setting.budget.room - chat.setting.fixed) // 4)
    there = {page for page, _ in newest}
    return [*((hit.page, hit.tokens) for hit in chat.hits if hit.page not in there), *newest]


WINDOWS: dict[str, Window] = {"sliding window": sliding, "ranked anew": ranked, "full context": full}


def beside(trace: Trace, name: str) -> Run:
    """The run of one of `WINDOWS` on a trace."""
    run = Run(trace.name, name)
    chat = _Chat(trace.setting)
    question: Referred | None = None
    before: Pages = []
    for event in trace.events:
        if isinstance(event, Said):
            chat.said += [(frame.page, frame.tokens) for frame in event.frames]
        elif isinstance(event, Referred):
            chat.hits = event.hits
            run.references += len(event.hits)
            question = event if event.question is not None else None
        elif isinstance(event, Sent):
            pages = list(WINDOWS[name](chat))
            run.prompts.append(_prompt(event.at, trace.setting, pages, before))
            run.found += _found(question, pages)
            before, question, chat.hits = pages, None, ()
    return run


def _newest(said: Sequence[tuple[int, int]], room: int) -> Pages:
    kept: deque[tuple[int, int]] = deque()
    for page, tokens in reversed(said):
        room -= tokens
        if room < 0 and kept:
            break
        kept.appendleft((page, tokens))
    return list(kept)


def _prompt(at: float, setting: Setting, pages: Pages, before: Pages) -> Prompt:
    same = setting.head
    for a, b in zip(pages, before, strict=False):
        if a != b:
            break
        same += a[1]
    return Prompt(at, setting.fixed + sum(tokens for _, tokens in pages), same)


def _found(question: Referred | None, pages: Pages) -> Iterator[Found]:
    if question is not None and question.question is not None:
        there = {page for page, _ in pages}
        share = len(question.evidence & there) / max(len(question.evidence), 1)
        yield Found(question.question, share)
