"""What the statistics say about a study: as JSON values, as rows of CSV files, as cells of the page's tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.analysis.evaluation import Evaluation
from pipeline.formatting import MISSING, count, decimal
from pipeline.study.figures import Row

COMPARISON_COLUMNS = (
    "first", "second", "measure", "family", "seeds", "mean", "t_low", "t_high", "bootstrap_low", "bootstrap_high",
    "p_value", "p_holm", "images_needed",
)  # fmt: skip
IMAGE_COLUMNS = (
    "first_id", "second_id", "images", "both_right", "first_only", "second_only", "both_wrong", "difference",
    "p_value", "p_holm",
)  # fmt: skip


def judge_study(evaluation: Evaluation, predictions: Path | None) -> dict[str, Any]:
    """The analysis of an evaluation and the verdicts on the declared hypotheses: `analysis` and `verdicts`.

    Without the reliability diagrams' bins, which the report shows.
    """
    from pipeline.analysis import analyse
    from pipeline.analysis.judging import verdicts

    analysis = analyse(evaluation, predictions)
    document = analysis.to_json()
    for calibration in document["calibrations"]:
        for kind in ("plain", "calibrated"):
            del calibration[kind]["bins"]
    return {
        "verdicts": [dataclasses.asdict(verdict) for verdict in verdicts(analysis)],
        "analysis": document,
    }


def comparison_rows(analysis: Mapping[str, Any]) -> list[Row]:
    """A row for each difference over seeds, with COMPARISON_COLUMNS; None where it could not be computed."""
    rows = []
    for each in analysis["seed_comparisons"]:
        row: Row = {**each, "seeds": len(each["seeds"])}
        for name, key in (("t", "t_interval"), ("bootstrap", "bootstrap")):
            interval = each[key] or {}
            row |= {f"{name}_low": interval.get("low"), f"{name}_high": interval.get("high")}
        rows.append({column: row[column] for column in COMPARISON_COLUMNS})
    return rows


def image_rows(analysis: Mapping[str, Any]) -> list[Row]:
    """A row for each pair of models on the same test images, with IMAGE_COLUMNS."""
    return [{column: each[column] for column in IMAGE_COLUMNS} for each in analysis["image_comparisons"]]


def answer_lines(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """A Markdown item for each claim: the claim, the decision and its numbers."""
    return [
        f"- **{verdict['claim']}** {verdict['sentence']}" + ("" if verdict["primary"] else " (Secondary.)")
        for verdict in verdicts
    ]


def comparison_cells(row: Row) -> list[str]:
    """The page's cells for one row of comparison_rows; differences in percentage points."""
    return [
        f"{row['first']} − {row['second']}",
        str(row["measure"]).replace("_", " "),
        str(row["seeds"]),
        signed(row["mean"]),
        span(row["t_low"], row["t_high"]),
        span(row["bootstrap_low"], row["bootstrap_high"]),
        probability(row["p_value"]),
        probability(row["p_holm"]),
        row["family"] or "exploration",
        count(row["images_needed"]),
    ]


def image_cells(row: Row) -> list[str]:
    """The page's cells for one row of image_rows."""
    return [
        f"{row['first_id']} − {row['second_id']}",
        signed(row["difference"]),
        str(row["first_only"]),
        str(row["second_only"]),
        probability(row["p_value"]),
        probability(row["p_holm"]),
    ]


def calibration_cells(each: Mapping[str, Any]) -> list[str]:
    """The page's cells for one training's calibration."""
    plain, calibrated = each["plain"], each["calibrated"]
    return [
        each["id"],
        *(decimal(plain[key]) for key in ("ece_equal_width", "nll", "brier")),
        decimal(each["temperature"], 3),
        *(decimal(calibrated[key]) for key in ("ece_equal_width", "nll", "brier")),
    ]


def signed(fraction: float | None) -> str:
    """A difference of fractions in percentage points, with its sign."""
    return MISSING if fraction is None else f"{fraction * 100:+.2f}"


def span(low: float | None, high: float | None) -> str:
    """An interval of such differences."""
    return MISSING if low is None or high is None else f"{signed(low)} to {signed(high)}"


def probability(value: float | None) -> str:
    """A p-value: three digits, or that it is smaller than they show."""
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
