import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifact import Artifact, Reference
from candidate_evaluation import Evaluated
from fashion_classes import CLASS_NAMES
from gate import decide
from model_card import card_content, model_card
from processed_data import open_processed
from processed_manifest import Manifest
from scoring import score

METRICS = {"train_seconds": 40.0, "images_per_second": 1000.0, "epochs": 2}
ENVIRONMENT = {
    "code_digest": "c" * 64,
    "data_digest": "d" * 64,
    "device": "CPU",
    "tensorflow": "2.21.0",
    "hyperparameters": {"epochs": 2, "kernel_size": 3, "note": ""},
}


@pytest.fixture(scope="module")
def manifest(synthetic_processed: Path) -> Manifest:
    return open_processed(synthetic_processed).manifest


def make(name: str = "cnn-3x3", seed: int = 0, wrong: int = 30, **metrics: Any) -> Evaluated:
    """A model that takes `wrong` images of Shirt (class 6) for T-shirt/top, of 1,000 images in all."""
    labels = (np.arange(1000) % 10).astype(np.uint8)
    probabilities = np.full((1000, 10), 0.01, np.float32)
    predicted = labels.astype(int)
    predicted[np.flatnonzero(labels == 6)[:wrong]] = 0
    probabilities[np.arange(1000), predicted] = 0.91
    scores = {split: score(labels, probabilities) for split in ("train", "validation", "test")}
    reference = Reference(name, seed, f"s3://bucket/{name}-{seed}.tar.gz")
    artifact = Artifact(
        reference, Path("1"), "a" * 64, 207_450, {**METRICS, **metrics}, [], dict(ENVIRONMENT)
    )
    return Evaluated(artifact, scores, {}, predicted == labels)


def card_of(manifest: Manifest, winner: Evaluated, *others: Evaluated) -> dict[str, Any]:
    gate = decide(winner.id, winner.test_accuracy, 0.9)
    return model_card(manifest, [winner, *others], winner, gate, CLASS_NAMES)


def metrics_of(card: dict[str, Any]) -> dict[str, Any]:
    (evaluation,) = card["evaluation_details"]
    return {
        metric["name"]: metric for group in evaluation["metric_groups"] for metric in group["metric_data"]
    }


def test_every_accuracy_has_its_interval_its_method_and_its_counts(manifest: Manifest) -> None:
    metric = metrics_of(card_of(manifest, make()))["test accuracy"]
    assert metric["value"] == 0.97
    assert metric["notes"] == (
        "0.9575 to 0.9789 (95% Wilson score interval over the images of this one training), 970 of 1000 images"
    )


def test_classes_have_recalls_with_intervals_and_the_weakest_are_named_as_limits(manifest: Manifest) -> None:
    card = card_of(manifest, make())
    shirt = metrics_of(card)["recall of Shirt"]
    assert shirt["value"] == 0.7
    assert "70 of 100 images" in shirt["notes"]
    caveats = card["additional_information"]["caveats_and_recommendations"]
    assert "Weakest classes on test: Shirt (recall 70.0%, most often taken for T-shirt/top); " in caveats
    assert metrics_of(card)["confusion matrix on test"]["value"][6][0] == 30.0


def test_the_gaps_between_the_splits_are_there(manifest: Manifest) -> None:
    metrics = metrics_of(card_of(manifest, make()))
    assert metrics["train - validation accuracy"]["value"] == 0
    assert metrics["validation - test accuracy"]["value"] == 0


def test_the_training_data_come_with_their_licence(manifest: Manifest) -> None:
    details = card_of(manifest, make())["additional_information"]["custom_details"]
    assert details["licence of the training data"].startswith("MIT License, Copyright (c) 2017 Zalando SE")
    assert details["split"] == "train 220, validation 20, test 60; stratified by class, seed 20170825"


def test_cost_is_measured_or_says_how_it_would_be_estimated(manifest: Manifest) -> None:
    details = card_of(manifest, make(), make(seed=1, train_seconds=60.0))["additional_information"][
        "custom_details"
    ]
    assert details["training time"] == (
        "40.0 s for this model (CPU, hosts: 1), measured; 100.0 s for all 2 trainings of the execution"
    )
    assert details["training compute"] == "Not recorded: this training counted no FLOPs."
    assert details["energy"].startswith("Not measured")
    assert details["carbon"].startswith("Not measured")
    assert details["cost"].startswith("Not recorded")


def test_counted_flops_give_an_estimate_with_its_formula(manifest: Manifest) -> None:
    card = card_of(manifest, make(forward_flops=10_000_000))
    assert card["additional_information"]["custom_details"]["training compute"] == (
        "1.32e+10 FLOPs, estimated as 3 x 10,000,000 (one forward pass of one image, as counted from the model; "
        "the backward pass taken as two) x 440 images"
    )


def test_the_number_of_seeds_is_said_with_the_intervals(manifest: Manifest) -> None:
    def caveats(*others: Evaluated) -> str:
        text: str = card_of(manifest, make(), *others)["additional_information"][
            "caveats_and_recommendations"
        ]
        return text

    assert "trained from 1 seed in this execution" in caveats(make("cnn-5x5", 1))
    assert "trained from 2 seeds in this execution" in caveats(make(seed=1))


def test_settings_without_a_value_are_left_out(manifest: Manifest) -> None:
    job = card_of(manifest, make())["training_details"]["training_job_details"]
    assert job["user_provided_hyper_parameters"] == [
        {"name": "epochs", "value": "2"},
        {"name": "kernel_size", "value": "3"},
    ]


def test_an_environment_that_says_little_is_no_error(manifest: Manifest) -> None:
    winner = make()
    bare = {"code_digest": "c", "data_digest": "d"}
    card = card_of(manifest, replace(winner, artifact=replace(winner.artifact, environment=bare)))
    assert "Device: not recorded" in card["training_details"]["training_observations"]


def test_the_content_for_the_registry_is_one_line(manifest: Manifest) -> None:
    card = card_of(manifest, make())
    assert "\n" not in card_content(card)
    assert json.loads(card_content(card)) == card
