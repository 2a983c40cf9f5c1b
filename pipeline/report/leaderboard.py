"""The report's leaderboard: one row a training, with the case study's band beside each accuracy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.analysis.case_study import SPLITS, Standing, reference_for
from pipeline.analysis.evaluation import Candidate, Evaluation, measured, names_of, ranked
from pipeline.analysis.results import Analysis
from pipeline.formatting import count, duration, percent, span

SYMBOLS: Mapping[Standing, str] = {"below": "↓", "within": "=", "above": "↑"}


@dataclass(frozen=True)
class Accuracy:
    """An accuracy, its interval, and how it stands to its band; without a band, its three texts are empty."""

    value: str
    interval: str
    stands: str = ""
    symbol: str = ""
    band: str = ""


@dataclass(frozen=True)
class Row:
    """One training as the table shows it; `series` is the number of its colour in the figures."""

    name: str
    seed: int
    won: bool
    series: int
    accuracies: tuple[Accuracy, ...]
    parameters: str
    images_per_second: str
    train_time: str


def make_rows(evaluation: Evaluation, analysis: Analysis, colors: int) -> list[Row]:
    """The rows, best first on validation, from the content of evaluation.json; `colors` is how many there are."""
    names = names_of(evaluation["candidates"])
    return [
        Row(
            name=each["name"],
            seed=each["seed"],
            won=each["id"] == evaluation["winner"]["id"],
            series=names.index(each["name"]) % colors,
            accuracies=accuracies(each, analysis),
            parameters=count(each["params"]),
            images_per_second=count(each["images_per_second"]),
            train_time=duration(each["train_seconds"]),
        )
        for each in ranked(evaluation["candidates"])
    ]


def accuracies(candidate: Candidate, analysis: Analysis) -> tuple[Accuracy, ...]:
    """The candidate's accuracies on training, validation and test."""
    reference = reference_for(candidate["name"])
    cells = []
    for split in SPLITS:
        value = measured(candidate, split)
        found = analysis.accuracy(candidate["id"], split)
        interval = "" if found is None else span(found.interval.low, found.interval.high)
        if reference is None:
            cells.append(Accuracy(percent(value), interval))
        else:
            band = reference.band(split)
            stands = band.standing(value)
            cells.append(Accuracy(percent(value), interval, stands, SYMBOLS[stands], str(band)))
    return tuple(cells)
