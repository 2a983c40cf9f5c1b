"""Which device TensorFlow computes on, and how. train.py calls this before anything else touches TensorFlow."""

import os
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

# What Linux calls instructions for products of bfloat16, on x86 and on Arm (as pipeline/local/jobs/arithmetic.py).
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


@dataclass(frozen=True)
class Device:
    """`name`: for the log and environment.json. `compile`: whether XLA compiles the steps (slower on CPU).

    `precision`: Keras' name of what the network computes in; weights, normalization and logits are float32 in any.
    `steps_per_call`: how many steps the device does by itself before it is asked how it stands. A GPU's step takes
    less time than asking. On a CPU asking takes a tenth of a step's time, and a stop should not have to wait long.
    `fused_update`: whether the optimizer's step is one kernel a variable. It rounds otherwise than Keras', which
    float32 keeps to, and which XLA makes one kernel of anyway.
    """

    name: str
    compile: bool
    precision: str
    steps_per_call: int
    fused_update: bool = False


def set_up_device(threads: int, alone: bool, precision: str = "auto") -> Device:
    """Take the first GPU if there is one, else `threads` CPU threads, computing repeatably.

    `alone`: whether this is the only host; XLA cannot add up over several, which compute in float32, as their CPUs
    may differ. `precision`: "float32", or "auto": bfloat16 where the device multiplies in it.

    Weights repeat exactly for the same seed, precision and number of threads on a CPU. On a GPU they do not: its
    deterministic kernels are much slower, so they are left off.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU")
    wanted = alone and precision == "auto"
    if gpus:
        tf.config.set_visible_devices(gpus[0], "GPU")
        tf.config.experimental.set_memory_growth(gpus[0], True)
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "unnamed")
        chosen = "mixed_bfloat16" if wanted else "float32"
        return Device(f"GPU {name}", compile=alone, precision=chosen, steps_per_call=50)
    tf.config.experimental.enable_op_determinism()
    # Without oneDNN TensorFlow has no kernels for these instructions, and bfloat16 is slower than float32.
    rounded = wanted and multiplies_in_bfloat16() and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"
    return Device(
        "CPU",
        compile=False,
        precision="mixed_bfloat16" if rounded else "float32",
        steps_per_call=10,
        fused_update=rounded,
    )


def multiplies_in_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU has instructions for products of bfloat16, as far as Linux tells."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return not BFLOAT16_FLAGS.isdisjoint(value.split())
    return False
