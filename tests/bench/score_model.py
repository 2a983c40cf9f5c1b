"""Measures a trained model on the test split, as it is served.

    python tests/bench/score_model.py --model-dir FOLDER --data FOLDER_OF_IDX_FILES

Prints the accuracy of the SavedModel on raw pixels.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

BATCH = 1000


def read_idx(folder: Path, name: str) -> npt.NDArray[np.uint8]:
    """The values of an IDX file in `folder`, gzipped or not."""
    packed = folder / f"{name}.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.is_file() else (folder / name).read_bytes()
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def main(args: argparse.Namespace) -> None:
    """Score and print."""
    # TensorFlow would import it, which takes almost half of its start; nothing here uses it.
    sys.modules["keras"] = None  # type: ignore[assignment]
    import tensorflow as tf

    serve = tf.saved_model.load(str(args.model_dir / "1")).signatures["serving_default"]
    images = read_idx(args.data, "t10k-images-idx3-ubyte")
    labels = read_idx(args.data, "t10k-labels-idx1-ubyte")
    correct = 0
    for start in range(0, len(labels), BATCH):
        classes = serve(images=tf.constant(images[start : start + BATCH]))["class_id"].numpy()
        correct += int(np.sum(classes == labels[start : start + BATCH]))
    print(f"test_accuracy={correct / len(labels):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    main(parser.parse_args(sys.argv[1:]))
