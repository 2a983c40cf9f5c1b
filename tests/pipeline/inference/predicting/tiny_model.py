"""A registered model that can be reckoned by hand: the class whose two or three rows of pixels are the brightest.

No training, but a real SavedModel in a real artifact, registered in a real state folder.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.local.jobs.archive import pack_folder
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

CLASSES = tuple(f"class {label}" for label in range(10))
GROUP = "fashion-mnist"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20.0-cpu"
ROWS = [range(label * 28 // 10, (label + 1) * 28 // 10) for label in range(10)]


def bright_rows(label: int) -> npt.NDArray[np.uint8]:
    """An image of that class: its rows are white, all else is black."""
    image = np.zeros((28, 28), np.uint8)
    image[ROWS[label]] = 255
    return image


def expected_probabilities(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """What the model must answer."""
    scores = np.stack([images[:, rows].mean(axis=(1, 2)) / 32 for rows in ROWS], axis=1)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def save_model(folder: Path) -> None:
    """Write the SavedModel."""
    import tensorflow as tf

    weights = np.zeros((28, 10), np.float32)
    for label, rows in enumerate(ROWS):
        weights[rows, label] = 1 / len(rows) / 32

    class Bands(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8, name="images")])  # type: ignore[untyped-decorator]
        def serve(self, images: Any) -> dict[str, Any]:
            rows = tf.reduce_mean(tf.cast(images, tf.float32), axis=2)
            scores = tf.linalg.matmul(rows, tf.constant(weights))
            return {"probabilities": tf.nn.softmax(scores), "class_id": tf.argmax(scores, axis=1)}

    bands = Bands()
    tf.saved_model.save(bands, str(folder), signatures={"serving_default": bands.serve})


def write_artifact(folder: Path, archive: Path) -> str:
    """Pack `folder`, which holds the SavedModel in 1/, as training leaves it; returns the archive's SHA-256."""
    (folder / "model.json").unlink(missing_ok=True)
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / "model.json").write_text(json.dumps({"class_names": CLASSES, "files": files}))
    pack_folder(folder, archive)
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def register(aws: LocalAws, archive: Path, version: int, approval: str, metadata: dict[str, str]) -> str:
    """Put the artifact into the local S3 and register it; returns the package's ARN."""
    key = f"models/{version}/model.tar.gz"
    aws.client("s3").upload_file(str(archive), aws.BUCKET, key)
    sagemaker = aws.client("sagemaker")
    if version == 1:
        sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    arn: str = sagemaker.create_model_package(
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus=approval,
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{aws.BUCKET}/{key}"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        CustomerMetadataProperties=metadata,
    )["ModelPackageArn"]
    return arn


def make_home(folder: Path) -> Path:
    """A state folder with versions 1 (approved), 2 (pending), 3 (rejected) and 4 (pending, another digest)."""
    home = Home.open(folder / "home")
    (folder / "model").mkdir()
    save_model(folder / "model" / "1")
    sha256 = write_artifact(folder / "model", folder / "model.tar.gz")
    states = {1: "Approved", 2: "PendingManualApproval", 3: "Rejected", 4: "PendingManualApproval"}
    with Store(home) as store, LocalAws(home, store) as aws:
        for version, approval in states.items():
            digest = sha256 if version != 4 else "0" * 64
            metadata = {"artifact_sha256": digest, "candidate": "bands", "seed": "0"}
            register(aws, folder / "model.tar.gz", version, approval, metadata)
        aws.save_objects()
        aws.persist_registry()
    return home.root
