"""The networks that are compared. Built by train.py, and again by export.py when a model is loaded.

All end in the same head; a convolutional network puts two stages in front of it, which differ between candidates in
the kernel size alone. Pooling comes before normalization and activation, which then have a quarter of the work.
"""

from typing import Any

import keras

from training_data import CLASS_COUNT, IMAGE_SHAPE

FILTERS = (16, 32)
HIDDEN_UNITS = 128
NORMALIZATION_MOMENTUM = (
    0.9  # Keras' 0.99 averages over 5 times too many steps for a training of a few epochs
)


def build_model(architecture: str, kernel_size: int | None, synchronized: bool = False) -> Any:
    """A Keras model from normalized images (float32, N×28×28×1) to logits (float32, N×10).

    `architecture` is "dense" or "cnn"; `kernel_size` (pixels) is for the latter alone. The weights come from
    Keras' global seed: call keras.utils.set_random_seed first. `synchronized`: whether, in training, normalization
    is over the batch of all hosts; otherwise it is over this host's.
    """
    layers = keras.layers
    images = keras.Input(IMAGE_SHAPE, name="images")
    features = images
    if architecture == "cnn":
        for stage, filters in enumerate(FILTERS, start=1):
            features = layers.Conv2D(
                filters, kernel_size, padding="same", use_bias=False, name=f"convolution_{stage}"
            )(features)
            features = layers.MaxPooling2D(2, name=f"pooling_{stage}")(features)
            features = _normalize_and_activate(features, f"stage_{stage}", synchronized)
    features = layers.Flatten(name="flatten")(features)
    features = layers.Dense(HIDDEN_UNITS, use_bias=False, name="hidden")(features)
    features = _normalize_and_activate(features, "hidden", synchronized)
    logits = layers.Dense(CLASS_COUNT, name="logits")(features)
    return keras.Model(images, logits, name=architecture)


def _normalize_and_activate(features: Any, name: str, synchronized: bool) -> Any:
    normalization = keras.layers.BatchNormalization(
        momentum=NORMALIZATION_MOMENTUM, name=f"{name}_normalization", synchronized=synchronized
    )
    return keras.layers.ReLU(name=f"{name}_activation")(normalization(features))
