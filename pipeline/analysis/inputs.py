"""Reads what an evaluation left, evaluation.json and predictions.npz, into arrays that the statistics work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.analysis.array_files import UNREADABLE
from pipeline.analysis.case_study import SPLITS, Split
from pipeline.analysis.evaluation import Candidate, Evaluation, measured, names_of

# How many training images processing/candidate_evaluation.py scores, where evaluation.json does not say.
TRAIN_SAMPLE = 10_000


@dataclass(frozen=True)
class Training:
    """One candidate under one seed, as it was evaluated.

    `correct`: bool by image for each split whose predictions are known. `probabilities`: float64, images × classes,
    rows sum to 1. Both are empty without predictions.
    """

    id: str
    name: str
    seed: int
    params: int
    forward_flops: int | None
    train_seconds: float
    images_per_second: float
    images: Mapping[Split, int]
    hits: Mapping[Split, int]
    confusion: npt.NDArray[np.int64]
    correct: Mapping[Split, npt.NDArray[np.bool_]]
    probabilities: Mapping[Split, npt.NDArray[np.float64]]

    def accuracy(self, split: Split) -> float:
        """0..1."""
        return self.hits[split] / self.images[split]


@dataclass(frozen=True)
class Inputs:
    """All trainings, candidates in the order of their first appearance, seeds ascending."""

    trainings: tuple[Training, ...]
    class_names: tuple[str, ...]
    labels: Mapping[Split, npt.NDArray[np.int64]]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates' names, in order."""
        return tuple(dict.fromkeys(each.name for each in self.trainings))

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds, ascending."""
        return tuple(sorted({each.seed for each in self.trainings}))

    def of(self, name: str) -> tuple[Training, ...]:
        """The trainings of one candidate, seeds ascending."""
        return tuple(each for each in self.trainings if each.name == name)

    def representative(self, name: str) -> Training:
        """The training that stands for a candidate: the highest validation accuracy, of equals the lowest seed.

        So Evaluate chooses the winner, too. The test split has no say: a choice on test would favour every model by
        the luck of its best seed.
        """
        return min(self.of(name), key=lambda each: (-each.accuracy("validation"), each.seed))


def read_inputs(evaluation: Evaluation, predictions: Path | None) -> Inputs:
    """The trainings of `evaluation`, the content of evaluation.json, with the predictions if they can be used.

    Predictions that are damaged, or whose accuracies are not the evaluation's, are left out, and a note says so.
    """
    labels, arrays, notes = _read_predictions(predictions)
    images = _image_counts(evaluation)
    entries = evaluation["candidates"]
    if arrays:
        problem = _disagreement(entries, images, labels, arrays)
        if problem:
            labels, arrays = {}, {}
            notes = (f"Single images were not looked at: {problem}.",)
    names = names_of(entries)
    ordered = sorted(entries, key=lambda each: (names.index(each["name"]), each["seed"]))
    trainings = tuple(_training(each, images, labels, arrays) for each in ordered)
    return Inputs(trainings, tuple(evaluation["class_names"]), labels, notes)


def _image_counts(evaluation: Evaluation) -> dict[Split, int]:
    data = evaluation["data"]
    counts: dict[Split, int] = {split: data["splits"][split]["count"] for split in SPLITS}
    counts["train"] = data.get("scored_training_images") or min(counts["train"], TRAIN_SAMPLE)
    return counts


Arrays = dict[str, npt.NDArray[Any]]


def _read_predictions(
    predictions: Path | None,
) -> tuple[dict[Split, npt.NDArray[np.int64]], Arrays, tuple[str, ...]]:
    if predictions is None:
        return {}, {}, ("The run left no predictions of single images.",)
    try:
        with predictions.open("rb") as content, np.load(content, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        splits: tuple[Split, ...] = ("validation", "test")
        if any(arrays[f"labels_{split}"].dtype.kind not in "iu" for split in splits):
            raise ValueError("its labels are not whole numbers")
        labels = {split: arrays[f"labels_{split}"].astype(np.int64) for split in splits}
    except UNREADABLE as error:
        return {}, {}, (f"Single images were not looked at: {predictions.name} cannot be read ({error}).",)
    return labels, arrays, ()


def _disagreement(
    entries: list[Candidate],
    images: Mapping[Split, int],
    labels: Mapping[Split, npt.NDArray[np.int64]],
    arrays: Arrays,
) -> str:
    """Why the predictions cannot be those of this evaluation; empty when they are."""
    for each in entries:
        for split, truth in labels.items():
            found = arrays.get(f"probabilities_{each['id']}_{split}")
            if found is None:
                return f"predictions.npz has none of {each['id']} on {split}"
            if found.ndim != 2 or truth.ndim != 1 or not len(found) == len(truth) == images[split]:
                return f"predictions.npz has other images of {split} than evaluation.json"
            classes = len(each["test"]["confusion_matrix"])
            if found.shape[1] != classes or found.dtype.kind != "f" or not _are_probabilities(found):
                return (
                    f"predictions.npz has no probabilities of {classes} classes for {each['id']} on {split}"
                )
            if len(truth) and not 0 <= truth.min() <= truth.max() < classes:
                return f"predictions.npz has labels of no class on {split}"
            hits = int((found.argmax(axis=1) == truth).sum())
            if hits != round(measured(each, split) * len(truth)):
                return f"predictions.npz gives {each['id']} another accuracy on {split} than evaluation.json"
    return ""


def _are_probabilities(found: npt.NDArray[Any]) -> bool:
    """Whether all are finite and none negative, and no image has zeros only."""
    return bool(np.isfinite(found).all() and (found >= 0).all() and (found.sum(axis=1) > 0).all())


def _training(
    entry: Candidate,
    images: Mapping[Split, int],
    labels: Mapping[Split, npt.NDArray[np.int64]],
    arrays: Arrays,
) -> Training:
    id, flops = entry["id"], entry.get("forward_flops")
    probabilities: dict[Split, npt.NDArray[np.float64]] = {}
    correct: dict[Split, npt.NDArray[np.bool_]] = {}
    for split, truth in labels.items():
        served = arrays[f"probabilities_{id}_{split}"].astype(np.float64)
        correct[split] = served.argmax(axis=1) == truth
        probabilities[split] = served / served.sum(axis=1, keepdims=True)
    hits: dict[Split, int] = {split: round(measured(entry, split) * images[split]) for split in SPLITS}
    on_train = arrays.get(f"correct_{id}_train")
    if (
        on_train is not None
        and on_train.shape == (images["train"],)
        and on_train.dtype == np.bool_
        and int(on_train.sum()) == hits["train"]
    ):
        correct["train"] = on_train.astype(np.bool_)
    return Training(
        id=id,
        name=entry["name"],
        seed=entry["seed"],
        params=entry["params"],
        forward_flops=int(flops) if flops and flops > 0 and float(flops).is_integer() else None,
        train_seconds=float(entry["train_seconds"]),
        images_per_second=float(entry["images_per_second"]),
        images=images,
        hits=hits,
        confusion=np.array(entry["test"]["confusion_matrix"], np.int64),
        correct=correct,
        probabilities=probabilities,
    )
