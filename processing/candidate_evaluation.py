"""Scoring one trained candidate on all splits. evaluate.py does so for every candidate, and for the champion."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from artifact import Artifact
from processed_data import ProcessedData
from scoring import Scores, score
from served_model import Predict
from stratify import seeded_order

TRAIN_SAMPLE = 10_000  # images; enough for ±0.6 points at 90 %, and a fifth of the time of all 55,000
TRAIN_SAMPLE_SEED = 0


@dataclass(frozen=True)
class RawSplit:
    """`pixels`: uint8, N×28×28, as a client would send them; `labels`: uint8, N."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Evaluated:
    """A candidate's scores by split, and its probabilities (float32, N×10) on validation and test.

    `correct_train`: bool, which images of the training sample it gets right.
    """

    artifact: Artifact
    scores: dict[str, Scores]
    probabilities: dict[str, npt.NDArray[np.float32]]
    correct_train: npt.NDArray[np.bool_]

    @property
    def id(self) -> str:
        """The name of the training, `<name>-<seed>`."""
        return self.artifact.reference.id

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.artifact.reference.name

    @property
    def seed(self) -> int:
        """The seed it was trained from."""
        return self.artifact.reference.seed

    @property
    def params(self) -> int:
        """How many parameters it has."""
        return self.artifact.params

    @property
    def validation_accuracy(self) -> float:
        """What the choice goes by, 0..1."""
        return self.scores["validation"].accuracy

    @property
    def test_accuracy(self) -> float:
        """What the gate goes by, 0..1."""
        return self.scores["test"].accuracy

    def to_json(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """Its entry in `candidates` of evaluation.json."""
        metrics, environment = self.artifact.metrics, self.artifact.environment
        accuracies = {f"{split}_accuracy": scores.accuracy for split, scores in self.scores.items()}
        losses = {f"{split}_loss": scores.loss for split, scores in self.scores.items()}
        return {
            "id": self.id,
            "name": self.name,
            "seed": self.seed,
            "params": self.params,
            "forward_flops": metrics.get("forward_flops"),
            **accuracies,
            **losses,
            "images_per_second": metrics["images_per_second"],
            "train_seconds": metrics["train_seconds"],
            "epochs": metrics["epochs"],
            "hyperparameters": environment.get("hyperparameters", {}),
            "artifact_uri": self.artifact.reference.uri,
            "artifact_sha256": self.artifact.sha256,
            "history": self.artifact.history,
            "environment": environment,
            "validation": self.scores["validation"].to_json(class_names),
            "test": self.scores["test"].to_json(class_names),
        }


def raw_splits(data: ProcessedData) -> dict[str, RawSplit]:
    """Raw pixels of validation, test, and a fixed sample of 10,000 training images (all, if there are fewer).

    Raises:
        JobError: the images do not belong to the manifest's mean and standard deviation.
    """
    train_count = len(data.splits["train"].labels)
    chosen: dict[str, Any] = {
        "train": np.sort(seeded_order(train_count, TRAIN_SAMPLE_SEED)[:TRAIN_SAMPLE]),
        "validation": slice(None),
        "test": slice(None),
    }
    raw = {}
    for name, rows in chosen.items():
        split = data.splits[name]
        pixels = data.manifest.normalization.restore(np.asarray(split.images[rows, :, :, 0]))
        raw[name] = RawSplit(pixels, split.labels[rows])
    return raw


def evaluate_candidate(artifact: Artifact, predict: Predict, splits: dict[str, RawSplit]) -> Evaluated:
    """Score the served model of `artifact` on every split.

    Raises:
        ArtifactError: its probabilities are not finite or do not sum to 1.
    """
    probabilities = {name: predict(split.pixels) for name, split in splits.items()}
    scores = {name: score(split.labels, probabilities[name]) for name, split in splits.items()}
    correct_train = probabilities.pop("train").argmax(axis=1) == splits["train"].labels
    return Evaluated(artifact, scores, probabilities, correct_train)
