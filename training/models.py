"""The networks that are compared. Built by train.py, and again by reloading.py when a model is loaded.

The controlled experiment: the dense and the convolutional networks end in the same head; a convolutional one puts
two stages in front of it, which differ between candidates in the kernel size alone (for the arms that are matched
in parameters or FLOPs, also in the number of filters). Pooling comes before normalization and activation, which
then have a quarter of the work. The residual network stands outside of it: what a small network can reach.
"""

import math
from typing import Any

import keras
import tensorflow as tf

from batch_normalization import BatchNormalization
from hyperparameters import FILTERS
from training_data import CLASS_COUNT, IMAGE_SHAPE

HIDDEN_UNITS = 128
RESIDUAL_STEM = 16
RESIDUAL_STAGES = ((16, 3), (32, 3), (64, 3))  # filters and blocks of each: of 28×28 pixels, 14×14, 7×7
POOLED = 2  # pixels: side of the windows that pooling takes the largest value of


class WithMirroredCopies(keras.layers.Layer):  # type: ignore[misc]
    """Images (N×height×width×C), and when they are classified their mirrored copies after them: 2N."""

    def call(self, images: Any, training: bool | None = None) -> Any:
        """`images` as they are in training, twice as many else."""
        return images if training else tf.concat([images, tf.reverse(images, [2])], axis=0)


class MeanOfCopies(keras.layers.Layer):  # type: ignore[misc]
    """The other end of WithMirroredCopies: of the logits (2N×C) of images and copies the mean (N×C)."""

    def call(self, logits: Any, training: bool | None = None) -> Any:
        """`logits` as they are in training, the means else."""
        return logits if training else tf.add_n(tf.split(logits, 2)) / 2


def build_model(
    architecture: str,
    kernel_size: int | None,
    filters: tuple[int, int] | None = None,
    synchronized: bool = False,
    precision: str = "float32",
) -> Any:
    """A Keras model from normalized images (float32, N×28×28×1) to logits (float32, N×10).

    `architecture` is "dense", "cnn" or "resnet"; `kernel_size` (pixels) and `filters` (of the two stages; None: 32
    and 64) are for "cnn" alone. The weights come from Keras' global seed: call keras.utils.set_random_seed first.
    `synchronized`: whether, in training, normalization is over the batch of all hosts; otherwise it is over this
    host's. `precision`: the Keras dtype policy of all layers but normalization, averaging and logits, which compute
    in float32.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return _build(architecture, kernel_size, filters, synchronized)
    finally:
        keras.config.set_dtype_policy(policy)


def _build(
    architecture: str, kernel_size: int | None, filters: tuple[int, int] | None, synchronized: bool
) -> Any:
    images = keras.Input(IMAGE_SHAPE, name="images")
    if architecture == "resnet":
        logits = _residual(images, synchronized)
    else:
        features = images
        if architecture == "cnn":
            for stage, width in enumerate(filters or FILTERS, start=1):
                features = _convolution(features, width, kernel_size, f"convolution_{stage}")
                features = keras.layers.MaxPooling2D(POOLED, name=f"pooling_{stage}")(features)
                features = _activate(_normalize(features, f"stage_{stage}", synchronized), f"stage_{stage}")
        logits = _head(features, synchronized)
    return keras.Model(images, logits, name=architecture)


def forward_flops(model: Any) -> int:
    """Floating-point operations to classify one image with `model`, as built.

    Every weight of a convolution is used once for each pixel of its output, and every weight of a dense layer once,
    for a multiplication and an addition; for an image and its mirrored copy, twice. Training takes three times as
    many, copies apart. Biases, normalization, activation and pooling (a few per cent) are left out, as is usual.
    """
    layers = [layer for layer in model.layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))]
    flops: int = sum(
        2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]) for layer in layers
    )
    mirrored = any(isinstance(layer, WithMirroredCopies) for layer in model.layers)
    return 2 * flops if mirrored else flops


def _head(features: Any, synchronized: bool) -> Any:
    features = keras.layers.Flatten(name="flatten")(features)
    features = keras.layers.Dense(HIDDEN_UNITS, use_bias=False, name="hidden")(features)
    features = _activate(_normalize(features, "hidden", synchronized), "hidden")
    return _logits(features)


def _logits(features: Any) -> Any:
    return keras.layers.Dense(CLASS_COUNT, name="logits", dtype="float32")(features)


def _residual(images: Any, synchronized: bool) -> Any:
    """ResNet-20 of He et al., "Deep Residual Learning for Image Recognition" (2016), for 28×28 pixels.

    Stages are parted by pooling, and shortcuts that change the width are 1×1 convolutions.
    """
    features = WithMirroredCopies(name="mirrored")(images)
    features = _convolution(features, RESIDUAL_STEM, 3, "stem")
    features = _activate(_normalize(features, "stem", synchronized), "stem")
    for stage, (width, blocks) in enumerate(RESIDUAL_STAGES, start=1):
        if stage > 1:
            features = keras.layers.MaxPooling2D(POOLED, name=f"stage_{stage}_pooling")(features)
        for block in range(1, blocks + 1):
            features = _block(features, width, f"stage_{stage}_block_{block}", synchronized)
    features = keras.layers.GlobalAveragePooling2D(name="average", dtype="float32")(features)
    return MeanOfCopies(name="mean", dtype="float32")(_logits(features))


def _block(features: Any, width: int, name: str, synchronized: bool) -> Any:
    shortcut = features
    if features.shape[-1] != width:
        shortcut = _convolution(features, width, 1, f"{name}_shortcut")
        shortcut = _normalize(shortcut, f"{name}_shortcut", synchronized)
    features = _convolution(features, width, 3, f"{name}_convolution_1")
    features = _activate(_normalize(features, f"{name}_1", synchronized), f"{name}_1")
    features = _convolution(features, width, 3, f"{name}_convolution_2")
    features = _normalize(features, f"{name}_2", synchronized)
    return _activate(keras.layers.Add(name=f"{name}_sum")([shortcut, features]), name)


def _convolution(features: Any, filters: int, kernel_size: int | None, name: str) -> Any:
    return keras.layers.Conv2D(filters, kernel_size, padding="same", use_bias=False, name=name)(features)


def _normalize(features: Any, name: str, synchronized: bool) -> Any:
    return BatchNormalization(f"{name}_normalization", synchronized)(features)


def _activate(features: Any, name: str) -> Any:
    return keras.layers.ReLU(name=f"{name}_activation")(features)
