"""The window's map: within 80 columns, in colour and letters, in Unicode and ASCII."""

from dataclasses import replace

import click
from hypothesis import given
from hypothesis import strategies as st

from vctx.cli.picture import Look, drawn
from vctx.types import Form, Frame, Region

PLAIN, RICH = Look(unicode=False, colour=False), Look(unicode=True, colour=True)
SAID = Frame(1, 20, arrived=0, referenced=0)
WINDOW = (
    Region("fixed", 10),
    Region("digest", 10),
    Region("message", 20, replace(SAID, form=Form.CUT, pinned=True), 19),
    Region("fault", 10, replace(SAID, page=2, fault=True), 0),
    Region("free", 14),
)


def test_worked_by_hand() -> None:
    """64 tokens are 64 blocks of one each; the oldest of ages 0 to 19 is in the last tenth."""
    assert drawn(WINDOW, "a.db", PLAIN).splitlines() == [
        "a.db: 50 of 64 tokens, 78%; a block is 1 tokens",
        "",
        "  form    " + "#" * 20 + "=" * 20 + "#" * 10 + "." * 14,
        "  region  " + "S" * 10 + "D" * 10 + "M" * 20 + "F" * 10,
        "  age     " + " " * 20 + "9" * 20 + "0" * 10,
        "",
        "  S system and template            10 tokens",
        "  D digest of what has left        10 tokens",
        "  M messages                       20 tokens  1 page, 19 ticks old, 1 pinned",
        "  F paged in                       10 tokens  1 page, 0 ticks old",
        "  . free                           14 tokens",
        "  form: # full  = cut    age: 0 newest to 9 oldest",
    ]


def test_in_colour_regions_need_no_letters() -> None:
    out = drawn(WINDOW, "a.db", RICH)
    assert "region" not in out and click.style("▓", fg="green") in out


@given(
    st.lists(st.tuples(st.sampled_from(["fixed", "digest", "message", "fault"]), st.integers(1, 5000))),
    st.integers(0, 200_000),
)
def test_it_fits_a_terminal(parts: list[tuple[str, int]], free: int) -> None:
    regions = [
        Region(name, n, replace(SAID, page=i) if name in ("message", "fault") else None, i)  # type: ignore[arg-type]
        for i, (name, n) in enumerate(parts)
    ]
    regions += [Region("free", free)] if free else []
    for look in (PLAIN, RICH):
        lines = click.unstyle(drawn(regions, "x" * 20 + ".db", look)).splitlines()
        assert max(map(len, lines)) <= 80 and len(lines) <= 25
