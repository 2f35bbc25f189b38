"""What things cost, in tokens of the target model: a tokenizer's counts, put to the prompt's parts. Pure.

Parts are estimates (BPE is not additive); `prompt` is exact, and is what the budget is held to.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from vctx import render
from vctx.chunk import split
from vctx.ports import Learner, Lesson, Tokenizer
from vctx.types import Form, Frame, Hit, Message, Page, Span, ToolCall

LONG = 999_999
"""A page's number, and characters of a result, that few exceed: what a handle costs at most."""


GIST = 0.5
"""Of a message's characters, what its gist may keep..."""
HANDLE = 32
"""...and the characters of a handle."""
SAVES = 0.8
"""Of a message's tokens, what a shorter form may take at most."""


class Scale:
    """Weighs messages, pages and prompts with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer, tools: Sequence[Message] = ()) -> None:
        self.tools = tools
        """What says which tools the model may call; it stands first in every prompt."""
        self._tokenizer = tokenizer
        self._learner = tokenizer if isinstance(tokenizer, Learner) else None
        self._measured = 0 if self._learner else self._measure()
        self._call = self._measure_call()

    @property
    def learnt(self) -> int:
        """How often the counts have changed: what was weighed before may be weighed anew."""
        return self._learner.learnt if self._learner else 0

    def resume(self, lessons: Sequence[Lesson]) -> None:
        """Has a tokenizer that estimates learn what it learnt in another process; if it is new."""
        if self._learner and not self._learner.learnt:
            self._learner.resume(lessons)

    @property
    def _overhead(self) -> int:
        """Tokens of a message beside its text."""
        return self._learner.overhead if self._learner else self._measured

    def text(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself."""
        return self._tokenizer.count(texts)

    def message(self, text: str) -> int:
        """A message of the prompt, its share of the chat template included."""
        return self.text([text])[0] + self._overhead

    def piece(self, page: Page, span: Span | None) -> int:
        """A page, or a span of one, within a fault's message."""
        return self.text([render.piece(page, span) + "\n"])[0]

    def hit(self, hit: Hit, page: Page, limit: int, words: frozenset[str]) -> Hit:
        """A hit with its price: the whole page, else the span found, else the part of it that fits.

        Within a span that exceeds `limit`, the part that shares most of `words` is taken.
        """
        whole, part = self.piece(page, None), self.piece(page, hit.span)
        if whole <= limit:
            return replace(hit, span=None, tokens=whole)
        if part <= limit:
            return replace(hit, tokens=part)
        start, stop = hit.span or (0, len(page.text))
        room = limit - self.piece(page, (start, start))
        parts = split(page.text[start:stop], room, self.text) if room > 0 else []
        if not parts:
            return replace(hit, tokens=part)
        a, b = max(parts, key=lambda part: _shared(page.text[start + part[0] : start + part[1]], words))
        return replace(hit, span=(start + a, start + b), tokens=self.piece(page, (start + a, start + b)))

    def arrival(
        self, pages: Sequence[Page], tick: int, *, held: int, largest: int, limit: int
    ) -> list[Frame]:
        """The frames of a message just said, with its tool calls and what results there are.

        Whole if they take at most `largest` tokens, with what is `held` for results to come; else within
        `limit`: calls stay whole, and the long texts are cut to equal shares of what the rest leaves.
        """
        frames = {page.id: Frame(page.id, self._said(page), tick, tick, group=page.group) for page in pages}
        if sum(frame.tokens for frame in frames.values()) + held <= largest:
            return list(frames.values())
        texts = sorted((p for p in pages if p.kind != "tool"), key=lambda page: frames[page.id].tokens)
        spare = limit - held - sum(frames[page.id].tokens for page in pages if page.kind == "tool")
        for left, page in zip(range(len(texts), 0, -1), texts, strict=True):
            frames[page.id] = self._within(frames[page.id], page, spare // left)
            spare -= frames[page.id].tokens
        return list(frames.values())

    def handle(self, call: Page) -> int:
        """The least that the result of a call takes: its handle."""
        return self.message(f"\n{render.more(LONG, LONG)}\n") + self._labels(call)

    def _within(self, frame: Frame, page: Page, limit: int) -> Frame:
        if frame.tokens <= limit:
            return frame
        labels = self._labels(page)
        keep = self._keep(page, limit - labels)
        tokens = self.message(render.cut(page, keep)) + labels
        return min(frame, replace(frame, form=Form.CUT, keep=keep, tokens=tokens), key=lambda f: f.tokens)

    def _said(self, page: Page) -> int:
        """A message of the prompt, or a tool call within one."""
        if page.kind == "tool":
            return sum(self.text([page.call, page.author, page.text])) + self._call
        return self.message(render.content(page)) + self._labels(page)

    def _labels(self, page: Page) -> int:
        """What says of a tool's result whose it is."""
        return sum(self.text([page.call, page.author])) if page.call else 0

    def frame(self, frame: Frame, page: Page, made: Page | None = None) -> int:
        """What a frame costs now; `made` holds its gist, where a model made that."""
        if frame.brief:
            return self.text([render.brief(frame, page, made) + "\n"])[0]
        if frame.fault:
            return self.piece(page, frame.span)
        if frame.form is Form.CUT:
            return self.message(render.cut(page, frame.keep)) + self._labels(page)
        return self._said(page)

    def briefs(self, frame: Frame, page: Page, made: Page | None = None) -> tuple[Frame, ...]:
        """The shorter forms in which a message may stand, where they save anything; see `frame`."""
        keep, by = (len(made.text), made.id) if made else (int(GIST * len(page.text)), 0)
        gist = replace(frame, form=Form.GIST, keep=keep, gist=by)
        handle = replace(frame, form=Form.HANDLE, keep=HANDLE, gist=0)
        weighed = (
            replace(one, tokens=self.frame(one, page, made if one.gist else None)) for one in (gist, handle)
        )
        whole = self._said(page)
        return tuple(one for one in weighed if one.tokens <= SAVES * whole)

    def mark(self, page: Page) -> int:
        """What a shorter form costs beside its words."""
        return self.text([f"[{render.handle(page)}] (gist) \n"])[0]

    def wrapper(self) -> int:
        """A fault's message beside its pages."""
        return self.message(render.fault(["\n"]))

    def fixed(self, system: str, digest: str = "") -> int:
        """The chat template, the opening of the reply, and the system message where there is one."""
        text = render.fixed(system, digest)
        head = [*self.tools, *([Message("system", text)] if text else [])]
        return self.prompt([*head, Message("user", "")]) - self._overhead

    def digest(self, system: str) -> int:
        """What a digest costs beside its own text: its mark, and a message where there was none."""
        return max(0, self.fixed(system, "x") - self.fixed(system) - self.text(["x"])[0])

    def prompt(self, messages: Sequence[Message]) -> int:
        """A whole prompt, exactly."""
        return self._tokenizer.prompt(messages)

    def _keep(self, page: Page, limit: int) -> int:
        """The most characters at either end with which a message, cut, costs at most `limit` tokens."""
        low, high = 0, 1
        while 2 * high < len(page.text) and self.message(render.cut(page, high)) <= limit:
            low, high = high, 2 * high
        high = min(high, len(page.text) // 2)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.message(render.cut(page, middle)) <= limit
            low, high = (middle, high) if fits else (low, middle - 1)
        return low

    def _measure(self) -> int:
        """Tokens that the template adds to a message: half of what a further turn of both roles adds."""
        turn = [Message("user", "x"), Message("assistant", "x")]
        added = self.prompt([*turn, turn[0]]) - self.prompt([turn[0]])
        return max(0, -(-(added - 2 * self.text(["x"])[0]) // 2))

    def _measure_call(self) -> int:
        """Tokens that a call costs beside its id, name and arguments."""
        said = Message("assistant", "x")
        called = replace(said, calls=(ToolCall("x", "x", "{}"),))
        answered = [Message("user", "x"), called, Message("tool", "x", call="x", name="x"), said]
        plain = [Message("user", "x"), said, Message("user", "x"), said]
        return max(0, self.prompt(answered) - self.prompt(plain) - sum(self.text(["x", "x", "{}", "x"])))


def words_of(text: str) -> frozenset[str]:
    """The distinct words of a text, in lower case."""
    return frozenset(re.findall(r"\w+", text.lower()))


def _shared(text: str, words: frozenset[str]) -> int:
    return len(words & words_of(text))
