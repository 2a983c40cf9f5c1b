from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from pipeline.errors import AwsError, StateError
from pipeline.local.state.state_dir import Home
from pipeline.targets.aws.listed_steps import read_graph
from pipeline.targets.aws.records import AwsExecution, make_execution
from pipeline.targets.aws.results import download, fetch_outcome, report_file, results_folder
from tests.pipeline.targets.aws.answers import DEFINITION, EARLIER, described, job_arn, step
from tests.pipeline.targets.aws.stubbed import NOW, Stubbed

URI = "s3://fashion-mnist-bucket/fashion-mnist/executions/abc123def456/evaluation"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


def execution(*steps: dict[str, Any]) -> AwsExecution:
    return make_execution(described("Succeeded"), steps, [], read_graph(DEFINITION))


def says_where(stubbed: Stubbed) -> None:
    output = {
        "OutputName": "evaluation",
        "S3Output": {"S3Uri": f"{URI}/", "LocalPath": "/opt/ml/x", "S3UploadMode": "EndOfJob"},
    }
    cluster = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
    answer = {
        "ProcessingJobName": "job",
        "ProcessingJobArn": job_arn("processing", "Evaluate"),
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": "image"},
        "ProcessingJobStatus": "Completed",
        "CreationTime": NOW,
        "ProcessingOutputConfig": {"Outputs": [output]},
    }
    name = job_arn("processing", "Evaluate").rpartition("/")[2]
    stubbed.on("sagemaker", "describe_processing_job", answer, ProcessingJobName=name)


def holds(stubbed: Stubbed, name: str, content: bytes) -> None:
    body = StreamingBody(io.BytesIO(content), len(content))
    bucket, _, prefix = URI.removeprefix("s3://").partition("/")
    stubbed.on("s3", "get_object", {"Body": body}, Bucket=bucket, Key=f"{prefix}/{name}")


def lacks(stubbed: Stubbed) -> None:
    stubbed.fails("s3", "get_object", "NoSuchKey", status=404)


def test_what_the_evaluation_wrote_is_downloaded(
    stubbed: Stubbed, home: Home, make_evaluation: Callable[..., Any], make_registration: Callable[..., Any]
) -> None:
    says_where(stubbed)
    holds(stubbed, "evaluation.json", json.dumps(make_evaluation()).encode())
    holds(stubbed, "registration.json", json.dumps(make_registration()).encode())
    lacks(stubbed)  # model-card.json
    holds(stubbed, "predictions.npz", b"npz")
    lacks(stubbed)  # gallery.npz
    outcome = fetch_outcome(stubbed.account(), home, execution(step("Evaluate")), predictions=True)
    assert outcome.evaluation == make_evaluation()
    assert outcome.registration == make_registration()
    assert outcome.predictions == results_folder(home, "abc123def456") / "predictions.npz"
    assert outcome.predictions.read_bytes() == b"npz"
    assert (outcome.gallery, outcome.model_card, outcome.report) == (None, None, None)
    assert not list(results_folder(home, "abc123def456").glob(".*"))


def test_a_reused_evaluation_registers_nothing_anew(
    stubbed: Stubbed, home: Home, make_evaluation: Callable[..., Any], make_registration: Callable[..., Any]
) -> None:
    says_where(stubbed)
    holds(stubbed, "evaluation.json", json.dumps(make_evaluation()).encode())
    holds(stubbed, "registration.json", json.dumps(make_registration()).encode())
    lacks(stubbed)
    reused = step("Evaluate", CacheHitResult={"SourcePipelineExecutionArn": EARLIER})
    outcome = fetch_outcome(stubbed.account(), home, execution(reused), predictions=False)
    assert outcome.registration is not None
    assert "by execution earlier00000" in outcome.registration["reason"]


def test_a_reused_evaluation_that_names_no_job_is_found_where_it_ran(
    stubbed: Stubbed, home: Home, make_evaluation: Callable[..., Any]
) -> None:
    listed = {"PipelineExecutionSteps": [step("NormalizeData"), step("Evaluate")]}
    stubbed.on("sagemaker", "list_pipeline_execution_steps", listed, PipelineExecutionArn=EARLIER)
    says_where(stubbed)
    holds(stubbed, "evaluation.json", json.dumps(make_evaluation()).encode())
    lacks(stubbed)
    lacks(stubbed)
    reused = step("Evaluate", CacheHitResult={"SourcePipelineExecutionArn": EARLIER}, Metadata={})
    outcome = fetch_outcome(stubbed.account(), home, execution(reused), predictions=False)
    assert outcome.evaluation == make_evaluation()


@pytest.mark.parametrize("steps", [(), (step("Evaluate", "Failed"),), (step("Evaluate", "Executing"),)])
def test_without_an_evaluation_nothing_is_asked_for(
    stubbed: Stubbed, home: Home, steps: tuple[dict[str, Any], ...]
) -> None:
    outcome = fetch_outcome(stubbed.account(), home, execution(*steps), predictions=True)
    assert outcome.evaluation is None


def test_results_that_may_not_be_read_are_told(stubbed: Stubbed, home: Home) -> None:
    says_where(stubbed)
    stubbed.fails("s3", "get_object", "AccessDenied", status=403)
    with pytest.raises(AwsError, match="Reading the results of execution abc123def456"):
        fetch_outcome(stubbed.account(), home, execution(step("Evaluate")), predictions=False)


def test_a_disk_that_takes_nothing_is_told(stubbed: Stubbed, tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("mine")
    with pytest.raises(StateError, match="FASHION_HOME"):
        download(stubbed.client("s3"), URI, ("evaluation.json",), occupied)


class Breaking(io.BytesIO):
    """A connection that is cut in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(3)
        if not content:
            raise ClientError({"Error": {"Code": "RequestTimeout", "Message": "cut"}}, "GetObject")
        return content


def test_a_download_that_is_cut_off_leaves_no_file(stubbed: Stubbed, tmp_path: Path) -> None:
    body = StreamingBody(Breaking(b"abc"), 6)
    stubbed.on("s3", "get_object", {"Body": body})
    with pytest.raises(ClientError):
        download(stubbed.client("s3"), URI, ("evaluation.json",), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_found_where_it_was_built_and_nowhere_else(home: Home) -> None:
    folder = results_folder(home, "abc123def456")
    folder.mkdir(parents=True)
    (folder / "report.html").touch()
    assert report_file(home, "abc123def456") == folder / "report.html"
    assert report_file(home, "another") is None
    assert report_file(home, "../abc123def456") is None
