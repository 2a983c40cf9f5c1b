"""The report's table of the winner's classes, with intervals. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.analysis.evaluation import Candidate
from pipeline.analysis.results import Analysis, Interval
from pipeline.formatting import percent, span


@dataclass(frozen=True)
class Figure:
    """A share and its interval."""

    value: str
    interval: str


@dataclass(frozen=True)
class Row:
    """One class; `weak` marks the three with the lowest recall."""

    name: str
    recall: Figure
    precision: Figure
    f1: Figure
    weak: bool


def make_rows(analysis: Analysis, winner: Candidate) -> list[Row]:
    """The classes of the winner, the entry of evaluation.json's `candidates`, in the order of their labels."""
    scores = winner["test"]["per_class"]
    found = {each.class_name: each for each in analysis.classes if each.id == winner["id"]}
    lowest = sorted(each["recall"] for each in scores if each["support"])[:3]
    rows = []
    for score in scores:
        figures = found.get(score["class_name"])
        rows.append(
            Row(
                score["class_name"],
                figure(score["recall"], None if figures is None else figures.recall),
                figure(score["precision"], None if figures is None else figures.precision),
                figure(score["f1"], None if figures is None else figures.f1),
                bool(score["support"]) and score["recall"] in lowest and score["recall"] < 1,
            )
        )
    return rows


def figure(value: float, interval: Interval | None) -> Figure:
    """One cell."""
    return Figure(percent(value, 1), "" if interval is None else span(interval.low, interval.high, 1))
