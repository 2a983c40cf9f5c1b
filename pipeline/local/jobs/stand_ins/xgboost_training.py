"""Stands in for SageMaker's built-in XGBoost where its image cannot run: a training job on the xgboost package.

Runs in place of the image's own entry point, under the container contract: hyperparameters.json and
inputdataconfig.json, the channels `train` and (optional) `validation` of CSV or libsvm files, `xgboost-model` in
the model folder. Written after "XGBoost algorithm with Amazon SageMaker AI" (hyperparameters, input formats, model
format) and sagemaker-xgboost-container. Not done: Parquet and RecordIO, several hosts, GPUs, checkpoints.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import xgboost

MODEL_NAME = "xgboost-model"
# Hyperparameters that are no parameters of xgboost's own.
_OURS = (
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "save_model_on_termination",
    "use_dask_gpu_training",
)
_NOT_DONE = ("_kfold", "_num_cv_round")
_CSV = ("csv", "text/csv")
_LIBSVM = ("libsvm", "text/libsvm", "text/x-libsvm")
# From this version on the image saves xgboost's own format; before, a pickle of the booster.
_OWN_FORMAT_SINCE = (1, 3)


class UserError(Exception):
    """The job's hyperparameters or data are wrong; the message is the job's failure reason."""


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Train; returns the exit status, after writing a failure's reason where the service looks for it."""
    args = parse_args(argv, environ)
    try:
        train(args)
    except UserError as error:
        args.failure.parent.mkdir(parents=True, exist_ok=True)
        args.failure.write_text(f"{error}\n", encoding="utf-8")
        print(f"UserError: {error}", file=sys.stderr)
        return 1
    return 0


def parse_args(argv: Sequence[str] | None, environ: Mapping[str, str]) -> argparse.Namespace:
    """Where everything lies; the defaults are the container contract's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    inputs = environ.get("SM_INPUT_DIR", "/opt/ml/input")
    parser.add_argument(
        "--image", default="", help="the image stood in for; its tag decides the model's format"
    )
    config = environ.get("SM_INPUT_CONFIG_DIR", f"{inputs}/config")
    parser.add_argument("--config", type=Path, default=Path(config))
    parser.add_argument("--data", type=Path, default=Path(f"{inputs}/data"))
    parser.add_argument("--model-dir", type=Path, default=Path(environ.get("SM_MODEL_DIR", "/opt/ml/model")))
    output = environ.get("SM_OUTPUT_DIR", "/opt/ml/output")
    parser.add_argument("--failure", type=Path, default=Path(f"{output}/failure"))
    return parser.parse_args(argv)


def train(args: argparse.Namespace) -> None:
    """Train on the channels with the job's hyperparameters and save the booster.

    Raises:
        UserError: a hyperparameter, a channel or a file is not what the algorithm takes.
    """
    hyperparameters = json.loads((args.config / "hyperparameters.json").read_text(encoding="utf-8"))
    channels = json.loads((args.config / "inputdataconfig.json").read_text(encoding="utf-8"))
    rounds, ours, parameters = read_hyperparameters(hyperparameters)
    if "train" not in channels:
        raise UserError(f"There is no channel named train, only: {', '.join(channels) or 'none'}.")
    weighted = ours.get("csv_weights") == "1"
    data = {
        name: read_channel(args.data / name, str(channels[name].get("ContentType") or "libsvm"), weighted)
        for name in ("train", "validation")
        if name in channels
    }
    print(
        f"Train matrix has {data['train'].num_row()} rows and {data['train'].num_col()} columns", flush=True
    )
    if "validation" in data:
        print(f"Validation matrix has {data['validation'].num_row()} rows", flush=True)
    stopping = ours.get("early_stopping_rounds")
    try:
        booster = xgboost.train(
            parameters,
            data["train"],
            num_boost_round=rounds,
            evals=[(matrix, name) for name, matrix in data.items()],
            early_stopping_rounds=int(stopping) if stopping else None,
            verbose_eval=True,
        )
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise UserError(f"XGBoost refused the training: {str(error).strip()}") from error
    args.model_dir.mkdir(parents=True, exist_ok=True)
    save(booster, args.model_dir / MODEL_NAME, args.image)


def read_hyperparameters(given: Mapping[str, str]) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The number of rounds, the algorithm's own settings, and xgboost's parameters.

    Raises:
        UserError: num_round is missing or no whole number from 1, or something is asked for that is not done here.
    """
    for name in _NOT_DONE:
        if name in given:
            raise UserError(
                f"Hyperparameter {name}: cross-validation is not done by this stand-in for XGBoost."
            )
    rounds = str(given.get("num_round", ""))
    if not rounds.isdecimal() or int(rounds) < 1:
        raise UserError(
            f"Hyperparameter num_round must be a whole number from 1 up, not {rounds or 'nothing'}."
        )
    own = {name: str(given[name]) for name in _OURS if name in given}
    parameters: dict[str, Any] = {
        name: value for name, value in given.items() if name not in _OURS and not name.startswith("_tuning")
    }
    if "eval_metric" in parameters:
        parameters["eval_metric"] = str(parameters["eval_metric"]).split(",")
    return int(rounds), own, parameters


def read_channel(folder: Path, content_type: str, weighted: bool) -> xgboost.DMatrix:
    """All files of a channel as one matrix: the label in the first column of CSV, before the features of libsvm.

    `weighted`: the second column of CSV is the row's weight.

    Raises:
        UserError: there is no file, or one is not of the content type.
    """
    kind, _, setting = (part.strip() for part in content_type.lower().partition(";"))
    if kind not in _CSV + _LIBSVM:
        raise UserError(f"Channel {folder.name}: this stand-in reads csv and libsvm, not {content_type}.")
    if kind in _CSV and "label_size" in setting and not re.search(r"label_size\s*=\s*1(?!\d)", setting):
        raise UserError(f"Channel {folder.name}: label_size must be 1, unlike {content_type}.")
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_"))
    )
    if not files:
        raise UserError(f"Channel {folder.name}: no data file.")
    if kind in _CSV:
        rows = np.concatenate([_read_csv(path) for path in files])
        first = 2 if weighted else 1
        return xgboost.DMatrix(rows[:, first:], label=rows[:, 0], weight=rows[:, 1] if weighted else None)
    return _read_libsvm(files)


def _read_csv(path: Path) -> npt.NDArray[np.float32]:
    """Numbers separated by the delimiter of the first line; an empty cell is missing."""
    with path.open(encoding="utf-8", newline="") as file:
        first = file.readline()
        try:
            delimiter = csv.Sniffer().sniff(first).delimiter
        except csv.Error:
            delimiter = ","
        file.seek(0)
        rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    try:
        return np.array(
            [[float(cell) if cell.strip() else np.nan for cell in row] for row in rows], np.float32
        )
    except ValueError as error:
        raise UserError(
            f"File {path.name}: the rows must be numbers, the same number of them in each, without a header "
            f"({error})."
        ) from error


def _read_libsvm(files: Sequence[Path]) -> xgboost.DMatrix:
    """`label[:weight] index:value …` a line, indices as they are."""
    labels: list[float] = []
    weights: list[float] = []
    values: list[float] = []
    columns: list[int] = []
    starts = [0]
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            try:
                label, _, weight = words[0].partition(":")
                labels.append(float(label))
                weights.append(float(weight) if weight else 1.0)
                for word in words[1:]:
                    index, _, value = word.partition(":")
                    columns.append(int(index))
                    values.append(float(value))
            except ValueError as error:
                raise UserError(
                    f"File {path.name}, line {number}: not libsvm ({error}): {line[:50]!r}."
                ) from error
            starts.append(len(columns))
    if not labels:
        raise UserError(f"File {files[0].name}: no line.")
    shape = (len(labels), max(columns, default=0) + 1)
    matrix = scipy.sparse.csr_matrix((np.array(values, np.float32), columns, starts), shape=shape)
    return xgboost.DMatrix(matrix, label=labels, weight=weights)


def save(booster: xgboost.Booster, path: Path, image: str) -> None:
    """Save as the image `image` does, by the version in its tag; without one in xgboost's own format."""
    version = re.search(r":(\d+)\.(\d+)", image)
    if version and (int(version[1]), int(version[2])) < _OWN_FORMAT_SINCE:
        import pickle  # noqa: TID251 # what the old image writes, and evaluation scripts of its time read

        path.write_bytes(pickle.dumps(booster))
        return
    # Not save_model, which warns of a name without an ending.
    path.write_bytes(booster.save_raw(raw_format="ubj"))


if __name__ == "__main__":
    sys.exit(main())
