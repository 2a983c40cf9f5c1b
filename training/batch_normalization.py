"""Batch normalization as one kernel a layer.

Keras computes a batch's mean and variance with general reductions, which on a CPU take most of a small network's
training time. TensorFlow's fused kernel does the same sums: on one CPU core a training step of the 3×3 network is
several times as fast (`make bench` measures it).
"""

from typing import Any

import keras
import tensorflow as tf

MOMENTUM = 0.9  # Keras' 0.99 averages over 5 times too many steps for a training of a few epochs


class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras' layer with the same weights, for inputs (float32, bfloat16) of shape N×C or N×height×width×C.

    It computes in float32, whatever the other layers do. `synchronized` takes Keras' own computation, over the
    batch of all hosts. So does everything but training.
    """

    def __init__(self, name: str, synchronized: bool = False) -> None:
        # Inputs are not cast first: the kernel reads and writes bfloat16 itself, which spares two passes over them.
        super().__init__(
            momentum=MOMENTUM, name=name, synchronized=synchronized, dtype="float32", autocast=False
        )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """`inputs`, each channel normalized, scaled and shifted; in training also updates the moving averages."""
        if not training or self.synchronized:
            return super().call(inputs, training=training, mask=mask)
        images = inputs if len(inputs.shape) == 4 else inputs[:, tf.newaxis, tf.newaxis, :]
        normalized, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            images, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
        )
        # The kernel's variance is of a sample (divided by n - 1); Keras averages the batch's own (divided by n).
        count = tf.cast(tf.size(images) // images.shape[-1], variance.dtype)
        variance *= (count - 1) / count
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance)
        return tf.reshape(normalized, tf.shape(inputs))

    def _follow(self, average: Any, value: Any) -> None:
        average.assign(average.value * self.momentum + value * (1 - self.momentum))
