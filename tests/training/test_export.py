import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import Serving, export_model, file_digests, save_serving
from hyperparameters import Hyperparameters
from models import build_model, forward_flops
from training_data import TrainingData
from training_failure import TrainingError
from training_progress import EpochRecord

HISTORY = [
    EpochRecord(1, 0.5, 0.8, 0.45, 0.82, 0.01, 1000.0, 1.5),
    EpochRecord(2, 0.4, 0.85, 0.4, 0.86, 0.0, 3000.0, 0.5),
]


def trained(seed: int, precision: str = "float32") -> Any:
    """A network whose weights, running statistics included, are nothing special."""
    keras.utils.set_random_seed(seed)
    model = build_model("cnn", 3, precision=precision)
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "gamma" not in variable.path:
            variable.assign(np.abs(variable.numpy() + rng.normal(0, 0.05, variable.shape)))
    return model


def export(folder: Path, model: Any, data: TrainingData, hyperparameters: Hyperparameters) -> str:
    return export_model(folder, model, data, hyperparameters, HISTORY, {"code_digest": "abc"})


def test_the_served_model_gives_the_probabilities_of_the_keras_model(
    banded: TrainingData, small: Hyperparameters, tmp_path: Path
) -> None:
    model = trained(0)
    export(tmp_path, model, banded, small)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    signature = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    served = signature(images=tf.constant(pixels))
    normalized = ((pixels / 255 - banded.mean) / banded.std)[..., np.newaxis].astype(np.float32)
    expected = keras.ops.softmax(model(normalized, training=False)).numpy()
    assert np.abs(served["probabilities"].numpy() - expected).max() < 1e-5
    assert served["class_id"].numpy().tolist() == expected.argmax(axis=1).tolist()
    assert len(set(expected.argmax(axis=1))) > 1 or expected.std() > 0


def test_a_network_trained_in_bfloat16_is_served_in_float32(
    banded: TrainingData, small: Hyperparameters, tmp_path: Path
) -> None:
    pixels = tf.constant(np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8))
    digests, probabilities = [], []
    for precision in ("mixed_bfloat16", "float32"):
        digests.append(export(tmp_path / precision, trained(0, precision), banded, small))
        served = tf.saved_model.load(str(tmp_path / precision / "1")).signatures["serving_default"]
        probabilities.append(served(images=pixels)["probabilities"].numpy())
    assert digests[0] == digests[1]
    np.testing.assert_array_equal(*probabilities)


def test_the_signature_is_the_agreed_one(
    banded: TrainingData, small: Hyperparameters, tmp_path: Path
) -> None:
    export(tmp_path, trained(0), banded, small)
    signature = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    images = signature.structured_input_signature[1]["images"]
    assert (images.dtype, images.shape.as_list()) == (tf.uint8, [None, 28, 28])
    outputs = {
        name: (spec.dtype, spec.shape.as_list()) for name, spec in signature.structured_outputs.items()
    }
    assert outputs == {"probabilities": (tf.float32, [None, 10]), "class_id": (tf.int64, [None])}


def test_the_files_describe_the_model(banded: TrainingData, small: Hyperparameters, tmp_path: Path) -> None:
    model = trained(0)
    digest = export(tmp_path, model, banded, small)
    content = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert content["metrics.json"] == {
        "candidate": "cnn-3x3",
        "seed": 0,
        "params": model.count_params(),
        "forward_flops": forward_flops(model),
        "epochs": 2,
        "train_seconds": 2.0,
        "images_per_second": 2000.0,
        "validation_accuracy": 0.86,
        "validation_loss": 0.4,
    }
    assert [record["epoch"] for record in content["history.json"]] == [1, 2]
    assert content["environment.json"] == {"code_digest": "abc"}
    described = content["model.json"]
    assert (described["architecture"], described["kernel_size"]) == ("cnn", 3)
    assert described["filters"] == [32, 64]
    assert described["params"] == model.count_params()
    assert described["weights_digest"] == digest
    assert described["files"] == file_digests(tmp_path)
    assert {"weights.npz", "metrics.json", "1/saved_model.pb"} <= set(described["files"])


def test_exporting_again_replaces_the_model(
    banded: TrainingData, small: Hyperparameters, tmp_path: Path
) -> None:
    first = export(tmp_path, trained(0), banded, small)
    (tmp_path / "1" / "left-over").write_text("")
    second = export(tmp_path, trained(1), banded, small)
    assert first != second
    assert json.loads((tmp_path / "model.json").read_text())["weights_digest"] == second
    assert not (tmp_path / "1" / "left-over").exists()


def test_a_folder_that_cannot_be_written_is_reported(
    banded: TrainingData, small: Hyperparameters, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="Could not write the model"):
        export(tmp_path / "file", trained(0), banded, small)


def test_a_full_disk_ends_the_export_with_a_message_and_no_description(
    banded: TrainingData,
    small: Hyperparameters,
    tmp_path: Path,
    no_room: Callable[[], AbstractContextManager[None]],
) -> None:
    export(tmp_path, trained(0), banded, small)
    with no_room(), pytest.raises(TrainingError, match="The disk is full"):
        export(tmp_path, trained(0), banded, small)
    assert not (tmp_path / "model.json").exists()


def test_a_full_disk_within_tensorflow_is_reported_too(
    banded: TrainingData, tmp_path: Path, no_room: Callable[[], AbstractContextManager[None]]
) -> None:
    with no_room(), pytest.raises(TrainingError, match="Could not write the SavedModel"):
        save_serving(tmp_path / "1", Serving(trained(0), banded.mean, banded.std))


# Operations of the exported graphs, all of them years older than 2.20, where the container stops that serves
# what 2.21 has trained. A new one needs a look at when TensorFlow got it.
OLD_OPERATIONS = {
    *(
        "AddN",
        "AddV2",
        "ArgMax",
        "AssignVariableOp",
        "BiasAdd",
        "Cast",
        "ConcatV2",
        "Const",
        "Conv2D",
        "DisableCopyOnRead",
        "GatherV2",
    ),
    *("Identity", "MatMul", "MaxPool", "Mean", "MergeV2Checkpoints", "Mul", "NoOp", "Pack", "Placeholder"),
    *("RealDiv", "ReverseV2", "Split"),
    *(
        "ReadVariableOp",
        "Relu",
        "Reshape",
        "RestoreV2",
        "Rsqrt",
        "SaveV2",
        "Select",
        "Shape",
        "ShardedFilename",
    ),
    *("Softmax", "StatefulPartitionedCall", "StaticRegexFullMatch", "StridedSlice", "StringJoin", "Sub"),
    *("VarHandleOp", "VarIsInitializedOp"),
}


@pytest.mark.parametrize("kind", ["dense", "cnn", "resnet"])
def test_tensorflow_serving_of_the_version_before_can_read_the_graph(kind: str, tmp_path: Path) -> None:
    """TensorFlow guide, "Version compatibility": a consumer executes a graph whose min_consumer it has reached.

    Attributes that the older version does not know are harmless as long as they have their defaults, which are left
    out of what is saved.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    model = build_model(kind, 3 if kind == "cnn" else None)
    save_serving(tmp_path / "1", Serving(model, 0.3, 0.35))
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((tmp_path / "1" / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    assert graph.meta_info_def.stripped_default_attrs
    assert graph.graph_def.versions.min_consumer <= 12
    assert list(graph.graph_def.versions.bad_consumers) == []
    nodes = [
        *graph.graph_def.node,
        *(node for each in graph.graph_def.library.function for node in each.node_def),
    ]
    assert {node.op for node in nodes} - OLD_OPERATIONS == set()
