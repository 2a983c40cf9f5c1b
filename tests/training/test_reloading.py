import dataclasses
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from export import export_model, file_digests
from hyperparameters import Hyperparameters
from models import build_model
from reloading import load_model
from training_data import TrainingData
from training_failure import ModelError
from training_progress import EpochRecord

HISTORY = [EpochRecord(1, 0.5, 0.8, 0.45, 0.82, 0.01, 1000.0, 1.5)]


@pytest.fixture
def exported(banded: TrainingData, small: Hyperparameters, tmp_path: Path) -> tuple[Any, Path]:
    keras.utils.set_random_seed(0)
    model = build_model("cnn", 3)
    export_model(tmp_path, model, banded, small, HISTORY, {})
    return model, tmp_path


def edit_description(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_reloaded_model_computes_the_same(exported: tuple[Any, Path]) -> None:
    model, folder = exported
    images = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype(np.float32)
    assert (load_model(folder)(images).numpy() == model(images).numpy()).all()


@pytest.mark.parametrize(
    ("architecture", "kernel_size", "filters"),
    [("cnn", 5, (19, 39)), ("dense", None, None), ("resnet", None, None)],
)
def test_every_kind_of_network_can_be_reloaded(
    banded: TrainingData,
    small: Hyperparameters,
    tmp_path: Path,
    architecture: str,
    kernel_size: int | None,
    filters: tuple[int, int] | None,
) -> None:
    told = dataclasses.replace(small, architecture=architecture, kernel_size=kernel_size, filters=filters)
    model = build_model(architecture, kernel_size, filters)
    export_model(tmp_path, model, banded, told, HISTORY, {})
    images = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype(np.float32)
    assert (load_model(tmp_path)(images).numpy() == model(images).numpy()).all()


@pytest.mark.parametrize("name", ["weights.npz", "1/saved_model.pb", "history.json"])
def test_a_changed_file_is_refused_with_its_name(exported: tuple[Any, Path], name: str) -> None:
    path = exported[1] / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=name):
        load_model(exported[1])


def test_an_added_file_is_refused(exported: tuple[Any, Path]) -> None:
    (exported[1] / "1" / "extra.so").write_bytes(b"")
    with pytest.raises(ModelError, match=r"1/extra\.so"):
        load_model(exported[1])


def test_other_weights_are_refused(exported: tuple[Any, Path]) -> None:
    folder = exported[1]
    with np.load(folder / "weights.npz") as archive:
        weights = {name: archive[name] for name in archive.files}
    weights["logits/bias"] = weights["logits/bias"] + 1
    np.savez(folder / "weights.npz", allow_pickle=False, **weights)
    edit_description(folder, files=file_digests(folder))
    with pytest.raises(ModelError, match="the digest of its weights is"):
        load_model(folder)


def test_weights_of_another_network_are_refused(exported: tuple[Any, Path]) -> None:
    edit_description(exported[1], kernel_size=5)
    with pytest.raises(ModelError, match="its weights are not those of a cnn network"):
        load_model(exported[1])


def test_a_description_of_another_version_is_refused(exported: tuple[Any, Path]) -> None:
    edit_description(exported[1], schema_version=2)
    with pytest.raises(ModelError, match="schema_version must be 1, not 2"):
        load_model(exported[1])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.json"):
        load_model(tmp_path)
