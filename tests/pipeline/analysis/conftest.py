"""An evaluation with the predictions that belong to it, drawn from models of known skill on few images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CLASSES = ("a", "b", "c", "d")
PARAMS = {"baseline": 100, "cnn-3x3": 200, "cnn-5x5": 260}


@dataclass(frozen=True)
class Run:
    """The content of evaluation.json, and the path of predictions.npz."""

    evaluation: dict[str, Any]
    predictions: Path


def draw_probabilities(
    random: np.random.Generator, labels: np.ndarray[Any, Any], skill: float, seed_noise: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    logits = seed_noise + random.normal(size=(len(labels), len(CLASSES)))
    logits[np.arange(len(labels)), labels] += skill
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def build_run(
    folder: Path,
    skills: Mapping[str, float] | None = None,
    seeds: int = 3,
    images: Mapping[str, int] | None = None,
    with_train: bool = True,
    flops: bool = True,
) -> Run:
    """A run whose candidates have these skills; images are equally hard for all of them, so that pairing pays."""
    skills = {"baseline": 1.5, "cnn-3x3": 3.0, "cnn-5x5": 2.9} if skills is None else skills
    images = {"train": 400, "validation": 200, "test": 300} if images is None else images
    random = np.random.default_rng(7)
    labels = {split: random.integers(0, len(CLASSES), count) for split, count in images.items()}
    shared = {split: random.normal(size=(count, len(CLASSES))) for split, count in images.items()}
    arrays: dict[str, Any] = {
        f"labels_{split}": labels[split].astype(np.uint8) for split in ("validation", "test")
    }
    candidates = []
    for seed in range(seeds):
        for name, skill in skills.items():
            entry: dict[str, Any] = {
                "id": f"{name}-{seed}",
                "name": name,
                "seed": seed,
                "params": PARAMS.get(name, 300),
                "train_seconds": 10.0 * PARAMS.get(name, 300) * (1 + 0.1 * random.random()),
                "images_per_second": 1e5 / PARAMS.get(name, 300) * (1 + 0.1 * random.random()),
            }
            if flops:
                entry["forward_flops"] = 1000 * PARAMS.get(name, 300)
            for split, truth in labels.items():
                probabilities = draw_probabilities(
                    random, truth, skill + 0.3 * random.normal(), shared[split]
                )
                predicted = probabilities.argmax(axis=1)
                entry[f"{split}_accuracy"] = int((predicted == truth).sum()) / len(truth)
                if split == "train":
                    if with_train:
                        arrays[f"correct_{entry['id']}_train"] = predicted == truth
                    continue
                confusion = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
                np.add.at(confusion, (truth, predicted), 1)
                entry[split] = {"confusion_matrix": confusion.tolist()}
                arrays[f"probabilities_{entry['id']}_{split}"] = probabilities
            candidates.append(entry)
    path = folder / "predictions.npz"
    np.savez_compressed(path, allow_pickle=False, **arrays)
    splits = {split: {"count": count} for split, count in images.items()}
    data = {"splits": splits, "scored_training_images": images["train"]}
    evaluation = {"class_names": list(CLASSES), "data": data, "candidates": candidates, "champion": None}
    return Run(evaluation, path)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Makes a Run in a folder of its own."""

    def make(**options: Any) -> Run:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return build_run(folder, **options)

    return make
