"""What things cost, in tokens of the target model: a tokenizer's counts, put to the prompt's parts. Pure.

Parts are estimates (BPE is not additive); `prompt` is exact, and is what the budget is held to.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from vctx import render
from vctx.chunk import split
from vctx.ports import Tokenizer
from vctx.types import Form, Frame, Hit, Message, Page, Span


class Scale:
    """Weighs messages, pages and prompts with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._overhead = self._measure()

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

    def arrival(self, page: Page, tick: int, largest: int, limit: int) -> Frame:
        """The frame of a message just said: whole up to `largest` tokens, else cut to `limit`."""
        frame = Frame(page.id, self.message(render.content(page)), tick, tick, group=page.group)
        if frame.tokens <= largest:
            return frame
        keep = self._keep(page, limit)
        return replace(frame, form=Form.CUT, keep=keep, tokens=self.message(render.cut(page, keep)))

    def wrapper(self) -> int:
        """A fault's message beside its pages."""
        return self.message(render.fault(["\n"]))

    def fixed(self, system: str, digest: str = "") -> int:
        """The chat template, the opening of the reply, and the system message where there is one."""
        text = render.fixed(system, digest)
        head = [Message("system", text)] if text else []
        return self.prompt([*head, Message("user", "")]) - self._overhead

    def digest(self, system: str) -> int:
        """What a digest costs beside its own text: its mark, and a message where there was none."""
        return self.fixed(system, "x") - self.fixed(system) - self.text(["x"])[0]

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


def words_of(text: str) -> frozenset[str]:
    """The distinct words of a text, in lower case."""
    return frozenset(re.findall(r"\w+", text.lower()))


def _shared(text: str, words: frozenset[str]) -> int:
    return len(words & words_of(text))
