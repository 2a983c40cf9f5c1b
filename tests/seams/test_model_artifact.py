"""The model artifact: training writes it, the engine packs it, the evaluation unpacks, checks and serves it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifact import Artifact, ArtifactError, Reference, check_data_digest, load_artifact
from candidate_evaluation import evaluate_candidate, raw_splits
from pipeline.local.jobs.archive import pack_folder
from pipeline.tracking.commit import training_code_digest
from processed_data import open_processed
from provenance import code_digest
from served_model import load_served_model
from tests.seams.conftest import CANDIDATE, ROOT, SEED

REFERENCE = Reference(CANDIDATE, SEED, "s3://bucket/model.tar.gz")
TOLERANCE = 1e-5


class OneObject:
    """The part of an S3 client that loading an artifact needs, for one file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def head_object(self, **_: str) -> dict[str, int]:
        return {"ContentLength": self.file.stat().st_size}

    def download_file(self, bucket: str, key: str, path: str) -> None:
        Path(path).write_bytes(self.file.read_bytes())


@pytest.fixture(scope="module")
def archive(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "model.tar.gz"
    assert pack_folder(model_folder, path) > 5
    return path


@pytest.fixture(scope="module")
def artifact(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return load_artifact(OneObject(archive), REFERENCE, tmp_path_factory.mktemp("work"))


def repacked(archive: Path, change: Callable[[dict[str, bytes]], None], path: Path) -> Path:
    """The archive with its files changed."""
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.isfile()]
        files = {member.name: tar.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    change(files)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_the_evaluation_reads_what_training_says_of_the_model(artifact: Artifact, processed: Path) -> None:
    assert artifact.params > 100_000
    assert artifact.metrics["epochs"] == len(artifact.history) == 1
    assert artifact.history[0]["validation_accuracy"] == artifact.metrics["validation_accuracy"]
    assert artifact.environment["hyperparameters"]["candidate"] == CANDIDATE
    check_data_digest(artifact, open_processed(processed).manifest.digest)
    with pytest.raises(ArtifactError, match="trained on the data with digest"):
        check_data_digest(artifact, "0" * 64)


def test_the_served_model_gives_the_probabilities_of_the_keras_model(
    artifact: Artifact, model_folder: Path, processed: Path
) -> None:
    """From raw pixels here, from normalized images there: normalization is in the served model, and the same."""
    import keras

    from reloading import load_model

    data = open_processed(processed)
    images = np.asarray(data.splits["test"].images)
    pixels = data.manifest.normalization.restore(images[..., 0])
    served = load_served_model(artifact.saved_model, REFERENCE.id)(pixels)
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(load_model(model_folder)(images, training=False)))
    assert np.abs(served - expected).max() < TOLERANCE
    assert len(np.unique(served.argmax(axis=1))) > 1, "a model that always says the same proves nothing"
    assert served.std() > 0.01


def test_the_scores_are_those_that_training_measured(artifact: Artifact, processed: Path) -> None:
    splits = raw_splits(open_processed(processed))
    found = evaluate_candidate(artifact, load_served_model(artifact.saved_model, REFERENCE.id), splits)
    assert found.validation_accuracy == pytest.approx(artifact.metrics["validation_accuracy"])
    assert found.scores["validation"].loss == pytest.approx(artifact.metrics["validation_loss"], abs=1e-4)


@pytest.mark.parametrize("name", ["1/saved_model.pb", "weights.npz", "metrics.json", "history.json"])
def test_one_changed_byte_is_refused_with_the_files_name(name: str, archive: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])

    changed = repacked(archive, change, tmp_path / "changed.tar.gz")
    with pytest.raises(ArtifactError, match=name):
        load_artifact(OneObject(changed), REFERENCE, tmp_path)


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ("metrics.json", "candidate"),
        ("metrics.json", "seed"),
        ("metrics.json", "epochs"),
        ("metrics.json", "train_seconds"),
        ("metrics.json", "images_per_second"),
        ("environment.json", "code_digest"),
        ("environment.json", "data_digest"),
        ("model.json", "params"),
        ("model.json", "files"),
    ],
)
def test_what_the_evaluation_needs_is_there_and_its_absence_is_told(
    document: str, key: str, archive: Path, tmp_path: Path
) -> None:
    def change(files: dict[str, bytes]) -> None:
        values: dict[str, Any] = json.loads(files[document])
        del values[key]  # a KeyError here: training does not write it
        files[document] = json.dumps(values).encode()
        model = json.loads(files["model.json"])
        if document != "model.json":
            model["files"][document] = hashlib.sha256(files[document]).hexdigest()
            files["model.json"] = json.dumps(model).encode()

    changed = repacked(archive, change, tmp_path / "changed.tar.gz")
    with pytest.raises(ArtifactError, match=key):
        load_artifact(OneObject(changed), REFERENCE, tmp_path)


def test_the_digest_of_the_code_is_what_tracking_compares_with() -> None:
    """pipeline.tracking.commit computes it on its own, as it may not import what trains."""
    assert training_code_digest(ROOT / "training") == code_digest(ROOT / "training")
