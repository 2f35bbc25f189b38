"""Ctrl-C while something is imported: it comes once that is done."""

import signal
import threading
from collections.abc import Iterator

import pytest

from vctx.unbroken import unbroken


@pytest.fixture(autouse=True)
def own() -> Iterator[None]:
    """Python's own handler, whatever the tests run under."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_is_inside_ends_first() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), unbroken():
        signal.raise_signal(signal.SIGINT)
        done.append("imported")
    assert done == ["imported"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_who_insists_is_heard_at_once() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), unbroken():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append("imported")
    assert not done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_inside_is_what_is_raised() -> None:
    with pytest.raises(ImportError), unbroken():
        signal.raise_signal(signal.SIGINT)
        raise ImportError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_elsewhere_nothing_changes() -> None:
    seen = []

    def inside() -> None:
        with unbroken():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inside()
    assert seen == [signal.default_int_handler, signal.SIG_IGN]
