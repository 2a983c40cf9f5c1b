from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from batch_normalization import MOMENTUM, BatchNormalization


def inputs(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)


def both(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """This layer and Keras' own, with equal weights that are nothing special."""
    ours, keras_own = BatchNormalization("ours"), keras.layers.BatchNormalization(momentum=MOMENTUM)
    for layer in (ours, keras_own):
        layer.build(shape)
        layer.set_weights([np.linspace(0.5, 1.5, shape[-1]) + number for number in range(4)])
    return ours, keras_own


@pytest.mark.parametrize("shape", [(16, 5), (8, 6, 4, 3)])
@pytest.mark.parametrize("training", [True, False])
def test_it_computes_what_keras_computes(shape: tuple[int, ...], training: bool) -> None:
    images = tf.constant(inputs(shape))
    found = []
    for layer in both(shape):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=training)
            total = tf.reduce_sum(outputs**3)
        gradients = tape.gradient(total, [images, *layer.trainable_variables])
        found.append([outputs, *gradients, *layer.get_weights()])
    for ours, expected in zip(*found, strict=True):
        scale = np.abs(np.asarray(expected)).max()
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=2e-5 * scale)


def test_training_follows_the_batch_s_moments() -> None:
    layer, images = BatchNormalization("layer"), inputs((64, 2))
    layer(images, training=True)
    np.testing.assert_allclose(layer.moving_mean, (1 - MOMENTUM) * images.mean(axis=0), rtol=1e-4)
    expected = MOMENTUM + (1 - MOMENTUM) * images.var(axis=0)
    np.testing.assert_allclose(layer.moving_variance, expected, rtol=1e-4)


def test_bfloat16_is_read_and_written_as_it_is_and_computed_in_float32() -> None:
    ours, exact = both((8, 6, 4, 3))[0], both((8, 6, 4, 3))[0]
    images = tf.cast(inputs((8, 6, 4, 3)), tf.bfloat16)
    outputs, expected = ours(images, training=True), exact(tf.cast(images, tf.float32), training=True)
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_array_equal(outputs, tf.cast(expected, tf.bfloat16))
    for one, other in zip(ours.get_weights(), exact.get_weights(), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other)


def test_it_has_the_weights_of_keras_layer() -> None:
    ours, keras_own = both((4, 3))
    names = [[variable.name for variable in layer.weights] for layer in (ours, keras_own)]
    assert names[0] == names[1]
