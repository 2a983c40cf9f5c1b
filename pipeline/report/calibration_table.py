"""The report's table of calibration: how far each model's probabilities can be taken at their word. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.analysis.results import Analysis
from pipeline.formatting import decimal, percent


@dataclass(frozen=True)
class Row:
    """One training; figures are "before → after" the temperature."""

    id: str
    temperature: str
    error: str
    mass_error: str
    nll: str
    brier: str


def make_rows(analysis: Analysis) -> list[Row]:
    """The trainings that represent the models."""
    rows = []
    for candidate in analysis.candidates:
        found = analysis.calibration(candidate.representative)
        if found is None:
            continue
        plain, calibrated = found.plain, found.calibrated
        rows.append(
            Row(
                found.id,
                decimal(found.temperature, 3),
                f"{percent(plain.ece_equal_width)} → {percent(calibrated.ece_equal_width)}",
                f"{percent(plain.ece_equal_mass)} → {percent(calibrated.ece_equal_mass)}",
                f"{decimal(plain.nll)} → {decimal(calibrated.nll)}",
                f"{decimal(plain.brier)} → {decimal(calibrated.brier)}",
            )
        )
    return rows
