"""A program on a terminal of its own: keys in, the screen out. A real pseudo-terminal, read by pyte."""

import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from types import TracebackType
from typing import Self

import pyte

ENTER, ALT_ENTER, TAB, UP, CTRL_C, CTRL_D = "\r", "\x1b\r", "\t", "\x1b[A", "\x03", "\x04"


class Screen:
    """Runs a command on a terminal of `columns` by `lines`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 40,
        env: Mapping[str, str] | None = None,
        history: int = 0,
    ) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=history or 1)
        self._stream = pyte.ByteStream(self._screen)
        self._end, child = pty.openpty()
        ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        terminal = {"TERM": "xterm-256color", "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command,
            stdin=child,
            stdout=child,
            stderr=child,
            env={**os.environ, **terminal, **(env or {})},
            preexec_fn=_own_terminal,
        )
        os.close(child)

    def press(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._end, keys.encode())

    def text(self) -> str:
        """What the screen shows now."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def cells(self) -> list[list[pyte.screens.Char]]:
        """What the screen shows, with its colours."""
        return [[row[x] for x in range(self._screen.columns)] for row in self._screen.buffer.values()]

    def await_(self, text: str, *, seconds: float = 30.0, times: int = 1) -> str:
        """The screen, once it shows a text so often; AssertionError with the screen where it does not."""
        until = time.monotonic() + seconds
        while self.text().count(text) < times:
            if time.monotonic() > until or not self._read(0.2):
                raise AssertionError(f"{text!r} did not come; the screen is\n{self.text()}")
        return self.text()

    def ended(self, *, seconds: float = 30.0) -> int:
        """The exit code, once the program has ended."""
        until = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < until:
            self._read(0.1)
        return self._process.wait(timeout=1)

    def _read(self, seconds: float) -> bool:
        """Takes in what was printed; False once nothing can come."""
        if not select.select([self._end], [], [], seconds)[0]:
            return self._process.poll() is None
        try:
            data = os.read(self._end, 65536)
        except OSError:
            return False  # the program has closed its terminal
        # A terminal answers when it is asked where the cursor is.
        if b"\x1b[6n" in data:
            os.write(self._end, f"\x1b[{self._screen.cursor.y + 1};{self._screen.cursor.x + 1}R".encode())
        self._stream.feed(data)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._end)


def _own_terminal() -> None:
    """In the child: a session whose terminal is its standard input, so that Ctrl-C reaches it.

    A parent in the background of a shell ignores Ctrl-C, and a child inherits that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    ioctl(0, termios.TIOCSCTTY, 0)
