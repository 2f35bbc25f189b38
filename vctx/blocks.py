"""What may be done to a memory block, and the short record that tells of it. Pure."""

from dataclasses import replace

from vctx.errors import InputError
from vctx.types import Block


def appended(block: Block, content: str) -> Block:
    """With a line more. Raises InputError where the block cannot hold it."""
    return written(block, f"{block.text}\n{content}" if block.text else content)


def replaced(block: Block, old: str, new: str) -> Block:
    """With the first `old` as `new`. Raises InputError where there is none."""
    if not old or old not in block.text:
        raise InputError(f"{block.name} does not hold {old!r}: give the old content word by word")
    return written(block, block.text.replace(old, new, 1))


def written(block: Block, text: str) -> Block:
    """With another text. Raises InputError where the block cannot hold it."""
    if len(text) > block.limit:
        raise InputError(
            f"{block.name} would have {len(text)} characters of at most {block.limit}: replace or shorten "
            "what it holds"
        )
    return replace(block, text=text)


def change(old: Block, new: Block) -> str:
    """What is different, in a line or two: what was added, else the part that was exchanged."""
    if old.text and new.text.startswith(old.text):
        return f"block {new.name}, added: {new.text[len(old.text) :].strip()}"
    if not old.text:
        return f"block {new.name}, written: {new.text}"
    first = _common(old.text, new.text)
    last = _common(old.text[first:][::-1], new.text[first:][::-1])
    before, after = (text[first : len(text) - last] for text in (old.text, new.text))
    # Whole words: half a name says nothing.
    lead = old.text[:first].rpartition(" ")[2].rpartition("\n")[2]
    tail = old.text[len(old.text) - last :].partition(" ")[0].partition("\n")[0] if last else ""
    return f"block {new.name}, now {lead + after + tail!r} for {lead + before + tail!r}"


def _common(one: str, other: str) -> int:
    """Characters that both begin with."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
