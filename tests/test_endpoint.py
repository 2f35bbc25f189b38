"""The endpoint's model against servers on this machine: transformers' own, and one that errs by script."""

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
from typing import Any

import pytest

import vctx
from vctx.errors import MissingError, ModelError, VctxError
from vctx.fakes import HashingEmbedder
from vctx.models import find
from vctx.models.bytes import ByteTokenizer
from vctx.models.endpoint import OPENAI, EndpointModel
from vctx.models.tokens import ChatTokenizer
from vctx.types import Message, Reply

ASK = [Message("user", "What is the capital of France?")]
KEY = "sk-very-secret"


class Script(BaseHTTPRequestHandler):
    """Answers every request with the server's `status` and `answer`, and keeps what it was sent."""

    def do_POST(self) -> None:
        assert isinstance(self.server, Scripted)
        sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen = (self.headers["authorization"], sent)
        body = json.dumps(self.server.answer).encode()
        self.send_response(self.server.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class Scripted(ThreadingHTTPServer):
    status = 200
    answer: Any = None
    seen: tuple[str, dict[str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(("127.0.0.1", 0), Script) as scripted:
        thread = threading.Thread(target=scripted.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield scripted
        scripted.shutdown()
        thread.join()


def model(url: str | None, name: str = "m", **options: Any) -> EndpointModel:
    return EndpointModel(name, base_url=url, tokenizer=ByteTokenizer(), window=100, retries=0, **options)


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


def test_a_reply_brings_its_usage(server: Scripted) -> None:
    details = {"cached_tokens": 4}
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": details,
    }
    server.answer = answer({"content": "Paris"}, usage)
    reply = model(server.url, api_key=KEY, temperature=0).complete([Message("user", "a\ud800")], max_tokens=5)
    assert reply == Reply("Paris", 9, 2, 4)
    key, sent = server.seen
    assert key == f"Bearer {KEY}"
    assert sent == {
        "model": "m",
        "messages": [{"role": "user", "content": "a?"}],
        "max_tokens": 5,
        "temperature": 0,
    }


def test_a_server_may_count_nothing(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server.answer = answer({"content": None, "refusal": "No."})
    assert model(server.url).complete(ASK, max_tokens=5) == Reply("No.")


@pytest.mark.parametrize(
    ("status", "body", "kind", "advice"),
    [
        (401, {"error": {"message": f"Incorrect API key: {KEY}"}}, ModelError, "set OPENAI_API_KEY"),
        (403, {}, ModelError, "set OPENAI_API_KEY"),
        (404, {}, MissingError, "no model 'm'"),
        (
            400,
            {"error": {"message": "maximum context\nlength"}},
            ModelError,
            "maximum context length.*100 tokens",
        ),
        (400, {"detail": "pinned"}, ModelError, "pinned"),
        (429, {"error": {"message": "slow down"}}, ModelError, "wait.*slow down"),
        (500, {"error": {"message": "on fire"}}, ModelError, "status 500.*on fire"),
        (200, {"hello": 1}, ModelError, "without a message"),
        (200, "hello", ModelError, "without a message"),
        (200, {"choices": []}, ModelError, "without a message"),
    ],
)
def test_errors_say_what_to_do(
    server: Scripted, status: int, body: Any, kind: type[VctxError], advice: str
) -> None:
    server.status, server.answer = status, body
    with pytest.raises(kind, match=advice) as caught:
        model(server.url, api_key=KEY).complete(ASK, max_tokens=5)
    assert "127.0.0.1" in str(caught.value) and KEY not in str(caught.value)


def test_a_host_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 cannot be reached"):
        model(f"http://127.0.0.1:{free_port()}/v1").complete(ASK, max_tokens=5)


def test_a_host_that_is_too_slow_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="did not answer in time"):
            model(url, timeout=0.2).complete(ASK, max_tokens=5)


def test_only_this_machine_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert model("http://localhost:1/v1").host == "localhost"
    with pytest.raises(MissingError, match=r"no key for api\.openai\.com: set OPENAI_API_KEY"):
        model(None)
    assert model(None, api_key=KEY).host == OPENAI
    assert model(None, api_key=KEY)._options(5) == {"max_completion_tokens": 5}


# A real server: `transformers serve`.


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Path]]:
    """(base URL, folder of the model) of a server that runs as long as this module's tests."""
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


@pytest.mark.real
def test_a_real_server_answers_and_counts_as_we_do(served: tuple[str, Path]) -> None:
    url, folder = served
    tokenizer = ChatTokenizer(folder)
    real = EndpointModel(str(folder), base_url=url, tokenizer=tokenizer, window=8192, temperature=0)
    reply = real.complete(ASK, max_tokens=12)
    assert "Paris" in reply.text
    assert reply.prompt_tokens == tokenizer.prompt(ASK) <= ByteTokenizer().prompt(ASK)
    assert 0 < (reply.completion_tokens or 0) <= 12


@pytest.mark.real
def test_a_real_server_refuses_a_model_that_it_does_not_serve(served: tuple[str, Path]) -> None:
    with pytest.raises(ModelError, match="nonesuch"):
        model(served[0], name="nonesuch").complete(ASK, max_tokens=5)


@pytest.mark.real
def test_a_session_chats_through_a_real_server(served: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = served
    options: dict[str, Any] = {"model": str(folder), "base_url": url, "tokenizer": str(folder)}
    with vctx.open(tmp_path / "s.db", window=256, reserve=12, embedder=HashingEmbedder(), **options) as ctx:
        for n in range(16):
            ctx.append("user", f"Note {n}: the harbour was calm and the boats came in late, as on most days.")
        answer = ctx.chat("What is the capital of France?")
        assert answer.text and answer.tokens <= answer.limit
        assert answer.reply.prompt_tokens == answer.tokens
        assert any(entry.plan.evict for entry in ctx.log())
