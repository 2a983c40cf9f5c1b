import dataclasses

import keras
import numpy as np
import pytest

from batch_normalization import BatchNormalization
from hyperparameters import Hyperparameters
from optimizer import build_optimizer


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_weight_decay_takes_its_share_off_the_kernels_alone(
    small: Hyperparameters, weight_decay: float
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
    optimizer = build_optimizer(hyperparameters, variables, total_steps=1)
    before = [variable.numpy() for variable in variables]
    optimizer.apply([np.zeros_like(value) for value in before], variables)
    assert [variable.name for variable in variables] == ["kernel", "bias", "gamma", "beta", "kernel", "bias"]
    for variable, value in zip(variables, before, strict=True):
        kept = 1 - 0.1 * weight_decay if variable.name == "kernel" else 1
        np.testing.assert_allclose(variable.numpy(), kept * value, rtol=1e-6)
