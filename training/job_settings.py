"""What train.py is started with: hyperparameters, folders, threads. Read once, from flags and environment.

Each folder is a flag whose default is the SM_* variable that SageMaker's driver sets, or else the path of the
container contract, so the same command runs in a container and on a laptop.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import hyperparameters
from cluster import Cluster, read_cluster
from hyperparameters import Hyperparameters
from training_failure import DEFAULT_OUTPUT_DIR, UsageError

FOLDERS = {  # flag: (environment variable, default, help)
    "train": ("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train", "images.npy and labels.npy to learn from"),
    "validation": ("SM_CHANNEL_VALIDATION", "/opt/ml/input/data/validation", "the same, to measure on"),
    "manifest": ("SM_CHANNEL_MANIFEST", "/opt/ml/input/data/manifest", "folder of the data's manifest.json"),
    "model-dir": ("SM_MODEL_DIR", "/opt/ml/model", "where the model artifact is written"),
    "output-dir": ("SM_OUTPUT_DIR", DEFAULT_OUTPUT_DIR, "where a failure's reason is written"),
    "checkpoint-dir": ("SM_CHECKPOINT_DIR", "/opt/ml/checkpoints", "where checkpoints are kept"),
}

PRECISIONS = ("auto", "float32")


@dataclass(frozen=True)
class JobSettings:
    """One host of a training job. `threads`: how many CPU threads TensorFlow computes with; `precision`: one of
    PRECISIONS."""

    hyperparameters: Hyperparameters
    train: Path
    validation: Path
    manifest: Path
    model_dir: Path
    output_dir: Path
    checkpoint_dir: Path
    threads: int
    cluster: Cluster
    precision: str = "auto"


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are raised, so that they reach the failure file too."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See {self.prog} --help.")


def parse_settings(argv: Sequence[str], description: str | None, environ: Mapping[str, str]) -> JobSettings:
    """The settings in command line `argv` (without the program's name), with defaults from `environ`.

    Raises:
        UsageError: an unknown flag, a missing one, or a value that is not allowed.
    """
    parser = _Parser(
        prog="train.py",
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    hyperparameters.add_flags(parser)
    group = parser.add_argument_group(
        "the job (defaults: SM_* variables, then SageMaker's container contract)"
    )
    for name, (variable, default, text) in FOLDERS.items():
        folder = environ.get(variable, default)
        group.add_argument(
            f"--{name}",
            type=Path,
            default=Path(folder),
            metavar="DIR",
            help=f"{text} ({folder})".replace("%", "%%"),
        )
    group.add_argument(
        "--threads",
        metavar="N",
        default=environ.get("SM_NUM_CPUS", str(os.cpu_count() or 1)),
        help="CPU threads of TensorFlow (SM_NUM_CPUS, else all cores); another number gives other weights",
    )
    group.add_argument(
        "--precision",
        metavar="NAME",
        default="auto",
        help="auto: bfloat16 where the device multiplies in it; float32: never (default auto)",
    )
    flags = parser.parse_args(argv)
    threads = hyperparameters.whole_number("threads", flags.threads)
    if threads < 1:
        raise UsageError(f"--threads must be at least 1, not {threads}.")
    if flags.precision not in PRECISIONS:
        raise UsageError(f"--precision takes {' or '.join(PRECISIONS)} (got {flags.precision!r}).")
    return JobSettings(
        hyperparameters=hyperparameters.parse(flags),
        train=flags.train,
        validation=flags.validation,
        manifest=flags.manifest,
        model_dir=flags.model_dir,
        output_dir=flags.output_dir,
        checkpoint_dir=flags.checkpoint_dir,
        threads=threads,
        cluster=read_cluster(environ),
        precision=flags.precision,
    )
