"""The marks that plots are made of, as SVG text. Colours and fonts are the page's, by class."""

from collections.abc import Iterable
from html import escape


def svg(width: float, height: float, label: str, body: Iterable[str]) -> str:
    """A drawing that scales down with the page; `label` is for those who do not see it."""
    box = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
    return f'<svg {box} role="img" aria-label="{escape(label)}">{"".join(body)}</svg>'


def text(kind: str, x: float, y: float, words: str, *, anchor: str = "start", turned: bool = False) -> str:
    """Words at a place; turned, they run upwards."""
    place = f'transform="translate({x:.1f} {y:.1f}) rotate(-90)"' if turned else f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text class="{kind}" text-anchor="{anchor}" {place}>{escape(words)}</text>'


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """From one place to another."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def dot(x: float, y: float, told: str) -> str:
    """A mark that says what it is when it is pointed at."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"><title>{escape(told)}</title></circle>'


def path(kind: str, points: Iterable[tuple[float, float]]) -> str:
    """A line through points."""
    steps = " ".join(f"{'L' if n else 'M'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(points))
    return f'<path class="{kind}" d="{steps}"/>'


def area(kind: str, points: Iterable[tuple[float, float]]) -> str:
    """What points enclose."""
    return f'<polygon class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def box(kind: str, x: float, y: float, width: float, height: float, told: str = "", share: float = 1) -> str:
    """A cell; `share` is how strongly it is coloured."""
    place = f'x="{x + 1:.1f}" y="{y + 1:.1f}" width="{width - 2:.1f}" height="{height - 2:.1f}" rx="4"'
    return f'<rect class="{kind}" {place} style="opacity:{share:.3f}"><title>{escape(told)}</title></rect>'


def group(kind: str, body: Iterable[str]) -> str:
    """Marks of one colour."""
    return f'<g class="{kind}">{"".join(body)}</g>'
