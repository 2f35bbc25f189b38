"""An optional judge: a model that says whether an answer is right. Its figure stands in a column of its own,
with its name and this prompt; no other figure depends on it."""

from dataclasses import dataclass

import vctx
from vctx.eval.case import Ask

PROMPT = (
    "Question: {question}\n"
    "Right answer: {gold}\n"
    "Answer to judge: {answer}\n\n"
    "Does the answer say the same as the right answer, whatever its wording? Reply with yes or no."
)


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that judges, by `PROMPT`."""

    model: vctx.Model

    def right(self, ask: Ask, text: str) -> float:
        """1 where the judge's reply begins with yes, else 0. Raises vctx.ModelError."""
        prompt = PROMPT.format(question=ask.text, gold=" / ".join(ask.answers), answer=text)
        reply = self.model.complete([vctx.Message("user", prompt)], max_tokens=8)
        return float(reply.text.strip().lower().startswith("yes"))
