"""The baseline of a registered model: what its answers and the images look like when nothing has changed.

Evaluate takes it of the winner on the validation split and leaves it as baseline.json, which the package in the
registry names (DriftCheckBaselines); monitor.py reads it there. All numbers but the counts are in hundredths.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from candidate_evaluation import Evaluated, RawSplit
from drift_measures import Measures, measure
from fashion_classes import CLASS_NAMES
from job_failure import JobError
from stratify import seeded_order

BASELINE_FILE = "baseline.json"
SCHEMA_VERSION = 1
SAMPLE, SAMPLE_SEED = 10_000, 0  # of a larger validation split; the project's own has 5,000 images


@dataclass(frozen=True)
class Baseline:
    """Measures of N images and how many of them the model takes for each class (int64, C).

    `model` is the id of the training, `artifact_sha256` that of its model.tar.gz.
    """

    model: str
    artifact_sha256: str
    class_counts: npt.NDArray[np.int64]
    measures: Measures

    @property
    def count(self) -> int:
        """How many images it is of."""
        return int(self.class_counts.sum())

    def to_bytes(self) -> bytes:
        """The content of baseline.json: a measure a line."""
        head = {
            "schema_version": SCHEMA_VERSION,
            "model": self.model,
            "artifact_sha256": self.artifact_sha256,
            "split": "validation",
            "images": self.count,
            "class_names": list(CLASS_NAMES),
            "class_counts": self.class_counts.tolist(),
            "unit": "hundredths",
        }
        lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        columns = (
            f"  {json.dumps(name)}: {json.dumps(values.tolist(), separators=(',', ':'))}"
            for name, values in self.measures.items()
        )
        measures = ",\n".join(columns)
        return ("{\n" + ",\n".join([*lines, f' "measures": {{\n{measures}\n }}']) + "\n}\n").encode()


def baseline_of(winner: Evaluated, validation: RawSplit) -> Baseline:
    """The baseline of an evaluated model: of all images of the validation split, or a fixed sample of 10,000."""
    rows = np.sort(seeded_order(len(validation.labels), SAMPLE_SEED)[:SAMPLE])
    probabilities = winner.probabilities["validation"][rows]
    return Baseline(
        model=winner.id,
        artifact_sha256=winner.artifact.sha256,
        class_counts=class_counts(probabilities),
        measures=measure(validation.pixels[rows], probabilities),
    )


def class_counts(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """How many rows of `probabilities` (N×C) have their highest value in each class; the first of equals."""
    return np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1]).astype(np.int64)


def digest_of(content: bytes) -> str:
    """The digest of a baseline's file as the registry holds it (MetricsSource, ContentDigest)."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def parse_baseline(content: bytes, uri: str) -> Baseline:
    """The baseline in a file; `uri` names it in messages.

    Raises:
        JobError: it is no baseline, or one of another version of this code.
    """
    try:
        document: dict[str, Any] = json.loads(content)
        if document["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version is {document['schema_version']}, not {SCHEMA_VERSION}")
        counts = np.array(document["class_counts"], np.int64)
        measures = {name: np.array(values, np.int32) for name, values in document["measures"].items()}
        expected = {*measure(np.zeros((1, 28, 28), np.uint8), np.full((1, len(CLASS_NAMES)), 0.1))}
        if counts.shape != (len(CLASS_NAMES),) or counts.min() < 0 or counts.sum() < 1:
            raise ValueError("class_counts is not a count of each class")
        if measures.keys() != expected or any(each.shape != (counts.sum(),) for each in measures.values()):
            raise ValueError("measures do not belong to class_counts")
        return Baseline(str(document["model"]), str(document["artifact_sha256"]), counts, measures)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise JobError(
            f"The baseline {uri} cannot be used: {type(error).__name__}: {error}. Run the training pipeline again, "
            "and monitor the model that it registers."
        ) from error
