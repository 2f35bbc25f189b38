"""Work that nobody waits for, in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def beside(work: Callable[[], T], name: str, *, daemon: bool) -> "Future[T]":
    """Begins it. A `daemon` never keeps the interpreter from ending, as the threads of an executor would.

    That is for what waits for the network: one that computes might be torn from under its library. Raises
    RuntimeError once the interpreter is ending.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, who asks for the result raises it
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=run, name=name, daemon=daemon).start()
    return future
