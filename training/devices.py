"""Which device TensorFlow computes on, and how. train.py calls this before anything else touches TensorFlow."""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Device:
    """`name`: for the log and environment.json. `compile`: whether XLA compiles the steps (slower on CPU).

    `precision`: Keras' name of what the network computes in; weights, normalization and logits are float32 in any.
    `steps_per_call`: how many steps the device does by itself before it is asked how it stands. A GPU's step takes
    less time than asking. On a CPU asking takes a tenth of a step's time, and a stop should not have to wait long.
    """

    name: str
    compile: bool
    precision: str
    steps_per_call: int


def set_up_device(threads: int, alone: bool) -> Device:
    """Take the first GPU if there is one, else `threads` CPU threads, computing repeatably.

    `alone`: whether this is the only host; XLA cannot add up over several, which compute in float32.

    Weights repeat exactly for the same seed and the same number of threads on a CPU. On a GPU they do not: its
    deterministic kernels are much slower, so they are left off.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        tf.config.set_visible_devices(gpus[0], "GPU")
        tf.config.experimental.set_memory_growth(gpus[0], True)
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "unnamed")
        precision = "mixed_bfloat16" if alone else "float32"
        return Device(f"GPU {name}", compile=alone, precision=precision, steps_per_call=50)
    tf.config.experimental.enable_op_determinism()
    return Device("CPU", compile=False, precision="float32", steps_per_call=10)
