"""NormalizeData: from the four IDX files of Fashion-MNIST to the processed data that training and evaluation read.

SageMaker runs it as the first processing job of the pipeline; the same command works on a laptop:

    python processing/normalize.py --input /usr/share/datasets/fashion-mnist --output /tmp/processed

It checks the files strictly, sets aside one image in twelve of every class for validation (seeded), and normalizes
all pixels with the training split's mean and standard deviation. The full set takes about 3 s and 130 MB of memory.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argument_types import whole_number
from fashion_classes import CLASS_COUNT, CLASS_NAMES, SPLITS
from job_failure import JobArgumentParser, run_job
from normalization import fit_normalization
from processed_manifest import Manifest
from processed_writer import Split, write_processed
from raw_data import read_raw_data
from stratify import stratified_split


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """The command line; paths default to the folders of SageMaker's container contract."""
    parser = JobArgumentParser(__doc__)
    parser.add_argument(
        "--input",
        type=Path,
        default=Path("/opt/ml/processing/input/raw"),
        help="folder of the four IDX files, gzipped or not",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("/opt/ml/processing/output/processed"),
        help="folder for train/, validation/, test/ and manifest.json",
    )
    parser.add_argument(
        "--validation-one-in",
        type=whole_number(2),
        default=12,
        metavar="N",
        help="one training image in N of every class goes to validation (default: %(default)s)",
    )
    parser.add_argument(
        "--split-seed", type=whole_number(0), default=20170825, help="decides which (default: %(default)s)"
    )
    return parser.parse_args(argv)


def main(args: argparse.Namespace) -> None:
    """Read, check, split, normalize, write."""
    print(f"Reading the IDX files in {args.input}", flush=True)
    raw = read_raw_data(args.input)
    train, validation = stratified_split(
        raw.train.labels, args.validation_one_in, args.split_seed, CLASS_COUNT
    )
    splits = {
        "train": Split(raw.train, train),
        "validation": Split(raw.train, validation),
        "test": Split(raw.test, np.arange(len(raw.test.labels))),
    }
    normalization = fit_normalization(splits["train"].pixel_chunks())
    print(f"Writing to {args.output}: mean={normalization.mean:.6f} std={normalization.std:.6f}", flush=True)
    manifest = write_processed(
        args.output,
        splits,
        normalization,
        split_seed=args.split_seed,
        validation_one_in=args.validation_one_in,
        sources=raw.sources,
    )
    print(class_count_table(manifest))
    print(f"data digest: {manifest.digest}", flush=True)


def class_count_table(manifest: Manifest) -> str:
    """Images per class and split, as lines of text."""
    lines = [f"{'class':<12}" + "".join(f"{name:>12}" for name in SPLITS)]
    for label, class_name in enumerate(CLASS_NAMES):
        counts = "".join(f"{manifest.splits[name].class_counts[label]:>12,}" for name in SPLITS)
        lines.append(f"{class_name:<12}{counts}")
    lines.append(f"{'all':<12}" + "".join(f"{manifest.splits[name].count:>12,}" for name in SPLITS))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run_job(parse_args, main, sys.argv[1:]))
