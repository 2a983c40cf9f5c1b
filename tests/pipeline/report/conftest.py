"""What an evaluation leaves besides evaluation.json: predictions and pictures that belong to a made-up one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.analysis import analyse
from pipeline.analysis.results import Analysis
from pipeline.report.page import render_page
from tests.pipeline.conftest import build_evaluation, build_record, build_registration
from tests.shared import made_once

CARD = {"intended_uses": {"purpose_of_model": "To tell things apart."}}
SUSPECT = 999  # a T-shirt/top that every model is sure is a Shirt: the last image of its class


@dataclass(frozen=True)
class Run:
    """The content of evaluation.json, and the paths of predictions.npz and gallery.npz."""

    evaluation: Any
    predictions: Path
    gallery: Path

    @cached_property
    def analysis(self) -> Analysis:
        """Of the evaluation and the predictions, as they are when it is first asked for."""
        return analyse(self.evaluation, self.predictions)


def predicted_classes(matrix: Any) -> tuple[Any, Any]:
    """Labels and predicted classes of images that give the confusion matrix."""
    cells = [(true, taken) for true in range(len(matrix)) for taken in range(len(matrix))]
    repeats = [matrix[true][taken] for true, taken in cells]
    labels, taken = np.repeat(np.array(cells), repeats, axis=0).T
    return labels, taken


def build_run(folder: Path, with_flops: bool = True, **shape: Any) -> Run:
    """A run of that shape (build_evaluation's arguments), whose accuracies are its confusion matrices'."""
    evaluation: Any = build_evaluation(**shape)
    arrays: dict[str, Any] = {}
    random = np.random.default_rng(1)
    wrong = np.zeros(10_000, bool)
    for each in evaluation["candidates"]:
        if with_flops:
            each["forward_flops"] = each["params"] * (30 if each["name"].startswith("cnn") else 2)
        for split in ("validation", "test"):
            labels, taken = predicted_classes(each[split]["confusion_matrix"])
            arrays[f"labels_{split}"] = labels.astype(np.uint8)
            sure = random.uniform(0.55, 0.89, len(labels))
            if split == "test":
                wrong |= taken != labels
                sure[SUSPECT] = 0.97
            probabilities = np.tile(((1 - sure) / 9)[:, None], 10)
            probabilities[np.arange(len(labels)), taken] = sure
            arrays[f"probabilities_{each['id']}_{split}"] = probabilities.astype(np.float32)
            each[f"{split}_accuracy"] = float((labels == taken).mean())
        arrays[f"correct_{each['id']}_train"] = np.arange(10_000) < round(each["train_accuracy"] * 10_000)
    winner = next(each for each in evaluation["candidates"] if each["id"] == evaluation["winner"]["id"])
    for split in ("validation", "test"):
        evaluation["winner"][f"{split}_accuracy"] = winner[f"{split}_accuracy"]
    shown = np.flatnonzero(wrong | (np.arange(10_000) % 100 == 50))
    pixels = random.integers(0, 256, (len(shown), 28, 28), dtype=np.uint8)
    predictions, gallery = folder / "predictions.npz", folder / "gallery.npz"
    np.savez_compressed(predictions, allow_pickle=False, **arrays)
    np.savez_compressed(gallery, allow_pickle=False, indices_test=shown.astype(np.int64), pixels_test=pixels)
    return Run(evaluation, predictions, gallery)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three models under three seeds. Read-only."""

    def make(folder: Path) -> tuple[Any, str, str]:
        made = build_run(folder, seeds=3)
        return made.evaluation, str(made.predictions), str(made.gallery)

    evaluation, predictions, gallery = made_once(tmp_path_factory, "run", make)
    return Run(evaluation, Path(predictions), Path(gallery))


@pytest.fixture(scope="session")
def full(run: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of an execution under three seeds, with everything that an evaluation leaves today."""

    def make(_: Path) -> str:
        record = build_record(run.evaluation)
        registration: Any = build_registration()
        return render_page(record, run.evaluation, registration, run.predictions, run.gallery, CARD)

    page: str = made_once(tmp_path_factory, "page", make)
    return page


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Makes a run of another shape."""
    return lambda **shape: build_run(tmp_path, **shape)
