"""An execution as the pipeline leaves it, made up but consistent: what the tests of view and report look at."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.execution import ExecutionRecord, StepRecord

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
START = 1_795_446_000.0
# name: architecture, kernel, parameters, training / validation / test accuracy, images/s, seconds
MODELS: dict[str, tuple[str, int | None, int, float, float, float, float, float]] = {
    "baseline": ("dense", None, 101_770, 0.8921, 0.8702, 0.8655, 24_700.0, 7.1),
    "cnn-3x3": ("cnn", 3, 421_642, 0.9352, 0.9154, 0.9110, 2_050.4, 81.3),
    "cnn-5x5": ("cnn", 5, 454_922, 0.9344, 0.9128, 0.9121, 1_240.0, 133.9),
}
# Which classes are taken for which, and how often relative to each other.
CONFUSIONS = {
    (6, 0): 8,
    (0, 6): 6,
    (2, 4): 5,
    (4, 2): 5,
    (6, 2): 5,
    (6, 4): 5,
    (4, 6): 4,
    (2, 6): 3,
    (3, 0): 2,
}
CONFUSIONS |= {(9, 7): 2, (7, 9): 2, (5, 7): 1, (7, 5): 1, (3, 4): 1, (8, 6): 1, (1, 3): 1}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def make_confusion(accuracy: float, per_class: int, exact: bool) -> list[list[int]]:
    """Without `exact` a few mistakes fewer, so that seeds differ by more than their shift."""
    matrix = np.zeros((10, 10), np.int64)
    errors = round((1 - accuracy) * per_class * 10)
    for cell, weight in CONFUSIONS.items():
        matrix[cell] = errors * weight // sum(CONFUSIONS.values())
    if exact:
        matrix[min(CONFUSIONS)] += errors - matrix.sum()
    np.fill_diagonal(matrix, per_class - matrix.sum(axis=1))
    counts: list[list[int]] = matrix.tolist()
    return counts


def make_split(accuracy: float, per_class: int, class_names: tuple[str, ...], exact: bool) -> dict[str, Any]:
    matrix = np.array(make_confusion(accuracy, per_class, exact))
    hits, predicted, support = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    return {
        "accuracy": int(hits.sum()) / int(matrix.sum()),
        "loss": 0.31,
        "confusion_matrix": matrix.tolist(),
        "per_class": [
            {
                "class_name": name,
                "precision": float(hits[label] / predicted[label]),
                "recall": float(hits[label] / support[label]),
                "f1": float(2 * hits[label] / (predicted[label] + support[label])),
                "support": int(support[label]),
            }
            for label, name in enumerate(class_names)
        ],
    }


def make_history(
    epochs: int, train: float, validation: float, images_per_second: float
) -> list[dict[str, Any]]:
    rows = []
    for epoch in range(1, epochs + 1):
        left = math.exp(-1.1 * (epoch - 1))
        rows.append(
            {
                "epoch": epoch,
                "train_loss": 3 * (1 - train) + 0.34 * left,
                "train_accuracy": train - 0.11 * left,
                "validation_loss": 3 * (1 - validation) + 0.16 * left,
                "validation_accuracy": validation - 0.055 * left,
                "learning_rate": 0.003 * (1 - (epoch - 1) / epochs),
                "images_per_second": images_per_second,
                "seconds": 55_000 / images_per_second,
            }
        )
    return rows


def make_candidate(name: str, seed: int, epochs: int, class_names: tuple[str, ...]) -> dict[str, Any]:
    family = name if name in MODELS else "cnn-3x3"
    architecture, kernel, params, train, validation, test, speed, seconds = MODELS[family]
    shift = 0.0009 * ((seed * 7) % 5 - 2) if seed else 0.0
    hyperparameters = {
        "architecture": architecture,
        "batch_size": 128,
        "epochs": epochs,
        "learning_rate": 0.003,
        "seed": seed,
    }
    if kernel is not None:
        hyperparameters["kernel_size"] = kernel
    on_validation, on_test = (
        make_split(validation + shift, 500, class_names, seed == 0),
        make_split(test - shift, 1000, class_names, seed == 0),
    )
    return {
        "id": f"{name}-{seed}",
        "name": name,
        "seed": seed,
        "params": params,
        "train_accuracy": train + shift,
        "validation_accuracy": on_validation["accuracy"],
        "test_accuracy": on_test["accuracy"],
        "train_loss": 0.2,
        "validation_loss": 0.25,
        "test_loss": 0.27,
        "images_per_second": speed,
        "train_seconds": seconds,
        "epochs": epochs,
        "hyperparameters": hyperparameters,
        "artifact_uri": f"s3://fashion/executions/8f3a2c/models/{name}-{seed}/output/model.tar.gz",
        "artifact_sha256": sha(f"artifact {name} {seed}"),
        "history": make_history(epochs, train + shift, validation + shift, speed),
        "environment": {
            "python": "3.11.9",
            "tensorflow": "2.21.0",
            "keras": "3.15.1",
            "numpy": "2.4.0",
            "platform": "Linux-6.1-x86_64",
            "device": "CPU",
            "threads": 2 if name == "cnn-3x3" else 1,
            "seed": seed,
            "hyperparameters": hyperparameters,
            "code_digest": sha("code"),
            "data_digest": sha("data"),
        },
        "validation": on_validation,
        "test": on_test,
    }


def build_evaluation(
    names: tuple[str, ...] = ("baseline", "cnn-3x3", "cnn-5x5"),
    seeds: int = 1,
    passed: bool = True,
    epochs: int = 3,
    class_names: tuple[str, ...] = CLASSES,
) -> dict[str, Any]:
    candidates = [make_candidate(name, seed, epochs, class_names) for seed in range(seeds) for name in names]
    best = max(candidates, key=lambda each: each["validation_accuracy"])
    least = 0.95 if not passed else 0.9 if best["test_accuracy"] >= 0.9 else 0.8
    relation = "at least" if passed else "less than"
    return {
        "schema_version": 1,
        "gate": {
            "verdict": "passed" if passed else "missed",
            "passed": passed,
            "reason": f"{best['id']} reaches a test accuracy of {best['test_accuracy']:.4f}, "
            f"{relation} the required {least:g}.",
            "min_accuracy": least,
        },
        "selection": {"metric": "validation_accuracy", "tie_break": ["params", "name", "seed"]},
        "winner": {
            key: best[key]
            for key in (
                "name",
                "seed",
                "id",
                "validation_accuracy",
                "test_accuracy",
                "params",
                "artifact_uri",
            )
        }
        | {"artifact_sha256": best["artifact_sha256"]},
        "champion": None,
        "class_names": list(class_names),
        "data": {
            "data_digest": sha("data"),
            "splits": {
                "train": {"count": 55_000, "class_counts": [5_500] * 10},
                "validation": {"count": 5_000, "class_counts": [500] * 10},
                "test": {"count": 10_000, "class_counts": [1_000] * 10},
            },
            "sources": {
                name: sha(name)
                for name in (
                    "train-images-idx3-ubyte",
                    "train-labels-idx1-ubyte",
                    "t10k-images-idx3-ubyte",
                    "t10k-labels-idx1-ubyte",
                )
            },
        },
        "candidates": candidates,
        "multiclass_classification_metrics": {},
    }


def build_registration(registered: bool = True) -> dict[str, Any]:
    if not registered:
        reason = "Nothing was registered: the quality gate was missed."
        return {"model_package_arn": None, "version": None, "registered": False, "reason": reason}
    return {
        "model_package_arn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/fashion-mnist/3",
        "version": 3,
        "registered": True,
        "reason": "Version 3 of fashion-mnist is registered, PendingManualApproval.",
    }


def build_record(evaluation: dict[str, Any] | None = None) -> ExecutionRecord:
    """The execution that ended with `evaluation`; a missed gate made it fail."""
    evaluation = evaluation or build_evaluation()
    passed = evaluation["gate"]["passed"]
    steps = [StepRecord("NormalizeData", "Processing", "Succeeded", START, START + 9.6, attempts=1)]
    trained = START + 9.7
    for index, each in enumerate(evaluation["candidates"]):
        begin = START + 9.7 + 0.2 * index
        end = begin + 6 + each["train_seconds"]
        trained = max(trained, end)
        steps.append(StepRecord(f"Train-{each['id']}", "Training", "Succeeded", begin, end, attempts=1))
    end = trained + 24.1
    steps.append(StepRecord("Evaluate", "Processing", "Succeeded", trained, end, attempts=1))
    steps.append(StepRecord("QualityGate", "Condition", "Succeeded", end, end + 0.1, attempts=1))
    missed = "The quality gate was missed: the best candidate's test accuracy is below MinAccuracy=0.95."
    fail = StepRecord("GateMissed", "Fail", "Skipped" if passed else "Failed")
    if not passed:
        fail = replace(fail, started_at=end + 0.1, ended_at=end + 0.2, failure_reason=missed)
    return ExecutionRecord(
        execution_id="8f3a2c9d41e7",
        pipeline_name="fashion-mnist",
        target="local",
        status="Succeeded" if passed else "Failed",
        parameters={
            "BatchSize": 128,
            "ChampionModelPackage": "none",
            "Epochs": 3,
            "LearningRate": 0.003,
            "MinAccuracy": evaluation["gate"]["min_accuracy"],
            "ModelPackageGroupName": "fashion-mnist",
        },
        started_at=START,
        ended_at=end + 0.3,
        failure_reason=None if passed else missed,
        steps=(*steps, fail),
    )


@pytest.fixture(scope="session")
def make_evaluation() -> Callable[..., dict[str, Any]]:
    """Makes the content of an evaluation.json."""
    return build_evaluation


@pytest.fixture(scope="session")
def make_registration() -> Callable[..., dict[str, Any]]:
    """Makes the content of a registration.json."""
    return build_registration


@pytest.fixture(scope="session")
def make_record() -> Callable[..., ExecutionRecord]:
    """Makes the record of the execution that left an evaluation."""
    return build_record
