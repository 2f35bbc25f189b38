"""What every structured format is written into: text in light Markdown, with its headings and printed pages.

Blocks are parted by an empty line, so that a chunk ends between them; a row of a table and a line of code are
a line each, so that no cell and no statement is parted.
"""

from vctx.types import Heading, Reading

TITLE = 200
"""Characters of a heading; a longer one is a paragraph that somebody has made large."""


class Draft:
    """A document that is being written, block by block."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []

    def heading(self, title: str, level: int) -> None:
        """A section begins."""
        if title := " ".join(title.split()):
            self._headings.append(Heading(self._length, title[:TITLE], level))
            self.block(f"{'#' * min(level, 6)} {title}")

    def section(self, title: str, level: int) -> None:
        """A section begins whose title is not in the text."""
        if title := " ".join(title.split()):
            self._headings.append(Heading(self._length, title[:TITLE], level))

    def block(self, text: str) -> None:
        """A paragraph, or whatever keeps its lines together."""
        if text := text.strip("\n"):
            self._write(f"{text}\n\n")

    def code(self, text: str) -> None:
        """A block of code, as it stands."""
        if text.strip():
            fence = "````" if "```" in text else "```"
            self.block(f"{fence}\n{text.strip(chr(10))}\n{fence}")

    def table(self, rows: list[list[str]]) -> None:
        """A table: a line for each row; a break inside a cell becomes a space."""
        lines = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
        self.block("\n".join(f"| {' | '.join(row)} |" for row in lines if any(row)))

    def page(self) -> None:
        """The next printed page begins."""
        self._write("\f")

    def reading(self, name: str, *notes: str) -> Reading:
        """What has been written."""
        return Reading(name, "".join(self._parts), tuple(self._headings), notes=tuple(notes))

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
