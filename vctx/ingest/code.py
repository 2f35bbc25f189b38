"""Source code: where its classes and functions begin, by the words that open them in most languages."""

import re

from vctx.types import Heading

SUFFIXES = frozenset(
    {
        *(
            ".py",
            ".pyi",
            ".js",
            ".mjs",
            ".cjs",
            ".jsx",
            ".ts",
            ".tsx",
            ".java",
            ".kt",
            ".kts",
            ".scala",
            ".swift",
        ),
        *(".go", ".rs", ".rb", ".php", ".cs", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".m", ".mm"),
        *(
            ".lua",
            ".pl",
            ".pm",
            ".r",
            ".jl",
            ".ex",
            ".exs",
            ".erl",
            ".hs",
            ".ml",
            ".mli",
            ".fs",
            ".clj",
            ".el",
        ),
        *(
            ".lisp",
            ".sh",
            ".bash",
            ".zsh",
            ".sql",
            ".dart",
            ".zig",
            ".nim",
            ".v",
            ".groovy",
            ".gradle",
            ".tcl",
        ),
    }
)

_BEFORE = (
    "export|default|pub|public|private|protected|internal|static|final|abstract|async|unsafe|override|virtual"
    "|inline|extern|sealed|partial|data|open|case|suspend|local"
)
_OPENS = re.compile(
    rf"^(?P<indent>[ \t]*)(?:(?:{_BEFORE})\b(?:\([^)\n]*\))?[ \t]+)*"
    r"(?P<title>(?:class|struct|interface|enum|trait|impl|def|defp|defmodule|fn|func|fun|function|sub|module|namespace"
    r"|object|protocol|extension|package)\b[ \t]*(?:\([^)\n]*\)[ \t]*)?[\w.:<>$&', ?!]*\w[?!]?)",
    re.MULTILINE,
)
_TAB = 4


def headings(text: str) -> tuple[Heading, ...]:
    """(first character, title, level) of each class and function; what is indented stands below."""
    found = [
        (match.start(), match["title"], len(match["indent"].expandtabs(_TAB)))
        for match in _OPENS.finditer(text)
    ]
    return tuple(Heading(at, " ".join(title.split())[:120], 1 + indent // 2) for at, title, indent in found)
