"""Measures how fast this machine multiplies matrices (float32), with TensorFlow on a number of threads.

    python tests/bench/sgemm.py --threads 2 [--seconds X]

Prints the best rate over some sizes in FLOP/s: what a convolution could reach at most.
"""

from __future__ import annotations

import argparse
import sys
import time

SIZES = (512, 1024, 2048)  # rows and columns; smaller ones are not yet limited by arithmetic


def main(threads: int, seconds: float) -> None:
    """Measure and print."""
    # TensorFlow would import it, which takes almost half of its start; nothing here uses it.
    sys.modules["keras"] = None  # type: ignore[assignment]
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    best = 0.0
    for size in SIZES:
        left, right = (tf.random.normal((size, size)) for _ in range(2))
        tf.matmul(left, right)
        fastest, until = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < until:
            began = time.perf_counter()
            tf.matmul(left, right).numpy()
            fastest = min(fastest, time.perf_counter() - began)
        best = max(best, 2 * size**3 / fastest)
    print(f"sgemm_flops_per_second={best:.6e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.7, help="for each size (%(default)s)")
    args = parser.parse_args(sys.argv[1:])
    main(args.threads, args.seconds)
