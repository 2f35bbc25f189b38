"""What the window costs, holds and reuses, beside what others do.

    python bench/window.py steps                         a decision; a step in sessions of 1k to 100k pages
    python bench/window.py estimate --locomo FILE        tokens where the tokenizer is not known
    python bench/window.py fuzz [--peers PYTHON]         200 histories that are meant to break a budget
    python bench/window.py prefix --locomo FILE          what each prompt shares with the one before it
    python bench/window.py kv --locomo FILE              the same, read by the local model

FILE is LoCoMo's JSON as released; $VCTX_TIKTOKEN names the BPE file of o200k_base where there is no network.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import window_estimate
import window_fuzz
import window_prefix
import window_steps


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("steps", "estimate", "fuzz", "prefix", "kv"))
    parser.add_argument("--locomo", type=Path, help="LoCoMo's JSON")
    parser.add_argument("--peers", help="a Python that has langchain-core and llama-index-core")
    parser.add_argument("--sessions", type=int, default=12, help="sessions of each content (estimate)")
    parser.add_argument("--conversations", type=int, help="the first so many (prefix)")
    parser.add_argument("--turns", type=int, default=60, help="turns of one conversation (kv)")
    parser.add_argument("--window", type=int, default=1024, help="tokens of the local model's window (kv)")
    return parser.parse_args()


def tables(args: argparse.Namespace) -> Iterator[str]:
    match args.what:
        case "steps":
            return window_steps.tables()
        case "fuzz":
            return window_fuzz.tables(args.peers)
    if args.locomo is None:
        raise SystemExit("name LoCoMo's file: --locomo locomo10.json")
    match args.what:
        case "estimate":
            return window_estimate.tables(args.locomo, args.sessions)
        case "prefix":
            return window_prefix.tables(args.locomo, args.conversations)
    return window_prefix.kv(args.locomo, args.turns, args.window)


if __name__ == "__main__":
    for line in tables(arguments()):
        print(line, flush=True)
