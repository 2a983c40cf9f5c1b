"""The stand-in for SageMaker's built-in XGBoost: its inputs, its hyperparameters and its model's form."""

import json
import pickle  # noqa: TID251 # what the old image writes
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.local.jobs.programs import Programs
from tests.pipeline.local.workbench import Workbench

pytest.importorskip(
    "xgboost",
    reason="xgboost-cpu is locked for Linux only: elsewhere nothing tests this stand-in",
    exc_type=ImportError,
)
from pipeline.local.jobs.stand_ins.xgboost_training import UserError, main, read_channel, read_hyperparameters

ROUNDS = {"num_round": "5", "max_depth": "3", "objective": "reg:squarederror"}


def rows(count: int = 60) -> list[tuple[float, float, float]]:
    """Label and two features; the label is the first feature's double, nearly."""
    draw = random.Random(1)
    features = [(draw.random(), draw.random()) for _ in range(count)]
    return [(2 * a + draw.random() / 100, a, b) for a, b in features]


def job(
    folder: Path, files: Mapping[str, str], content_type: str, hyperparameters: Mapping[str, str] = ROUNDS
) -> list[str]:
    """The arguments of a job whose channels have the `files` (by channel and name), below `folder`."""
    channels = {}
    for name, text in files.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        channels[path.parent.name] = {"ContentType": content_type}
    config = folder / "config"
    config.mkdir(exist_ok=True)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    places = {
        "config": config,
        "data": folder / "data",
        "model-dir": folder / "model",
        "failure": folder / "failure",
    }
    return [word for name, path in places.items() for word in (f"--{name}", str(path))]


def as_csv(separator: str = ",") -> str:
    return "".join(f"{separator.join(map(str, row))}\n" for row in rows())


def as_libsvm() -> str:
    return "".join(f"{label} 0:{a} 1:{b}\n" for label, a, b in rows())


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        (as_csv(), "text/csv"),
        (as_csv(), "text/csv; label_size=1"),
        (as_csv(";"), "csv"),
        (as_libsvm(), "libsvm"),
        (as_libsvm(), "text/x-libsvm"),
    ],
)
def test_it_learns_from_each_form(tmp_path: Path, text: str, content_type: str) -> None:
    import xgboost

    files = {"train/a": text, "validation/a": text}
    assert main([*job(tmp_path, files, content_type), "--image", "1.dkr/sagemaker-xgboost:1.7-1"], {}) == 0
    booster = xgboost.Booster()
    booster.load_model(bytearray((tmp_path / "model" / "xgboost-model").read_bytes()))
    data = read_channel(tmp_path / "data" / "train", content_type, weighted=False)
    errors = booster.predict(data) - data.get_label()
    assert data.num_row() == 60
    assert float((errors**2).mean()) < float(data.get_label().var()) / 2


def test_the_old_images_model_is_a_pickle_as_scripts_of_its_time_read_it(tmp_path: Path) -> None:
    words = job(tmp_path, {"train/a.csv": as_csv()}, "text/csv")
    assert main([*words, "--image", "1.dkr/sagemaker-xgboost:1.0-1-cpu-py3"], {}) == 0
    booster = pickle.loads((tmp_path / "model" / "xgboost-model").read_bytes())
    assert booster.num_boosted_rounds() == 5


def test_weights_stand_in_the_second_column(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "a.csv").write_text("1,0.5,7\n2,1.5,\n")
    matrix = read_channel(folder, "text/csv", weighted=True)
    assert matrix.get_label().tolist() == [1, 2]
    assert matrix.get_weight().tolist() == [0.5, 1.5]
    assert (matrix.num_row(), matrix.num_col(), matrix.num_nonmissing()) == (2, 1, 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "num_round must be a whole number from 1 up, not nothing"),
        ({"num_round": "0"}, "not 0"),
        ({"num_round": "5", "_kfold": "3"}, "cross-validation is not done"),
    ],
)
def test_a_hyperparameter_that_is_not_taken_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_hyperparameters(given)


@pytest.mark.parametrize(
    ("files", "content_type", "message"),
    [
        ({"test/a": "1,2\n"}, "csv", "There is no channel named train, only: test."),
        (
            {"train/a.csv": "label,x\n1,2\n"},
            "csv",
            "File a.csv: the rows must be numbers, the same number of them in each",
        ),
        (
            {"train/a.csv": "1,2\n1\n"},
            "csv",
            "File a.csv: the rows must be numbers, the same number of them in each",
        ),
        ({"train/a": "1 x:y\n"}, "libsvm", "File a, line 1: not libsvm"),
        ({"train/a": ""}, "libsvm", "File a: no line."),
        ({"train/a": "1,2\n"}, "application/x-parquet", "Channel train: this stand-in reads csv and libsvm"),
        ({"train/a": "1,2\n"}, "csv; label_size=2", "Channel train: label_size must be 1"),
    ],
)
def test_what_is_wrong_with_the_data_is_the_failure_reason(
    tmp_path: Path, files: dict[str, str], content_type: str, message: str
) -> None:
    assert main(job(tmp_path, files, content_type), {}) == 1
    assert message in (tmp_path / "failure").read_text()


def test_what_xgboost_refuses_is_the_failure_reason(tmp_path: Path) -> None:
    words = job(tmp_path, {"train/a": as_csv()}, "csv", ROUNDS | {"objective": "no:such"})
    assert main(words, {}) == 1
    assert "XGBoost refused the training" in (tmp_path / "failure").read_text()


def test_it_runs_in_the_images_place(either: Workbench) -> None:
    request = either.training("", hyperparameters=ROUNDS)
    data = either.put("rows", {"train.csv": as_csv()})
    channel = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data}}}
    request["InputDataConfig"] = [{"ChannelName": "train", "ContentType": "text/csv", **channel}]
    request["AlgorithmSpecification"] = {
        "TrainingImage": "1.dkr/sagemaker-xgboost:1.7-1",
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "train:rmse", "Regex": r"train-rmse:(\S+)"}],
    }
    either.run_programs(Programs(has_xgboost=True))
    outcome = either.run("Training", request)
    assert outcome.properties["ModelArtifacts"]["S3ModelArtifacts"].endswith("/model.tar.gz")
    (metric,) = outcome.properties["FinalMetricDataList"]
    assert 0 < metric["Value"] < 0.5
