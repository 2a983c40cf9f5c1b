from typing import Any

import keras
import numpy as np
import pytest

from models import build_model

ALL = [("dense", None), ("cnn", 3), ("cnn", 5)]


def build(architecture: str, kernel_size: int | None) -> Any:
    keras.utils.set_random_seed(0)
    return build_model(architecture, kernel_size)


@pytest.mark.parametrize(("architecture", "kernel_size"), ALL)
def test_images_become_ten_logits(architecture: str, kernel_size: int | None) -> None:
    logits = build(architecture, kernel_size)(np.zeros((3, 28, 28, 1), np.float32))
    assert tuple(logits.shape) == (3, 10)
    assert logits.dtype == "float32"


def test_the_kernel_size_changes_the_kernels_alone() -> None:
    three, five = build("cnn", 3), build("cnn", 5)
    different = {
        one.path: (tuple(one.shape), tuple(other.shape))
        for one, other in zip(three.weights, five.weights, strict=True)
        if one.shape != other.shape
    }
    assert different == {
        "convolution_1/kernel": ((3, 3, 1, 16), (5, 5, 1, 16)),
        "convolution_2/kernel": ((3, 3, 16, 32), (5, 5, 16, 32)),
    }
    assert [type(layer) for layer in three.layers] == [type(layer) for layer in five.layers]


def test_the_baseline_is_the_head_of_the_convolutional_networks() -> None:
    head = [layer.name for layer in build("dense", None).layers[1:]]
    assert [layer.name for layer in build("cnn", 3).layers][-len(head) :] == head


@pytest.mark.parametrize(("architecture", "kernel_size"), ALL)
def test_candidates_stay_small(architecture: str, kernel_size: int | None) -> None:
    assert build(architecture, kernel_size).count_params() <= 450_000


def test_the_seed_decides_the_first_weights() -> None:
    one, again = build("cnn", 3).get_weights(), build("cnn", 3).get_weights()
    keras.utils.set_random_seed(1)
    other = build_model("cnn", 3).get_weights()
    assert all((left == right).all() for left, right in zip(one, again, strict=True))
    assert not (one[0] == other[0]).any()
