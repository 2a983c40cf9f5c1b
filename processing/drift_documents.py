"""What a comparison leaves, as JSON: drift.json, and the two documents in the form of SageMaker Model Monitor's.

Developer guide, "Schema for Statistics (statistics.json file)" and "Schema for Violations
(constraint_violations.json file)": what reads Model Monitor's files reads these.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from captured_lines import Captured
from drift_baseline import Baseline, class_counts
from drift_measures import HUNDREDTHS, measure
from drift_verdict import CLASSES, Verdict
from fashion_classes import CLASS_NAMES

SCHEMA_VERSION = 1
BUCKETS = 10


@dataclass(frozen=True)
class Judged:
    """What was compared, and the verdict. `version` and `baseline` are None where there was nothing to compare."""

    capture: str
    endpoint: str
    version: int | None
    baseline: Baseline | None
    captured: Captured
    verdict: Verdict
    left_out: dict[str, int]

    @property
    def losses(self) -> dict[str, int]:
        """What was not judged, by its reason."""
        return {**self.left_out, **self.captured.losses}

    def to_json(self) -> dict[str, Any]:
        """The content of drift.json; the pipeline's condition reads `verdict` from it."""
        return {
            "schema_version": SCHEMA_VERSION,
            **self.verdict.to_json(),
            "capture": self.capture,
            "endpoint": self.endpoint,
            "model_version": self.version,
            "model": None if self.baseline is None else self.baseline.model,
            "artifact_sha256": None if self.baseline is None else self.baseline.artifact_sha256,
            "lines": self.captured.lines,
            "first": self.captured.first or None,
            "last": self.captured.last or None,
            "left_out": self.losses,
        }


def violations_document(verdict: Verdict) -> dict[str, Any]:
    """The content of constraint_violations.json: one entry for each measure that has drifted."""
    return {
        "violations": [
            {
                "feature_name": one.measure,
                "constraint_check_type": "baseline_drift_check",
                "description": one.sentence,
            }
            for one in verdict.drifted
        ]
    }


def statistics_document(judged: Judged) -> dict[str, Any]:
    """The content of statistics.json: of each measure of the captured images, and of the classes."""
    pixels, answers = judged.captured.pixels(), judged.captured.probabilities()
    count = len(pixels)
    common = {"num_present": count, "num_missing": 0}
    features: list[dict[str, Any]] = []
    if count:
        features = [
            {
                "name": name,
                "inferred_type": "Fractional",
                "numerical_statistics": {"common": common, **_numbers(values / HUNDREDTHS)},
            }
            for name, values in measure(pixels, answers).items()
        ]
        counts = class_counts(answers)
        buckets = [
            {"value": name, "count": int(each)} for name, each in zip(CLASS_NAMES, counts, strict=True)
        ]
        features.append(
            {
                "name": CLASSES,
                "inferred_type": "String",
                "string_statistics": {
                    "common": common,
                    "distinct_count": int((counts > 0).sum()),
                    "distribution": {"categorical": {"buckets": buckets}},
                },
            }
        )
    return {"version": 0.0, "dataset": {"item_count": count}, "features": features}


def _numbers(values: npt.NDArray[np.float64]) -> dict[str, Any]:
    counts, edges = np.histogram(values, BUCKETS)
    buckets = [
        {"lower_bound": float(low), "upper_bound": float(high), "count": int(number)}
        for low, high, number in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    return {
        "mean": float(values.mean()),
        "sum": float(values.sum()),
        "std_dev": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
        "distribution": {"kll": {"buckets": buckets}},
    }
