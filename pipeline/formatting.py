"""How numbers and times are written, on the terminal and in the report."""

from __future__ import annotations

import math
from datetime import UTC, datetime, tzinfo

MISSING = "–"


def percent(fraction: float | None, digits: int = 2) -> str:
    """A fraction as a percentage: 0.91423 is "91.42 %"; a dash when there is none."""
    if fraction is None or not math.isfinite(fraction):
        return MISSING
    return f"{fraction * 100:.{digits}f} %"


def points(difference: float) -> str:
    """The difference of two fractions in percentage points, without its sign: 0.0031 is "0.31 points"."""
    return f"{abs(difference) * 100:.2f} points"


def signed_points(difference: float) -> str:
    """The difference of two fractions in percentage points with its sign: 0.0031 is "+0.31"."""
    return f"{difference * 100:+.2f}".replace("-", "−")


def span(low: float, high: float, digits: int = 2) -> str:
    """An interval of fractions: "91.10–92.19 %"."""
    return f"{low * 100:.{digits}f}–{high * 100:.{digits}f} %"


def p_value(probability: float | None) -> str:
    """A p-value: "0.031", "< 0.001"; a dash when there is none."""
    if probability is None:
        return MISSING
    return "< 0.001" if probability < 0.001 else f"{probability:.3f}"


def count(number: float | None) -> str:
    """A whole number with thousands separated: 421642 is "421,642"."""
    if number is None or not math.isfinite(number):
        return MISSING
    return f"{number:,.0f}"


def plural(number: int, noun: str) -> str:
    """So many of a thing: "1 step", "2 steps", "1,200 images"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def decimal(number: float | None, digits: int = 4) -> str:
    """A number with a fixed number of decimals; a dash when there is none."""
    if number is None or not math.isfinite(number):
        return MISSING
    return f"{number:.{digits}f}"


def binary_size(size: int) -> str:
    """A number of bytes: "512 B", "1.5 KiB", "23.4 MiB", "1.2 GiB"."""
    for power, unit in enumerate(("B", "KiB", "MiB", "GiB")):
        value = size / 1024**power
        if value < 1023.95:
            return f"{value:.{min(power, 1)}f} {unit}"
    return f"{size / 1024**4:,.1f} TiB"


def duration(seconds: float | None) -> str:
    """A duration in seconds: "4.2 s", "45 s", "2 min 05 s", "1 h 02 min"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = whole // 60
    return f"{minutes // 60} h {minutes % 60:02d} min"


def moment(timestamp: float | None, zone: tzinfo | None = UTC) -> str:
    """Seconds since the epoch as "2026-11-23 15:04:05 UTC"; `zone` None is the machine's own, left unnamed."""
    if timestamp is None:
        return MISSING
    written = datetime.fromtimestamp(timestamp, zone).strftime("%Y-%m-%d %H:%M:%S")
    return f"{written} UTC" if zone is UTC else written
