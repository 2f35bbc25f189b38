"""Servers on this machine: one that answers by script, transformers' own, and a proxy that breaks calls."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from vctx.models import find

S = TypeVar("S", bound=ThreadingHTTPServer)
Fault = int | tuple[str, int] | None
"""What a proxy does with a call: a status to refuse it with, ("cut", bytes of the answer to let through)."""


class Script(BaseHTTPRequestHandler):
    """Answers every request as the server's `respond` says, and keeps what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Scripted)
        sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen = (self.headers["authorization"], sent)
        status, answer = self.server.respond(sent)
        if sent.get("stream") and status == 200:
            self._stream(answer, cut=self.server.cut)
        else:
            _say(self, status, answer)

    def _stream(self, chunks: list[Any], *, cut: bool) -> None:
        """Server-sent events, chunked; `cut` ends them without the last chunk."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("connection", "close")
        self.end_headers()
        for chunk in chunks:
            event = f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        if not cut:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class Scripted(ThreadingHTTPServer):
    daemon_threads = True
    status = 200
    answer: Any = None
    cut = False
    seen: tuple[str, dict[str, Any]]

    def respond(self, sent: dict[str, Any]) -> tuple[int, Any]:
        return self.status, self.answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Relay(BaseHTTPRequestHandler):
    """Passes a call on to the server behind, but for the fault whose turn it is."""

    def do_POST(self) -> None:
        assert isinstance(self.server, Proxy)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls.append(json.loads(body))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, int):
            return _say(self, fault, {"error": {"message": "slow down"}}, ("retry-after", "0"))
        with socket.create_connection(("127.0.0.1", self.server.behind)) as upstream:
            head = f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            upstream.sendall(head.encode() + body)
            left = fault[1] if fault else 1 << 30
            while left > 0 and (data := upstream.recv(min(left, 4096))):
                self.wfile.write(data)
                left -= len(data)
        return None

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    behind = 0
    faults: list[Fault]
    calls: list[dict[str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


def _say(handler: BaseHTTPRequestHandler, status: int, answer: Any, *headers: tuple[str, str]) -> None:
    body = json.dumps(answer).encode()
    handler.send_response(status)
    for name, value in (("content-type", "application/json"), ("content-length", str(len(body))), *headers):
        handler.send_header(name, value)
    handler.send_header("connection", "close")
    handler.end_headers()
    handler.wfile.write(body)


def running(kind: type[S], handler: type[BaseHTTPRequestHandler] = Script) -> Iterator[S]:
    with kind(("127.0.0.1", 0), handler) as scripted:
        thread = threading.Thread(target=scripted.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield scripted
        scripted.shutdown()
        thread.join()


def answer(message: dict[str, Any], usage: dict[str, Any] | None = None) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[str, Path]]:
    """(base URL, folder of the model) of a server that runs as long as the tests do."""
    folder, port = find.resolve("smollm2"), free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}/v1", folder
        finally:
            process.kill()


def wait_for(url: str, process: "subprocess.Popen[bytes]", seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not start (status {process.poll()})")
