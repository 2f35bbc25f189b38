"""HTML -> a draft: headings, paragraphs, lists, tables and code, in order. Parsed by selectolax.

What a reader does not see (scripts, styles, hidden elements) is left out, and so is what stands around an
article (navigation, header and footer of the site), where the page has an article.
"""

import re
from typing import TYPE_CHECKING

from vctx.errors import MissingError
from vctx.ingest.draft import Draft

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

HIDDEN = frozenset(
    {
        *("script", "style", "template", "noscript", "head", "svg", "canvas", "iframe", "object", "button"),
        *("select", "input", "textarea", "nav", "-comment", "-doctype"),
    }
)
AROUND = frozenset(("footer", "aside"))
"""What stands around the text of a page that has an article."""
INLINE = frozenset(
    {
        *(
            "a",
            "abbr",
            "b",
            "bdi",
            "bdo",
            "big",
            "cite",
            "code",
            "data",
            "del",
            "dfn",
            "em",
            "font",
            "i",
            "img",
        ),
        *("ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike"),
        *("strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    }
)
DEEPEST = 120
"""Elements within each other; what is deeper is read as plain text."""

_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n\f]+")


def charset(data: bytes) -> str:
    """The encoding that a page names in its first kilobyte; empty where it names none."""
    found = _CHARSET.search(data[:1024])
    return found[1].decode("ascii", "replace") if found else ""


def write(html: str, draft: Draft) -> None:
    """Writes the body of a page."""
    try:
        # Imported here because a page is seldom what is added.
        from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingError("HTML, EPUB and DOCX need: pip install 'vctx[documents]'") from error
    body = LexborHTMLParser(html).body
    if body is not None:
        article = body.css("article, main, [role=main]")
        _Walk(draft, around=len(article) == 0).children(body, 0)


class _Walk:
    """Goes through a tree and writes a block wherever a line of text ends."""

    def __init__(self, draft: Draft, *, around: bool) -> None:
        self._draft = draft
        self._around = around
        self._line: list[str] = []
        self._lead = ""

    def children(self, node: "LexborNode", depth: int) -> None:
        """Everything in an element, and the end of its last line."""
        self._inside(node, depth)
        self._end()

    def _inside(self, node: "LexborNode", depth: int) -> None:
        child = node.child
        while child is not None:
            self._node(child, depth + 1)
            child = child.next

    def _node(self, node: "LexborNode", depth: int) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._line.append(_BLANKS.sub(" ", node.text_content or ""))
        elif tag in HIDDEN or _hidden(node) or (tag in AROUND and not self._around):
            return
        elif tag == "br":
            self._line.append("\n")
        elif tag == "img":
            self._line.append(node.attributes.get("alt") or "")
        elif tag in INLINE:
            self._inside(node, depth) if depth < DEEPEST else self._line.append(node.text() or "")
        else:
            self._end()
            self._block(node, tag, depth)

    def _block(self, node: "LexborNode", tag: str, depth: int) -> None:
        if re.fullmatch("h[1-6]", tag):
            self._draft.heading(node.text(separator="") or "", int(tag[1]))
        elif tag == "pre":
            self._draft.code(_code(node))
        elif tag == "table" and not _layout(node):
            self._draft.table(_rows(node))
        elif tag == "li":
            self._item(node, depth)
        elif depth < DEEPEST:
            self.children(node, depth)
        else:
            self._draft.block(node.text(separator=" ") or "")

    def _item(self, node: "LexborNode", depth: int) -> None:
        before, self._lead = self._lead, "- "
        self.children(node, depth)
        self._lead = before

    def _end(self) -> None:
        """A line of text ends; what was gathered is a paragraph."""
        lines = (_BLANKS.sub(" ", line).strip() for line in "".join(self._line).split("\n"))
        text = "\n".join(line for line in lines if line)
        self._line = []
        if text:
            self._draft.block(self._lead + text)
            self._lead = ""


def _hidden(node: "LexborNode") -> bool:
    attributes = node.attributes
    return "hidden" in attributes or "display:none" in (attributes.get("style") or "").replace(" ", "")


def _code(node: "LexborNode") -> str:
    for br in node.css("br"):
        br.replace_with("\n")
    return node.text(separator="") or ""


def _layout(node: "LexborNode") -> bool:
    """Whether a table arranges blocks, as old pages do, and holds no data."""
    return bool(node.css("table table, table h1, table h2, table h3, table pre, table ul"))


def _rows(node: "LexborNode") -> list[list[str]]:
    return [[cell.text(separator=" ") or "" for cell in row.css("th, td")] for row in node.css("tr")]
