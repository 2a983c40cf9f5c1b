"""The server behind Transform steps: which SavedModel of an artifact it serves, and a transform job with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import StepFailed, UsageError
from pipeline.inference.serving.batch_server import find_saved_model, main
from pipeline.local.jobs.archive import pack_folder
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.inference.predicting.tiny_model import bright_rows, expected_probabilities, save_model
from tests.pipeline.local.workbench import Workbench

pytestmark = pytest.mark.usefixtures("forked_jobs")

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20.0-cpu"


@pytest.fixture
def own_bench(tmp_path: Path) -> Iterator[Workbench]:
    home = Home.open(tmp_path / "home")
    with Store(home) as store, LocalAws(home, store) as aws, Reaper(grace=0.3) as reaper:
        yield Workbench(home, aws, reaper)


def with_models(folder: Path, *places: str) -> Path:
    for place in places:
        (folder / place).mkdir(parents=True)
        (folder / place / "saved_model.pb").touch()
    return folder


@pytest.mark.parametrize(
    ("places", "named", "found"),
    [
        (["1"], None, "1"),
        (["export/Servo/9", "export/Servo/10"], None, "export/Servo/10"),
        (["a/1", "b/2"], "b", "b/2"),
        (["a/1", "code/lib"], None, "a/1"),
    ],
)
def test_the_newest_version_is_found(
    tmp_path: Path, places: list[str], named: str | None, found: str
) -> None:
    assert find_saved_model(with_models(tmp_path, *places), named) == tmp_path / found


@pytest.mark.parametrize(
    ("places", "named", "said"),
    [([], None, "Found: none"), (["x"], None, "none"), (["a/1", "b/2"], None, "a/1, b/2")],
)
def test_none_and_several_are_refused(
    tmp_path: Path, places: list[str], named: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=f"must have one SavedModel.*{said}"):
        find_saved_model(with_models(tmp_path, *places), named)


def test_what_is_wrong_is_said_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--model-dir", str(tmp_path), "--port", "1"], {}) == 1
    assert capsys.readouterr().err.startswith("The model's archive must have one SavedModel")


def test_a_transform_job_asks_a_saved_model(own_bench: Workbench, tmp_path: Path) -> None:
    bench = own_bench
    model = tmp_path / "model"
    save_model(model / "1")
    pack_folder(model, tmp_path / "model.tar.gz")
    archive = (tmp_path / "model.tar.gz").read_bytes()
    uri = bench.put("model", {"model.tar.gz": archive}) + "model.tar.gz"
    bench.models["bands"] = [{"Image": IMAGE, "ModelDataUrl": uri}]
    images = np.stack([bright_rows(label) for label in (3, 8)])
    lines = "".join(
        json.dumps({"id": number, "request": {"instances": [image.tolist()]}}) + "\n"
        for number, image in enumerate(images)
    )
    kind = "application/jsonlines"
    source = {"S3DataType": "S3Prefix", "S3Uri": bench.put("in", {"two.jsonl": lines})}
    request = {
        "ModelName": "bands",
        "BatchStrategy": "SingleRecord",
        "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": kind, "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": bench.uri("out"), "AssembleWith": "Line", "Accept": kind},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        "DataProcessing": {
            "InputFilter": "$.request",
            "JoinSource": "Input",
            "OutputFilter": "$['id','SageMakerOutput']",
        },
    }
    bench.run("Transform", request)
    answers = [json.loads(line) for line in bench.get(bench.uri("out", "two.jsonl.out")).splitlines()]
    assert [answer["id"] for answer in answers] == [0, 1]
    predictions = [answer["SageMakerOutput"]["predictions"][0] for answer in answers]
    assert [each["class_id"] for each in predictions] == [3, 8]
    found = np.array([each["probabilities"] for each in predictions])
    assert np.abs(found - expected_probabilities(images)).max() < 1e-5
    assert any("with this project's server for SavedModels" in line for line in bench.lines)


def test_a_model_with_code_of_its_own_needs_a_stand_in(own_bench: Workbench, tmp_path: Path) -> None:
    bench = own_bench
    with_models(tmp_path / "model", "1", "code")
    (tmp_path / "model" / "code" / "inference.py").touch()
    pack_folder(tmp_path / "model", tmp_path / "model.tar.gz")
    uri = bench.put("model", {"model.tar.gz": (tmp_path / "model.tar.gz").read_bytes()}) + "model.tar.gz"
    bench.models["own"] = [{"Image": IMAGE, "ModelDataUrl": uri}]
    source = {"S3DataType": "S3Prefix", "S3Uri": bench.put("in", {"a": "1"})}
    request = {
        "ModelName": "own",
        "TransformInput": {"DataSource": {"S3DataSource": source}},
        "TransformOutput": {"S3OutputPath": bench.uri("out")},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    }
    with pytest.raises(StepFailed, match=r"brings a code/inference.py of its own.*--stand-in STEP=COMMAND"):
        bench.run("Transform", request)
