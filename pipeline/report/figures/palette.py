"""The figures' colours. They are drawn in stand-ins, which svg.py turns into variables of the page's style sheet.

So one drawing serves the light page, the dark one and paper. The variables' values are in style.css; the series are
those of Okabe and Ito ("Color Universal Design"), which people with any colour vision can tell apart, and each
series has its own marker besides.
"""

from __future__ import annotations

INK = "#010101"
MUTED = "#010102"
GRID = "#010103"
BAND = "#010104"
HIT = "#010105"
MISS = "#010106"
ON_HIT = "#010107"
ON_MISS = "#010108"
SERIES = tuple(f"#0102{index:02x}" for index in range(6))
MARKERS = ("o", "s", "^", "D", "v", "P")

VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    BAND: "var(--band)",
    HIT: "var(--hit)",
    MISS: "var(--miss)",
    ON_HIT: "var(--on-hit)",
    ON_MISS: "var(--on-miss)",
    **{color: f"var(--series-{index})" for index, color in enumerate(SERIES)},
}


def series_of(names: list[str], name: str) -> tuple[str, str]:
    """The colour and the marker of one of the `names`, which all figures give the same ones."""
    index = names.index(name) % len(SERIES)
    return SERIES[index], MARKERS[index]
