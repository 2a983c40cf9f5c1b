from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

from models import build_model, forward_flops

ALL = [("dense", None), ("cnn", 3), ("cnn", 5), ("resnet", None)]


def build(architecture: str, kernel_size: int | None) -> Any:
    keras.utils.set_random_seed(0)
    return build_model(architecture, kernel_size)


@pytest.mark.parametrize(("architecture", "kernel_size"), ALL)
def test_images_become_ten_logits(architecture: str, kernel_size: int | None) -> None:
    logits = build(architecture, kernel_size)(np.zeros((3, 28, 28, 1), np.float32))
    assert tuple(logits.shape) == (3, 10)
    assert logits.dtype == "float32"


@pytest.mark.parametrize(("architecture", "kernel_size"), ALL)
def test_bfloat16_is_for_the_products_alone(architecture: str, kernel_size: int | None) -> None:
    plain = build(architecture, kernel_size)
    keras.utils.set_random_seed(0)
    model = build_model(architecture, kernel_size, precision="mixed_bfloat16")
    for layer in model.layers:
        exact = layer.name in ("logits", "average", "mean") or layer.name.endswith("_normalization")
        expected = "float32" if exact else "bfloat16"
        assert isinstance(layer, keras.layers.InputLayer) or layer.compute_dtype == expected, layer.name
    assert {variable.dtype for variable in model.weights} == {"float32"}
    assert all(
        (one == other).all() for one, other in zip(plain.get_weights(), model.get_weights(), strict=True)
    )
    images = np.random.default_rng(0).normal(size=(100, 28, 28, 1)).astype(np.float32)
    logits, rounded = plain(images, training=True).numpy(), model(images, training=True)
    assert rounded.dtype == "float32"
    assert 0 < np.abs(rounded - logits).max() < 0.05 * np.abs(logits).max()
    assert keras.config.dtype_policy().name == "float32"


def test_the_kernel_size_changes_the_kernels_alone() -> None:
    three, five = build("cnn", 3), build("cnn", 5)
    different = {
        one.path: (tuple(one.shape), tuple(other.shape))
        for one, other in zip(three.weights, five.weights, strict=True)
        if one.shape != other.shape
    }
    assert different == {
        "convolution_1/kernel": ((3, 3, 1, 32), (5, 5, 1, 32)),
        "convolution_2/kernel": ((3, 3, 32, 64), (5, 5, 32, 64)),
    }
    assert [type(layer) for layer in three.layers] == [type(layer) for layer in five.layers]


def test_the_baseline_is_the_head_of_the_convolutional_networks() -> None:
    head = [layer.name for layer in build("dense", None).layers[1:]]
    assert [layer.name for layer in build("cnn", 3).layers][-len(head) :] == head


@pytest.mark.parametrize(
    ("architecture", "kernel_size", "most"),
    [("dense", None, 110_000), ("cnn", 3, 450_000), ("resnet", None, 300_000)],
)
def test_networks_stay_small(architecture: str, kernel_size: int | None, most: int) -> None:
    assert build(architecture, kernel_size).count_params() <= most


@pytest.mark.parametrize(("architecture", "kernel_size"), ALL)
def test_flops_are_those_that_tensorflow_counts(architecture: str, kernel_size: int | None) -> None:
    model = build(architecture, kernel_size)
    graph = tf.function(lambda images: model(images, training=False)).get_concrete_function(
        tf.TensorSpec([1, 28, 28, 1])
    )
    products = [each for each in graph.graph.get_operations() if each.type in ("Conv2D", "MatMul")]
    counted = sum(ops.get_stats_for_node_def(graph.graph, each.node_def, "flops").value for each in products)
    assert forward_flops(model) == counted > 0


def test_the_arms_are_matched_within_one_per_cent() -> None:
    small, as_many, as_costly = (
        build("cnn", 3),
        build_model("cnn", 5, (29, 60)),
        build_model("cnn", 5, (19, 39)),
    )
    assert as_many.count_params() == pytest.approx(small.count_params(), rel=0.01)
    assert forward_flops(as_costly) == pytest.approx(forward_flops(small), rel=0.01)
    assert forward_flops(build("cnn", 5)) > 2 * forward_flops(small)


def test_the_residual_network_classifies_by_an_image_and_its_mirrored_copy() -> None:
    model = build("resnet", None)
    images = np.random.default_rng(0).normal(size=(4, 28, 28, 1)).astype(np.float32)
    logits, mirrored = (model(each, training=False).numpy() for each in (images, images[:, :, ::-1]))
    np.testing.assert_allclose(logits, mirrored, rtol=1e-4, atol=1e-5)
    learns, other = (model(each, training=True).numpy() for each in (images, images[:, :, ::-1]))
    assert np.abs(learns - other).max() > 1e-2
    assert learns.shape == logits.shape == (4, 10)


def test_the_seed_decides_the_first_weights() -> None:
    one, again = build("cnn", 3).get_weights(), build("cnn", 3).get_weights()
    keras.utils.set_random_seed(1)
    other = build_model("cnn", 3).get_weights()
    assert all((left == right).all() for left, right in zip(one, again, strict=True))
    assert not (one[0] == other[0]).any()
