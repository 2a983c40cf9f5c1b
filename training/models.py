"""The networks that are compared. Built by train.py, and again by reloading.py when a model is loaded.

The controlled experiment: the dense and the convolutional networks end in the same head; a convolutional one puts
two stages in front of it, which differ between candidates in the kernel size alone (for the arms that are matched
in parameters or FLOPs, also in the number of filters). Pooling comes before normalization and activation, which
then have a quarter of the work. The residual network stands outside of it: what a small network can reach.
"""

import math
from typing import Any

import keras

from batch_normalization import BatchNormalization
from hyperparameters import FILTERS
from training_data import CLASS_COUNT, IMAGE_SHAPE

HIDDEN_UNITS = 128
RESIDUAL_STEM = 32
RESIDUAL_STAGES = ((48, 2), (80, 2))  # filters and blocks of each: of 14×14 pixels, then of 7×7
POOLED = 2  # pixels: side of the windows that pooling takes the largest value of


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
    """Floating-point operations of one image's way through `model`, as built; training takes three times as many.

    Every weight of a convolution is used once for each pixel of its output, and every weight of a dense layer once,
    for a multiplication and an addition. Biases, normalization, activation and pooling (a few per cent) are left
    out, as is usual.
    """
    layers = [layer for layer in model.layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))]
    return sum(2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]) for layer in layers)


def _head(features: Any, synchronized: bool) -> Any:
    features = keras.layers.Flatten(name="flatten")(features)
    features = keras.layers.Dense(HIDDEN_UNITS, use_bias=False, name="hidden")(features)
    features = _activate(_normalize(features, "hidden", synchronized), "hidden")
    return _logits(features)


def _logits(features: Any) -> Any:
    return keras.layers.Dense(CLASS_COUNT, name="logits", dtype="float32")(features)


def _residual(images: Any, synchronized: bool) -> Any:
    """He et al., "Deep Residual Learning for Image Recognition" (2016), for 28×28 pixels and few parameters."""
    features = _convolution(images, RESIDUAL_STEM, 3, "stem")
    features = keras.layers.MaxPooling2D(POOLED, name="stem_pooling")(features)
    features = _activate(_normalize(features, "stem", synchronized), "stem")
    for stage, (width, blocks) in enumerate(RESIDUAL_STAGES, start=1):
        if stage > 1:
            features = keras.layers.MaxPooling2D(POOLED, name=f"stage_{stage}_pooling")(features)
        for block in range(1, blocks + 1):
            features = _block(features, width, f"stage_{stage}_block_{block}", synchronized)
    features = keras.layers.GlobalAveragePooling2D(name="average", dtype="float32")(features)
    return _logits(features)


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
