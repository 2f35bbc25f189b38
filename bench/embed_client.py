"""An engine's process, seen from outside."""

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from vctx.embed.load import find

WORKER = Path(__file__).with_name("embed_worker.py")
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "VCTX_THREADS": "1", "HF_HUB_OFFLINE": "1"}


class Worker:
    """One engine in its own process. Raises RuntimeError, with the reason, where it is not there."""

    def __init__(
        self, engine: str, python: str, options: argparse.Namespace, texts: Path, cache: Path
    ) -> None:
        self.engine = engine
        command = [
            python,
            str(WORKER),
            engine,
            str(find(options.model)),
            options.device,
            str(texts),
            str(cache),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | (ONE_CORE if options.device == "cpu" else {}),
        )
        self.about = self._answer()

    def ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process ended ({self._process.wait()})"}
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])
        return answer
