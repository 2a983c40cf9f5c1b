"""The figures of a study, out of an evaluation.json: a row for each training, each epoch, each candidate. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from pipeline.analysis.case_study import SPLITS
from pipeline.analysis.evaluation import Evaluation

RESULT_COLUMNS = (
    "candidate", "seed", "params", "forward_flops", "epochs", "batch_size", "learning_rate", "threads",
    "train_accuracy", "validation_accuracy", "test_accuracy", "train_loss", "validation_loss", "test_loss",
    "train_seconds", "images_per_second", "artifact_sha256",
)  # fmt: skip
EPOCH_COLUMNS = (
    "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate",
    "images_per_second", "seconds",
)  # fmt: skip

Row = dict[str, Any]


def result_rows(evaluation: Evaluation) -> list[Row]:
    """A row for each candidate under each seed, with RESULT_COLUMNS; None for what the evaluation does not have.

    Accuracies are fractions; times are seconds; `forward_flops` are of one image. `train_accuracy` and
    `train_loss` are the finished model's, on a fixed sample of the training split.
    """
    rows = []
    for each in evaluation["candidates"]:
        known = {
            **each["environment"],
            **each["hyperparameters"],
            **each,
            "candidate": each["name"],
        }
        rows.append({column: known.get(column) for column in RESULT_COLUMNS})
    return rows


def epoch_rows(evaluation: Evaluation) -> list[Row]:
    """A row for each epoch of each training; `train_…` are measured while the weights change."""
    return [
        {
            "candidate": each["name"],
            "seed": each["seed"],
            **{column: epoch.get(column) for column in EPOCH_COLUMNS},
        }
        for each in evaluation["candidates"]
        for epoch in each["history"]
    ]


def summary_rows(results: Sequence[Row]) -> list[Row]:
    """A row for each candidate: means over its seeds, and the standard deviations of the accuracies.

    A standard deviation is None under one seed.
    """
    rows = []
    for name in dict.fromkeys(row["candidate"] for row in results):
        mine = [row for row in results if row["candidate"] == name]
        row: Row = {
            "candidate": name,
            "seeds": len(mine),
            "params": mine[0]["params"],
            "forward_flops": mine[0]["forward_flops"],
        }
        for split in SPLITS:
            accuracies = [each[f"{split}_accuracy"] for each in mine]
            row[f"{split}_accuracy_mean"] = statistics.fmean(accuracies)
            row[f"{split}_accuracy_sd"] = statistics.stdev(accuracies) if len(mine) > 1 else None
        for column in ("test_loss", "train_seconds", "images_per_second"):
            row[f"{column}_mean"] = statistics.fmean(each[column] for each in mine)
        rows.append(row)
    return rows
