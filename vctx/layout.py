"""The window as stretches of tokens, in the order of the prompt: what takes the room. Pure."""

from collections.abc import Sequence
from typing import Literal

from vctx.types import Frame, Region


def regions(
    frames: Sequence[Frame], *, fixed: int, digest: int, wrapper: int, room: int, tick: int
) -> tuple[Region, ...]:
    """Fixed part, digest, the frames in order of arrival, and what is free of `room` tokens.

    `wrapper` tokens, which the pages of one fault share, stand with the first of them.
    """
    out = [Region("fixed", fixed), Region("digest", digest)]
    wrapped: set[object] = set()
    for frame in frames:
        shared = "brief" if frame.brief else frame.arrived
        more = wrapper if (frame.fault or frame.brief) and shared not in wrapped else 0
        wrapped |= {shared} if frame.fault or frame.brief else set()
        out.append(Region(_name(frame), frame.tokens + more, frame, tick - frame.arrived))
    taken = sum(region.tokens for region in out)
    return tuple(region for region in (*out, Region("free", max(0, room - taken))) if region.tokens)


def _name(frame: Frame) -> Literal["fault", "message"]:
    return "fault" if frame.fault else "message"
