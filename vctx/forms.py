"""In which form pages stand that do not stand in full: GIST, HANDLE, or not at all. Pure.

At a flush a share of the room is divided among the messages that leave and those that stand in a shorter form
already: a multiple-choice knapsack, at most one form of each, of the greatest expected use within the tokens.
It is solved greedily along the convex hulls of each page's forms (Sinha and Zoltners 1979), which loses
against the exact solution at most the value of the first step that did not fit.
"""

from collections.abc import Mapping, Sequence

from vctx.types import Form, Frame

SHARE = 0.1
"""Of the room, what shorter forms may take."""
WORTH: Mapping[Form, float] = {Form.GIST: 0.6, Form.HANDLE: 0.1}
"""What a form is worth where the page in full is worth 1: gold answers that it still holds, roughly."""
SOON, ONCE = 8.0, 0.5

Option = tuple[int, float]
"""(tokens, value)."""


def choose(items: Sequence[Sequence[Option]], budget: int) -> list[int | None]:
    """The option of each item (None: none of it) whose values add up to most within `budget` tokens."""
    chosen: list[int | None] = [None] * len(items)
    steps = [step for n, options in enumerate(items) for step in _steps(n, options)]
    stopped: set[int] = set()
    for _, n, tokens, option in sorted(steps, key=lambda step: (-step[0], step[1])):
        if n in stopped or tokens > budget:
            stopped.add(n)  # what builds on a step that did not fit does not fit, either
            continue
        chosen[n] = option
        budget -= tokens
    return chosen


def _steps(n: int, options: Sequence[Option]) -> list[tuple[float, int, int, int]]:
    """From form to better form along the convex hull: (value for a token, item, tokens, option)."""
    steps: list[tuple[float, int, int, int]] = []
    tokens, value = 0, 0.0
    while True:
        better = [
            ((worth - value) / max(size - tokens, 1), n, size - tokens, option)
            for option, (size, worth) in enumerate(options)
            if size > tokens and worth > value
        ]
        if not better:
            return steps
        steps.append(max(better, key=lambda step: step[0]))
        tokens, value = options[steps[-1][3]]


def shorten(frames: Sequence[Frame], budget: int, tick: int) -> tuple[Frame, ...]:
    """Of shorter forms that may stand, at most one of each page, those of the greatest expected use."""
    pages: dict[int, list[Frame]] = {}
    for frame in frames:
        pages.setdefault(frame.page, []).append(frame)
    items = [[(f.tokens, use(f, tick) * WORTH[f.form]) for f in forms] for forms in pages.values()]
    picked = zip(pages.values(), choose(items, budget), strict=True)
    return tuple(sorted((forms[n] for forms, n in picked if n is not None), key=lambda frame: frame.page))


def use(frame: Frame, tick: int) -> float:
    """How often a page is expected to be used, by its references since it came; of few, the newer more."""
    return (frame.references + ONCE) / (tick - frame.arrived + SOON)
