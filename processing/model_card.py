"""The winner's model card, in the schema of SageMaker's model packages: what it is for, how good, at what cost.

evaluate.py writes it beside the evaluation and registers the package with it. The schema is documented at
https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema; what it says is in
pipeline/report/model_card/schema.json, against which tests hold what is made here. Every number is measured in this
execution, or says how it is estimated; what is not measured says so.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from candidate_evaluation import Evaluated
from gate import Gate
from intervals import CONFIDENCE, wilson_interval
from processed_manifest import Manifest
from scoring import Scores

CREATOR = "The Fashion-MNIST SageMaker Pipelines project"
SPLITS = ("train", "validation", "test")
WEAKEST = 3  # classes that are named
SHORT, LONG = 1024, 2048  # characters; the schema's limits of notes and of texts

PURPOSE = (
    "To tell which of ten kinds of clothing, shoes or bags a small grey image shows: the result of a controlled "
    "comparison of a dense network with convolutional ones of different kernel size on Fashion-MNIST."
)
INTENDED = (
    "Intended: teaching, benchmarks on Fashion-MNIST, and as the example that a production pipeline carries. "
    "Input: 28x28 pixels, 8-bit grey, one article, light on black, centred, as in the data set. "
    "Not intended: photographs from cameras or shops without that preparation, other kinds of article, several "
    "articles or people in an image, and any decision about people."
)
FACTORS = (
    "Images unlike the data set's: dark on a light background, colour, other sizes, rotation, several objects; "
    "white articles, which the data set leaves out. The model answers with one of its ten classes whatever it is "
    "shown; it has no class for anything else. Classes that look alike at 28x28 pixels (Shirt, T-shirt/top, "
    "Pullover, Coat) are confused most. Some labels of the data set are doubtful, so that no model can be expected "
    "to be always right."
)
RISK = "A research data set of articles of fashion; wrong answers harm nobody in the intended uses."
ETHICS = (
    "The images are front views of single articles, without people and without personal data. They come from one "
    "European retailer's catalogue and stand for no other assortment, region or time."
)
DATASET = "Fashion-MNIST (Zalando Research, 2017), https://github.com/zalandoresearch/fashion-mnist"
LICENCE = "MIT License, Copyright (c) 2017 Zalando SE, https://tech.zalando.com"


def model_card(
    manifest: Manifest,
    evaluated: Sequence[Evaluated],
    winner: Evaluated,
    gate: Gate,
    class_names: tuple[str, ...],
) -> dict[str, Any]:
    """The card as JSON values."""
    return {
        "model_overview": {"model_creator": CREATOR, "model_artifact": [winner.artifact.reference.uri]},
        "intended_uses": {
            "purpose_of_model": PURPOSE,
            "intended_uses": INTENDED,
            "factors_affecting_model_efficiency": FACTORS,
            "risk_rating": "Low",
            "explanations_for_risk_rating": RISK,
        },
        "business_details": {
            "business_problem": "Sorting images of garments by kind; here a public stand-in for such a task.",
            "business_stakeholders": "Whoever approves versions of this model package group.",
        },
        "training_details": _training(manifest, winner),
        "evaluation_details": [_evaluation(winner, gate, class_names)],
        "additional_information": {
            "ethical_considerations": ETHICS,
            "caveats_and_recommendations": _caveats(evaluated, winner, class_names),
            "custom_details": {**_data(manifest), **_cost(manifest, evaluated, winner)},
        },
    }


def card_content(card: Mapping[str, Any]) -> str:
    """The card as CreateModelPackage takes it: JSON on one line."""
    return json.dumps(card, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _training(manifest: Manifest, winner: Evaluated) -> dict[str, Any]:
    environment, metrics = winner.artifact.environment, winner.artifact.metrics
    versions = ", ".join(
        f"{name} {environment[name]}"
        for name in ("tensorflow", "keras", "numpy", "python")
        if name in environment
    )
    details: dict[str, Any] = {
        "training_datasets": [f"{DATASET}; data digest {manifest.digest}"],
        "user_provided_training_metrics": [
            {"name": name, "value": float(metrics[field]), "notes": notes}
            for field, name, notes in (
                ("train_seconds", "training time in seconds", "wall time, measured by the training job"),
                ("images_per_second", "training images per second", "measured by the training job"),
            )
        ],
        "user_provided_hyper_parameters": [
            {"name": str(name)[:255], "value": str(value)[:255]}
            for name, value in sorted(environment.get("hyperparameters", {}).items())
            if str(value)
        ][:100],
    }
    return {
        "training_observations": (
            f"{winner.id}: {winner.params:,} parameters, trained on {manifest.splits['train'].count:,} images "
            f"for {metrics['epochs']} epochs to minimize cross-entropy, from seed {winner.seed}. Normalization "
            f"is part of the served model. {versions}. Device: {environment.get('device', 'not recorded')}. "
            f"Code digest {environment['code_digest']}."
        )[:SHORT],
        "training_job_details": details,
    }


def _evaluation(winner: Evaluated, gate: Gate, class_names: tuple[str, ...]) -> dict[str, Any]:
    test = winner.scores["test"]
    level = f"{CONFIDENCE:.0%} Wilson score interval over the images of this one training"
    accuracies = [_share(f"{split} accuracy", *_hits(winner.scores[split]), level) for split in SPLITS]
    accuracies[0]["notes"] += "; on a fixed sample of training images, after the last epoch"
    losses = [_number(f"{split} cross-entropy", winner.scores[split].loss, "nats, mean") for split in SPLITS]
    gaps = [
        _number(
            f"{one} - {other} accuracy",
            winner.scores[one].accuracy - winner.scores[other].accuracy,
            "fraction",
        )
        for one, other in (("train", "validation"), ("validation", "test"))
    ]
    recalls = [
        _share(f"recall of {name}", int(test.confusion_matrix[label, label]), one.support, level)
        for label, (name, one) in enumerate(zip(class_names, test.per_class, strict=True))
        if one.support
    ]
    matrix = {
        "name": "confusion matrix on test",
        "type": "matrix",
        "notes": "images; rows (y) are true classes, columns (x) predicted ones",
        "value": [[float(cell) for cell in row] for row in test.confusion_matrix],
        "x_axis_name": list(class_names),
        "y_axis_name": list(class_names),
    }
    return {
        "name": "Fashion-MNIST test split",
        "evaluation_observation": f"{gate.reason} Models were compared on validation; the test split was "
        "looked at once, for this result."[:LONG],
        "datasets": [DATASET],
        "metric_groups": [
            {"name": "accuracy", "metric_data": accuracies + losses},
            {"name": "generalization", "metric_data": gaps},
            {"name": "classes", "metric_data": [*recalls, matrix]},
        ],
    }


def _hits(scores: Scores) -> tuple[int, int]:
    matrix = scores.confusion_matrix
    return int(matrix.trace()), int(matrix.sum())


def _share(name: str, hits: int, count: int, method: str) -> dict[str, Any]:
    low, high = wilson_interval(hits, count)
    return _number(name, hits / count, f"{low:.4f} to {high:.4f} ({method}), {hits} of {count} images")


def _number(name: str, value: float, notes: str) -> dict[str, Any]:
    return {"name": name, "type": "number", "value": float(value), "notes": notes}


def _caveats(evaluated: Sequence[Evaluated], winner: Evaluated, class_names: tuple[str, ...]) -> str:
    test = winner.scores["test"]
    known = [label for label, one in enumerate(test.per_class) if one.support]
    weakest = sorted(known, key=lambda label: test.per_class[label].recall)[:WEAKEST]
    parts = []
    for label in weakest:
        row = test.confusion_matrix[label].copy()
        row[label] = 0
        taken = f", most often taken for {class_names[int(row.argmax())]}" if row.any() else ""
        parts.append(f"{class_names[label]} (recall {test.per_class[label].recall:.1%}{taken})")
    seeds = len({one.seed for one in evaluated if one.name == winner.name})
    return (
        f"Weakest classes on test: {'; '.join(parts)}. Probabilities are the network's own and are not calibrated. "
        f"The intervals say what another test set would change, not another training: {winner.name} was trained "
        f"from {seeds} seed{'s' if seeds > 1 else ''} in this execution. Check on images of your own before you "
        "rely on it."
    )[:LONG]


def _data(manifest: Manifest) -> dict[str, str]:
    counts = ", ".join(f"{name} {manifest.splits[name].count:,}" for name in SPLITS)
    return {
        "training data": DATASET,
        "licence of the training data": LICENCE,
        "split": f"{counts}; stratified by class, seed {manifest.split_seed}",
    }


def _cost(manifest: Manifest, evaluated: Sequence[Evaluated], winner: Evaluated) -> dict[str, str]:
    """Environmental and cost figures: what was measured, and what would have to be."""
    metrics, environment = winner.artifact.metrics, winner.artifact.environment
    seconds = [float(one.artifact.metrics["train_seconds"]) for one in evaluated]
    own = float(metrics["train_seconds"])
    device = f"{environment.get('device', 'an unrecorded device')}, hosts: {environment.get('hosts', 1)}"
    flops = metrics.get("forward_flops")
    if isinstance(flops, int | float) and flops > 0:
        images = int(metrics["epochs"]) * manifest.splits["train"].count
        compute = (
            f"{3 * flops * images:.3g} FLOPs, estimated as 3 x {flops:,.0f} (one forward pass of one image, as "
            f"counted from the model; the backward pass taken as two) x {images:,.0f} images"
        )
    else:
        compute = "Not recorded: this training counted no FLOPs."
    return {
        "training time": f"{own:.1f} s for this model ({device}), measured; {sum(seconds):.1f} s for all "
        f"{len(seconds)} trainings of the execution",
        "training compute": compute,
        "energy": "Not measured, as no power was recorded. An estimate in watt-hours for this model: the machine's "
        f"average power in watts x {own:.1f} s / 3600.",
        "carbon": "Not measured. It is the energy times the carbon intensity of the electricity used.",
        "cost": "Not recorded by the job. On SageMaker: the instance type's price per second x billable seconds, "
        f"of which {own:.1f} s were training.",
    }
