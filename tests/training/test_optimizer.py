import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from batch_normalization import BatchNormalization
from hyperparameters import Hyperparameters
from optimizer import build_optimizer


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_weight_decay_takes_its_share_off_the_kernels_alone(
    small: Hyperparameters, weight_decay: float, fused: bool
) -> None:
    hyperparameters = dataclasses.replace(small, learning_rate=0.1, weight_decay=weight_decay)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(2, 3, bias_initializer="ones"),
            BatchNormalization("normalization"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, bias_initializer="ones"),
        ]
    )
    variables = model.trainable_variables
    optimizer = build_optimizer(hyperparameters, variables, 1, fused)
    before = [variable.numpy() for variable in variables]
    optimizer.apply([np.zeros_like(value) for value in before], variables)
    assert [variable.name for variable in variables] == ["kernel", "bias", "gamma", "beta", "kernel", "bias"]
    for variable, value in zip(variables, before, strict=True):
        kept = 1 - 0.1 * weight_decay if variable.name == "kernel" else 1
        np.testing.assert_allclose(variable.numpy(), kept * value, rtol=1e-6)


def test_adam_in_one_go_takes_the_steps_that_keras_does(small: Hyperparameters) -> None:
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=(20, 30)).astype(np.float32) for _ in range(5)]
    results = []
    for fused in (False, True):
        variable = keras.Variable(np.ones((20, 30), np.float32))
        optimizer = build_optimizer(small, [variable], 10, fused)
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [variable])
        results.append([each.numpy() for each in (variable, *optimizer.variables)])
    assert len(results[0]) == len(results[1]) == 4
    for plain, fast in zip(*results, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-5, atol=1e-7)
