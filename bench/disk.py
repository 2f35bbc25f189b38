"""How fast and how small the disk is, beside its peers, in one run.

    python bench/disk.py                10 thousand and 100 thousand pages
    python bench/disk.py --full         and a million, with the peers that can
    python bench/disk.py --out FILE     the tables as Markdown, too

Pages have 240 characters and a vector of 384 dimensions. Vectors are clustered as those of texts are:
topics within themes, and what is left over; queries are new members of a topic. Sessions are of very
unequal size (Zipf), and talk about the same topics. Time is CPU time of the process (user and system),
as an idle core would need it, beside wall time. Peers are used as their manuals say, with all sessions in
one collection and a filter, if they are installed; those that are not are named.
"""

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from disk_corpus import Corpus, K, Timed, corpus, each, near
from disk_ours import SIZES, Ours, build, measure
from disk_peers import LARGE, PEERS, Peer


def compare(kind: type[Peer], folder: Path, data: Corpus) -> list[str]:
    """Build, search within a session of about a thousand pages, one durable row, bytes."""
    sizes = np.bincount(data.session)
    session = int(np.abs(sizes - 1000).argmin())
    rows = np.flatnonzero(data.session == session)
    queries = near(data, rows)
    truth = rows[np.argsort(-(queries @ data.vectors[rows].T), axis=1)[:, :K]]
    try:
        peer = kind(folder, len(data.vectors))
    except ImportError as error:
        return [kind.name, f"not installed ({error.name})", "", "", "", "", ""]
    with Timed() as took:
        peer.build(data)
    count = 30
    found = [set(peer.search(queries[i], session)) for i in range(count)]
    recall = np.mean([len(found[i] & set(truth[i].tolist())) / K for i in range(count)])
    searched = each(lambda i: peer.search(queries[i], session), count)
    used = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    ids = iter(range(len(data.vectors), len(data.vectors) + 200))
    appended = each(lambda i: peer.append(next(ids), queries[i], session), 20)
    rate = f"{len(data.vectors) / took.cpu:,.0f}"
    used_each = f"{used / len(data.vectors):,.0f}"
    return [kind.name, rate, searched, f"{recall:.3f}", appended, used_each, kind.durable]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--full", action="store_true", help="a million pages, too")
    options.add_argument("--sizes", type=int, nargs="*", help="other numbers of pages")
    options.add_argument("--out", type=Path, help="write the tables here, too")
    given = options.parse_args()
    out = [f"# The disk\n\n{machine()}", alone(SIZES[-1])]
    for n in given.sizes or [10_000, 100_000, *([1_000_000] if given.full else [])]:
        data = corpus(n)
        peers = []
        for kind in [Ours, *(PEERS if n <= 100_000 else LARGE)]:
            with tempfile.TemporaryDirectory() as folder:
                peers.append(compare(kind, Path(folder), data))
                print(*peers[-1], sep="   ", file=sys.stderr, flush=True)
                if kind is Ours:
                    rows = list(progress(measure(Path(folder), data)))
        out.append(f"## {n:,} pages\n\nMilliseconds: CPU, then wall (median / 99th percentile).\n")
        out.append(table(["vctx", ""], rows))
        head = [
            "",
            "rows a CPU s",
            "search in a session of 1,000, ms",
            "recall@10",
            "add one, ms",
            "bytes",
            "durable",
        ]
        out.append("\nAll sessions, and one row of text with its vector:\n\n" + table(head, peers))
    text = "\n".join(out) + "\n"
    print(text)
    if given.out:
        given.out.write_text(text, "utf-8")


def alone(n: int) -> str:
    """One large session: the rows of a book, or of years."""
    data = corpus(n)
    data.session[:] = 0
    with tempfile.TemporaryDirectory() as folder:
        took = build(Path(folder), data)
        speed = f"{n / took.cpu:,.0f} rows a CPU s ({took.wall:.1f} s wall)"
        rows = [["bulk import, page + words + vector", speed], *progress(measure(Path(folder), data))]
    return f"\n## One session of {n:,} pages\n\n" + table(["vctx", ""], rows) + "\n"


def progress(found: Iterator[tuple[str, str]]) -> Iterator[list[str]]:
    for name, value in found:
        print(f"{name}: {value}", file=sys.stderr, flush=True)
        yield [name, value]


def machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores,"
        f" load {load:.1f} when it began. By `python bench/disk.py`."
    )


if __name__ == "__main__":
    main()
