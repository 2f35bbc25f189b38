"""Work side by side on a CPU, each piece in a thread that computes alone.

The threads of one product wait for each other after every layer, and for whoever else takes a core; lanes
meet only at the end.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

import torch

In = TypeVar("In")
Out = TypeVar("Out")


def side_by_side(work: Callable[[In], Out], items: Iterable[In], lanes: int) -> list[Out]:
    """`work` of each item, in order, at most `lanes` at a time.

    With one lane each item is asked for when the one before is done; with one lane or one item no thread is
    started. Raises what the first item to fail, in order, raised, or what reaches the caller meanwhile, once
    the work in hand is done: no more is begun then.
    """
    if lanes < 2:
        return [work(item) for item in items]
    todo = list(items)
    if len(todo) < 2:
        return [work(item) for item in todo]
    return _Lanes(work, todo).run(min(lanes, len(todo)))


class _Lanes(Generic[In, Out]):
    """Threads of this one call: an executor's cannot be relied on to end where Ctrl-C meets its `submit`."""

    def __init__(self, work: Callable[[In], Out], items: Sequence[In]) -> None:
        self._work = work
        self._todo = deque(enumerate(items))
        self._done: dict[int, Out] = {}
        self._failed: dict[int, BaseException] = {}
        self._ended: SimpleQueue[None] = SimpleQueue()
        # The first to ask in a thread how many torch has settles it there.
        self._many = torch.get_num_threads()

    def run(self, lanes: int) -> list[Out]:
        threads = [Thread(target=self._lane, name="vctx-lane") for _ in range(lanes)]
        try:
            for thread in threads:
                thread.start()
            for _ in threads:
                # Ctrl-C may come here. In `join`, it would make Python 3.11 take the thread for ended.
                self._ended.get()
        finally:
            self._todo.clear()
            for thread in threads:
                if thread.is_alive():
                    thread.join()
        if self._failed:
            raise self._failed[min(self._failed)]
        return [self._done[at] for at in range(len(self._done))]

    def _lane(self) -> None:
        try:
            _alone(self._many)
            while self._todo:
                self._one(*self._todo.popleft())
        except IndexError:
            pass  # another lane was faster
        finally:
            self._ended.put(None)

    def _one(self, at: int, item: In) -> None:
        try:
            self._done[at] = self._work(item)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller raises it
            self._failed[at] = error
            self._todo.clear()


def _alone(many: int) -> None:
    """Lets torch compute in this thread alone; in all others it keeps `many` threads."""
    if many == 1:
        return
    torch.get_num_threads()
    torch.set_num_threads(1)
    # That was also said for every thread that is yet to start: for those it is taken back by another one.
    other = Thread(target=torch.set_num_threads, args=(many,))
    other.start()
    other.join()
