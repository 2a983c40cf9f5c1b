"""Writing the model artifact: what a training job leaves in its model folder; SageMaker packs it into model.tar.gz.

1/                   SavedModel: raw pixels in, probabilities and classes out
weights.npz          the weights by name; reloading.py puts them back into the network
history.json         one record an epoch
metrics.json         the result in numbers
environment.json     versions, device, settings, digests of code and data
model.json           what network it is, and the SHA-256 of every other file; written last
"""

import hashlib
import json
import shutil
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from hyperparameters import Hyperparameters
from models import build_model, forward_flops
from provenance import weights_digest
from training_data import TrainingData, grey_levels
from training_failure import TrainingError, while_doing
from training_progress import EpochRecord

SCHEMA_VERSION = 1
SAVED_MODEL = "1"


class Serving(tf.Module):  # type: ignore[misc]
    """The network as it is served: normalization inside, so that a client sends what a camera gives."""

    def __init__(self, model: Any, mean: float, std: float) -> None:
        super().__init__()
        self.model = model
        self._levels = tf.constant(grey_levels(mean, std))

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def serve(self, images: Any) -> dict[str, Any]:
        """`images`: uint8, N×28×28. Returns `probabilities` (float32, N×10) and `class_id` (int64, N)."""
        normalized = tf.gather(self._levels, tf.cast(images, tf.int32))[..., tf.newaxis]
        probabilities = tf.nn.softmax(self.model(normalized, training=False))
        return {"probabilities": probabilities, "class_id": tf.argmax(probabilities, axis=1)}


def export_model(
    folder: Path,
    model: Any,
    data: TrainingData,
    hyperparameters: Hyperparameters,
    history: list[EpochRecord],
    environment: dict[str, Any],
) -> str:
    """Write the artifact of `model` into `folder`, replacing an earlier one. Returns the weights' digest.

    Raises:
        TrainingError: it cannot be written, for example because the disk is full.
    """
    weights = {variable.path: variable.numpy() for variable in model.weights}
    digest = weights_digest(weights)
    with while_doing(f"write the model to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").unlink(missing_ok=True)  # from here on it is incomplete
        shutil.rmtree(folder / SAVED_MODEL, ignore_errors=True)
        np.savez(folder / "weights.npz", allow_pickle=False, **weights)
        _write_json(folder / "history.json", [asdict(record) for record in history])
        _write_json(folder / "metrics.json", _metrics(model, hyperparameters, history))
        _write_json(folder / "environment.json", environment)
        served = _in_float32(model, hyperparameters)
        save_serving(folder / SAVED_MODEL, Serving(served, data.mean, data.std))
        _write_json(
            folder / "model.json",
            {
                "schema_version": SCHEMA_VERSION,
                "candidate": hyperparameters.candidate,
                "architecture": hyperparameters.architecture,
                "kernel_size": hyperparameters.kernel_size,
                "filters": hyperparameters.filters,
                "params": model.count_params(),
                "class_names": list(data.class_names),
                "normalization": {"mean": data.mean, "std": data.std},
                "weights_digest": digest,
                "files": file_digests(folder),
            },
        )
    return digest


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 (hexadecimal) of every file under `folder` but model.json, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / "model.json"
    }


def _in_float32(model: Any, hyperparameters: Hyperparameters) -> Any:
    """A network with the weights of `model` that computes in float32: whoever serves it may have no bfloat16."""
    if model.compute_dtype == "float32":
        return model
    served = build_model(hyperparameters.architecture, hyperparameters.kernel_size, hyperparameters.filters)
    served.set_weights(model.get_weights())
    return served


def _metrics(
    model: Any, hyperparameters: Hyperparameters, history: list[EpochRecord]
) -> dict[str, str | int | float]:
    return {
        "candidate": hyperparameters.candidate,
        "seed": hyperparameters.seed,
        "params": model.count_params(),
        "forward_flops": forward_flops(model),
        "epochs": len(history),
        "train_seconds": sum(record.seconds for record in history),
        "images_per_second": statistics.median(record.images_per_second for record in history),
        "validation_accuracy": history[-1].validation_accuracy,
        "validation_loss": history[-1].validation_loss,
    }


def save_serving(folder: Path, serving: Serving) -> None:
    """Write `serving` as a SavedModel.

    Raises:
        TrainingError: TensorFlow could not write it.
    """
    try:
        tf.saved_model.save(serving, str(folder), signatures={"serving_default": serving.serve})
    except tf.errors.OpError as error:  # TensorFlow has errors of its own for a full disk
        raise TrainingError(
            f"Could not write the SavedModel to {folder}: {error.message}. Check the path and the space on "
            "the disk."
        ) from error


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
