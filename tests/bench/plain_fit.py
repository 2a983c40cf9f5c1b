"""What a user would write instead of training/train.py: the same network in plain `model.fit`, Adam 1e-3, batch 64.

    PYTHONPATH=training python tests/bench/plain_fit.py --processed FOLDER --epochs 5 --candidate cnn-3x3 …

The flags that describe the network are train.py's own. Prints an `epoch=` line after each epoch, with the seconds
of training alone and, with --test, the accuracy on the test split, whose measurement is not counted.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

LEARNING_RATE = 1e-3
BATCH_SIZE = 64


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line: train.py's hyperparameters, and where the data are."""
    import hyperparameters

    parser = argparse.ArgumentParser(description=__doc__)
    hyperparameters.add_flags(parser)
    parser.add_argument("--processed", type=Path, required=True, help="folder that NormalizeData wrote")
    parser.add_argument("--threads", type=int, help="CPU threads (default: TensorFlow's own choice)")
    parser.add_argument("--test", action="store_true", help="measure on the test split after each epoch")
    parser.add_argument(
        "--until", type=float, default=1.0, help="stop after the epoch that reaches this accuracy"
    )
    return parser.parse_args(argv)


def main(args: argparse.Namespace) -> None:
    """Train and print."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import numpy as np
    import tensorflow as tf

    import hyperparameters
    from models import build_model

    if args.threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(args.threads)
        tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    parameters = hyperparameters.parse(args)
    keras.utils.set_random_seed(parameters.seed)
    known = asdict(parameters)
    model = build_model(
        **{name: known[name] for name in inspect.signature(build_model).parameters if name in known}
    )
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    images, labels, test_images, test_labels = (
        np.load(args.processed / split / f"{kind}.npy")
        for split in ("train", "test")
        for kind in ("images", "labels")
    )

    class Report(keras.callbacks.Callback):  # type: ignore[misc]
        """Times each epoch, and measures on test outside of that time."""

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            seconds = time.perf_counter() - self.began
            line = f"epoch={epoch + 1} seconds={seconds:.4f} images_per_second={len(labels) / seconds:.1f}"
            if args.test:
                logits = self.model.predict(test_images, batch_size=1000, verbose=0)
                accuracy = float(np.mean(np.argmax(logits, axis=1) == test_labels))
                line += f" test_accuracy={accuracy:.4f}"
                self.model.stop_training = accuracy >= args.until
            print(line, flush=True)

    model.fit(
        images, labels, batch_size=BATCH_SIZE, epochs=parameters.epochs, verbose=0, callbacks=[Report()]
    )


if __name__ == "__main__":
    main(parse_args(sys.argv[1:]))
