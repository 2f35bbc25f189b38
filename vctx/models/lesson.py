"""What a reply teaches a tokenizer that estimates."""

from collections.abc import Sequence

from vctx.ports import Learner, Lesson, Tokenizer
from vctx.types import Message


def lesson(tokenizer: Tokenizer, messages: Sequence[Message], tokens: int | None) -> Lesson:
    """Tells it the tokens that were counted in a prompt; empty where there is nothing to learn."""
    if tokens is None or not isinstance(tokenizer, Learner):
        return ()
    return tokenizer.learn(messages, tokens)
