"""The adapters' side of the pipe. Standard library only: it runs where vctx is not installed."""

import array
import base64
import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path


def serve(make, package):
    """Answers requests until stdin ends. `make(folder, dim)` gives a memory: add(ids, texts, vectors) and
    search(text, vector, k) -> ids; `package` is whose version is reported."""
    # A library may print; the pipe is ours alone.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    memory = folder = None
    for line in sys.stdin:
        request = json.loads(line)
        if "begin" in request:
            folder = tempfile.TemporaryDirectory()
            memory = make(folder.name, request["begin"])
        if "size" in request:
            answer = {"bytes": sum(p.stat().st_size for p in Path(folder.name).rglob("*") if p.is_file())}
        else:
            answer = _answer(memory, request, package)
        out.write(json.dumps(answer) + "\n")
        out.flush()


def _answer(memory, request, package):
    if "add" in request:
        rows = request["add"]
        memory.add([r["id"] for r in rows], [r["text"] for r in rows], [_vector(r["vector"]) for r in rows])
        return {"ok": len(rows)}
    if "ask" in request:
        begun = time.perf_counter()
        found = memory.search(request["ask"], _vector(request["vector"]), request["k"])
        return {"found": [int(i) for i in found], "seconds": time.perf_counter() - begun}
    return {"ok": f"{package} {version(package)}"}


def _vector(text):
    return array.array("f", base64.b64decode(text)).tolist()
