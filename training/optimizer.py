"""The optimizer, the same for every candidate but for the weight decay that it asks for."""

from typing import Any

import keras

from hyperparameters import Hyperparameters
from schedule import learning_rate_schedule

NOT_DECAYED = ("bias", "gamma", "beta")  # what shifts and scales, which has nothing to overfit with


def build_optimizer(hyperparameters: Hyperparameters, variables: list[Any], total_steps: int) -> Any:
    """Adam for `variables`, over `total_steps` steps of the schedule.

    In every step it also takes learning rate × weight decay × w off each weight w of a kernel (Loshchilov and
    Hutter, "Decoupled Weight Decay Regularization", 2019).
    """
    optimizer = keras.optimizers.Adam(
        learning_rate_schedule(hyperparameters.learning_rate, total_steps),
        weight_decay=hyperparameters.weight_decay or None,
    )
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    optimizer.build(variables)
    return optimizer
