"""The optimizer, the same for every candidate but for the weight decay that it asks for."""

from typing import Any

import keras
import tensorflow as tf

from hyperparameters import Hyperparameters
from schedule import learning_rate_schedule

NOT_DECAYED = ("bias", "gamma", "beta")  # what shifts and scales, which has nothing to overfit with


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras' Adam, with a variable's update done in one go through memory, in place of a dozen.

    The formula is the same, the last bit of its result is not always. For one host.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take one step; `variable` is TensorFlow's."""
        step = tf.cast(self.iterations.value + 1, tf.float32)
        place = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def build_optimizer(
    hyperparameters: Hyperparameters, variables: list[Any], total_steps: int, fused: bool = False
) -> Any:
    """Adam for `variables`, over `total_steps` steps of the schedule; `fused`: as FusedAdam computes it.

    In every step it also takes learning rate × weight decay × w off each weight w of a kernel (Loshchilov and
    Hutter, "Decoupled Weight Decay Regularization", 2019).
    """
    adam = FusedAdam if fused else keras.optimizers.Adam
    optimizer = adam(
        learning_rate_schedule(hyperparameters.learning_rate, total_steps),
        weight_decay=hyperparameters.weight_decay or None,
    )
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    optimizer.build(variables)
    return optimizer
