"""The learning rate of every step, the same for every candidate."""

from typing import Any

import keras

WARM_UP_SHARE = 0.05


def learning_rate_schedule(peak: float, total_steps: int) -> Any:
    """A Keras schedule: linear warm-up to `peak` over 5 % of `total_steps`, then half a cosine down to 0.

    It depends on nothing but the optimizer's step count, so a training that goes on from a checkpoint follows it.
    Source: Loshchilov and Hutter, "SGDR" (2017), without restarts; warm-up as in Goyal et al. (2017).
    """
    warm_up = max(1, round(WARM_UP_SHARE * total_steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / warm_up,  # not 0: the first step would be lost
        warmup_target=peak,
        warmup_steps=warm_up,
        decay_steps=max(1, total_steps - warm_up),
    )
