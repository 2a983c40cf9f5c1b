"""The command `batch`, with a real model in a real transform job, here and in an account on stand-ins."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.main import main
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.e2e.command import check_refusal, run
from tests.pipeline.inference.batch.test_images import NAMES
from tests.pipeline.inference.predicting.tiny_model import CLASSES, IMAGE, save_model, write_artifact
from tests.pipeline.targets.aws.cloud.account import BUCKET, NAME, Cloud, role_arn

pytestmark = pytest.mark.usefixtures("forked_jobs")

LABELS = {
    "b.png": 7,
    "deep/a.JPG": 2,
    **{f"x-images-idx3-ubyte.gz#{row}": label for row, label in enumerate((0, 4, 9))},
}


@pytest.fixture
def home(registered_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(registered_home, tmp_path / "home"))


def check_predictions(out: Path, version: int) -> None:
    found = [json.loads(line) for line in (out / "predictions-00000.jsonl").read_text().splitlines()]
    assert [each["image"] for each in found] == [name for name in NAMES if name != "broken.png"]
    for each in found:
        label = LABELS[each["image"]]
        assert (each["class_id"], each["class_name"]) == (label, CLASSES[label])
        assert each["probabilities"][label] == max(each["probabilities"])
        assert len(each["probabilities"]) == len(CLASSES)
        assert each["model_version"] == version
    (rejected,) = (out / "rejected-00000.jsonl").read_text().splitlines()
    assert json.loads(rejected)["image"] == "broken.png"
    assert "truncated or damaged" in json.loads(rejected)["reason"]


def test_a_folder_is_scored_and_a_second_time_nothing_is_done(
    home: Path, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = run(home, "batch", folder, out, "--plain")
    assert first.status == 0, first.said
    assert first.out == f"5 images scored → {out}; 1 could not be read: see {out}/rejected-*.jsonl.\n"
    assert "Model: version 1 of fashion-mnist, Approved." in first.err
    check_predictions(out, 1)
    with Store(Home.open(home)) as store:
        objects = Objects(Home.open(home), store)
        assert objects.under(f"s3://{NAME}-{LocalAws.ACCOUNT}-{LocalAws.REGION}/{NAME}/batch/") == []
    again = run(home, "batch", folder, out, "--plain")
    assert (again.status, again.out) == (0, f"0 images scored → {out}. 6 were finished before.\n")
    alone = [run(home, "batch", folder / "broken.png", tmp_path / "alone", "--plain") for _ in range(2)]
    assert [each.status for each in alone] == [1, 1], alone[0].said


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("gone", "out"), 2, "Could not read gone"),
        (("", "out"), 2, "INPUT is empty"),
        (("empty", "out"), 2, "There is no image in empty"),
        (("s3://bucket/nothing", "out"), 2, "There is no image in s3://bucket/nothing"),
        (("images", ""), 2, "it is empty; name a folder"),
        (("images", "s3://bucket/out"), 2, "s3://bucket/out is an address; name a folder of this machine"),
        (("images", "images"), 2, "it holds something else"),
        (("images", "images/b.png"), 2, "Could not write predictions to images/b.png"),
        (("images", "out", "--model", "99"), 2, "has no version 99"),
        (("images", "out", "--instances", "2"), 2, "--instances goes with --target sagemaker"),
    ],
)
def test_what_cannot_be_scored_is_said_and_nothing_starts(
    words: tuple[str, ...],
    status: int,
    said: str,
    home: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASHION_HOME", str(home))
    try:
        found = main(["batch", *words])
    except SystemExit as error:
        found = int(str(error.code))
    assert (found, said in capsys.readouterr().err) == (status, True)
    assert not any((tmp_path / "out").glob("*"))


def test_the_account_scores_the_same(cloud: Cloud, folder: Path, tmp_path: Path) -> None:
    cloud.outputs["EndpointRoleArn"] = role_arn("endpoint")
    cloud.prices["ml.c5.xlarge", "Hosting"] = 0.25
    model = tmp_path / "model"
    save_model(model / "1")
    write_artifact(model, tmp_path / "model.tar.gz")
    cloud.client("s3").upload_file(str(tmp_path / "model.tar.gz"), BUCKET, "bands/model.tar.gz")
    package: dict[str, Any] = cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName=NAME,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/bands/model.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )
    version = int(package["ModelPackageArn"].rpartition("/")[2])

    def batch(*words: str) -> Any:
        return run(
            tmp_path / "home", "batch", folder, tmp_path / "out", "--target", "sagemaker", "--plain", *words,
            **cloud.environment,
        )  # fmt: skip

    refused = batch()
    check_refusal(refused, 2, "no terminal to ask at", "Nothing was changed", "--yes")
    assert "at 0.25 USD an hour by AWS's price list" in refused.err
    assert "StartPipelineExecution" not in cloud.asked
    done = batch("--yes")
    assert done.status == 0, done.said
    check_predictions(tmp_path / "out", version)
    assert "CreatePipeline" in cloud.asked
    started = cloud.asked.count("StartPipelineExecution")
    shutil.rmtree(tmp_path / "out")
    followed = batch("--yes")
    assert followed.status == 0, followed.said
    assert "is followed" in followed.err
    assert cloud.asked.count("StartPipelineExecution") == started == 1
    check_predictions(tmp_path / "out", version)
