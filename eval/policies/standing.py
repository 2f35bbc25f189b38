"""What stands in the window of a simulation: its frames, and what has referred to them."""

from collections.abc import Collection

from vctx.journal import covers
from vctx.plan import weight
from vctx.types import Frame, Hit, Slot


class Window:
    """Frames in the order of the prompt; `wrapper` tokens stand around the pages of one fault."""

    def __init__(self, wrapper: int) -> None:
        self.weight = 0
        """Tokens of the frames in a prompt."""
        self.special = False
        """Whether any is pinned or in a group."""
        self.latest = 0
        """The last tick at which any was referenced."""
        self._wrapper = wrapper
        self._frames: list[Frame] = []
        self._there: dict[int, list[Frame]] = {}
        self._touched: dict[int, tuple[int, int]] = {}
        """Of each page referenced since the frames were made, the last tick, and how often."""

    def __len__(self) -> int:
        return len(self._frames)

    def __contains__(self, page: int) -> bool:
        return page in self._there

    def holds(self, hit: Hit) -> bool:
        """Whether what the hit would load stands here."""
        frames = self._there.get(hit.page)
        return frames is not None and any([covers(frame, hit) for frame in frames])

    def message(self, slot: Slot) -> Frame | None:
        """The frame of this slot that was said."""
        frames = [f for f in self._there.get(slot[0], ()) if f.slot == slot and not f.fault]
        return self._now(frames[0]) if frames else None

    def touch(self, page: int, tick: int) -> None:
        """A page is referenced."""
        self.latest = tick
        touched = self._touched
        touched[page] = tick, touched[page][1] + 1 if page in touched else 1

    def join(self, frame: Frame) -> None:
        """A frame comes to stand at the end; the wrapper of a fault is added by the caller."""
        self._frames.append(frame)
        self.latest = max(self.latest, frame.referenced)
        self._there.setdefault(frame.page, []).append(frame)
        self.weight += frame.tokens

    def frames(self) -> tuple[Frame, ...]:
        """The frames, with what referred to them."""
        if touched := self._touched:
            self._frames = [self._now(f) if f.page in touched else f for f in self._frames]
            touched.clear()
        return tuple(self._frames)

    def take(self, frames: tuple[Frame, ...], tokens: int | None = None) -> None:
        """These frames stand from now on; `tokens` is what they weigh, where that is known."""
        self._frames = list(frames)
        self._touched.clear()
        self.latest = max([frame.referenced for frame in frames], default=0)
        self._there = {frame.page: [frame] for frame in frames}
        if len(self._there) < len(frames):
            self._there = {}
            for frame in frames:
                self._there.setdefault(frame.page, []).append(frame)
        self.weight = weight(frames, self._wrapper) if tokens is None else tokens
        self.special = any([frame.pinned or frame.group is not None for frame in frames])

    def first(self, served: int) -> int:
        """Tokens of the first so many frames in a prompt."""
        return weight(self._frames[:served], self._wrapper)

    def before(self, slots: Collection[Slot]) -> int:
        """Tokens of the prompt before the first frame of these slots."""
        place, arrived = 0, None
        for frame in self._frames:
            if frame.fault and frame.arrived != arrived:
                place, arrived = place + self._wrapper, frame.arrived
            if (frame.page, frame.span) in slots:
                break
            place += frame.tokens
        return place

    def _now(self, frame: Frame) -> Frame:
        touched = self._touched.get(frame.page)
        return frame if touched is None else frame.touched(*touched)
