"""What stands first in every prompt and never leaves it: the system text, and the memory blocks behind it.

A block that is written stands in the journal's state at once, and in this text from the next flush on: until
then the prompt goes on as it began, and what was written stands at its end, as a tool's result or an alert.
"""

from collections.abc import Sequence
from dataclasses import replace

from vctx import render
from vctx.journal import State
from vctx.ports import Disk
from vctx.scale import Scale
from vctx.types import Block


class Standing:
    """The fixed part of a session's prompt. `text` and `tokens` are of the state that was weighed last."""

    def __init__(self, disk: Disk, scale: Scale, system: str, blocks: Sequence[Block]) -> None:
        self.text = system
        self.tokens = 0
        self._disk = disk
        self._scale = scale
        self._system = system
        self._declared = {block.name: block for block in blocks}
        self._weighed: tuple[object, ...] = ()

    def weigh(self, state: State) -> bool:
        """Reads and counts what stands by a state; False where nothing has changed since."""
        key = (self._scale.learnt, state.shown, state.blocks)
        if key == self._weighed:
            return False
        self._weighed = key
        self.text = self._text(self._blocks(state.shown))
        # A flush shows what was written meanwhile: both must fit.
        newest = self._text(self.blocks(state))
        self.tokens = max(self._scale.fixed(text) for text in {newest, self.text})
        return True

    def blocks(self, state: State) -> list[Block]:
        """The memory blocks as they were last written, those that were declared first."""
        return self._blocks(state.blocks)

    def with_block(self, state: State, block: Block) -> int:
        """Tokens of the fixed part with another text of a block."""
        blocks = {old.name: old for old in self.blocks(state)} | {block.name: block}
        return self._scale.fixed(self._text(list(blocks.values())))

    def _blocks(self, written: Sequence[tuple[str, int]]) -> list[Block]:
        """The declared blocks, and any others that were written, with the texts of these pages."""
        pages = {page.author: page for page in self._disk.get([number for _, number in written])}
        others = [Block(name) for name in pages if name not in self._declared]
        return [
            replace(block, text=page.text, page=page.id) if (page := pages.get(block.name)) else block
            for block in (*self._declared.values(), *others)
        ]

    def _text(self, blocks: Sequence[Block]) -> str:
        return render.standing(self._system, blocks)
