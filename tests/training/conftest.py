"""Small processed data sets, real where the data set is installed, and train.py run as a job runs it."""

import gzip
import hashlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hyperparameters import Hyperparameters
from training_data import TrainingData, load_training_data

REAL = Path("/usr/share/datasets/fashion-mnist")
FILES = ("images-idx3", "labels-idx1")
TRAINING = Path(__file__).parents[2] / "training"

Pixels = npt.NDArray[np.uint8]
Edit = Callable[[dict[str, Any]], object]


def banded_images(count: int, seed: int) -> tuple[Pixels, Pixels]:
    """Noise, with rows 2k and 2k+1 bright in images of class k: learnt in a few steps."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    rng.shuffle(labels)
    pixels = rng.integers(0, 100, (count, 28, 28), dtype=np.uint8)
    for row in range(2):
        pixels[np.arange(count), 2 * labels.astype(int) + row] += 155
    return pixels, labels


def real_images(count: int, first: int) -> tuple[Pixels, Pixels]:
    """`count` of the real images from number `first` on; banded ones where the data set is not installed."""
    if not REAL.is_dir():
        return banded_images(count, first)
    content = {name: gzip.decompress((REAL / f"train-{name}-ubyte.gz").read_bytes()) for name in FILES}
    images = np.frombuffer(content["images-idx3"], np.uint8, count * 784, 16 + first * 784)
    return images.reshape(-1, 28, 28), np.frombuffer(content["labels-idx1"], np.uint8, count, 8 + first)


def write_processed(folder: Path, splits: dict[str, tuple[Pixels, Pixels]], edit: Edit | None = None) -> Path:
    """Write splits of raw pixels and labels in the processed format; `edit` changes the manifest first."""
    scaled = splits["train"][0] / 255
    mean, std = float(scaled.mean()), float(scaled.std())
    manifest: dict[str, Any] = {
        "schema_version": 1,
        "image_shape": [28, 28, 1],
        "class_names": [f"class {number}" for number in range(10)],
        "normalization": {"mean": mean, "std": std},
        "splits": {},
        "files": {},
    }
    for name, (pixels, labels) in splits.items():
        (folder / name).mkdir(parents=True)
        images = ((np.arange(256) / 255 - mean) / std).astype(np.float32)[pixels][..., np.newaxis]
        np.save(folder / name / "images.npy", images)
        np.save(folder / name / "labels.npy", labels)
        counts = np.bincount(labels, minlength=10).tolist()
        manifest["splits"][name] = {"count": len(labels), "class_counts": counts}
        for file in ("images.npy", "labels.npy"):
            sha256 = hashlib.sha256((folder / name / file).read_bytes()).hexdigest()
            manifest["files"][f"{name}/{file}"] = {"sha256": sha256}
    if edit is not None:
        edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def write_banded(tmp_path: Path) -> Callable[..., Path]:
    """Writes 200 + 100 banded images, with the manifest changed by the function given."""

    def write(edit: Edit | None = None) -> Path:
        splits = {"train": banded_images(200, 1), "validation": banded_images(100, 2)}
        return write_processed(tmp_path / "processed", splits, edit)

    return write


@pytest.fixture(scope="session")
def banded(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    """1,000 + 200 banded images."""
    splits = {"train": banded_images(1000, 3), "validation": banded_images(200, 4)}
    folder = write_processed(tmp_path_factory.mktemp("banded"), splits)
    return load_training_data(folder / "train", folder / "validation", folder)


@pytest.fixture(scope="session")
def real_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 + 500 real images."""
    splits = {"train": real_images(2000, 0), "validation": real_images(500, 10_000)}
    return write_processed(tmp_path_factory.mktemp("real"), splits)


@pytest.fixture(scope="session")
def small() -> Hyperparameters:
    """A training of a second."""
    return Hyperparameters(
        candidate="cnn-3x3",
        architecture="cnn",
        kernel_size=3,
        filters=(32, 64),
        seed=0,
        epochs=2,
        batch_size=64,
        learning_rate=0.01,
    )


@pytest.fixture
def no_room() -> Callable[[], AbstractContextManager[None]]:
    """Within it no file of this process can grow beyond 1,000 bytes: to a program, a full disk."""

    @contextmanager
    def limit() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def start_job() -> Start:
    """Starts train.py as SageMaker's driver does: in its folder, with SM_* variables and flags."""

    def start(
        processed: Path, job: Path, more: Mapping[str, object] | None = None, **flags: object
    ) -> "subprocess.Popen[str]":
        (job / "output").mkdir(parents=True, exist_ok=True)
        variables = {
            "SM_CHANNEL_TRAIN": processed / "train",
            "SM_CHANNEL_VALIDATION": processed / "validation",
            "SM_CHANNEL_MANIFEST": processed,
            "SM_MODEL_DIR": job / "model",
            "SM_OUTPUT_DIR": job / "output",
            "SM_CHECKPOINT_DIR": job / "checkpoints",
            "SM_NUM_CPUS": 1,
            **(more or {}),
        }
        command = [sys.executable, "train.py"]
        for name, value in flags.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        return subprocess.Popen(
            command,
            cwd=TRAINING,
            env={**os.environ, **{name: str(value) for name, value in variables.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
