import json
from pathlib import Path

import pytest

from job_config import EvaluationOutput, read_job_config
from job_failure import JobError


def config(tmp_path: Path, uri: str, name: str = "evaluation") -> Path:
    outputs = [
        {"OutputName": "other", "S3Output": {"S3Uri": "s3://bucket/other", "LocalPath": "/x"}},
        {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": "/y"}},
    ]
    path = tmp_path / "processingjobconfig.json"
    path.write_text(json.dumps({"ProcessingJobName": "j", "ProcessingOutputConfig": {"Outputs": outputs}}))
    return path


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/fashion/executions/abc-1/evaluation",
        "s3://bucket/executions/x/executions/abc-1/evaluation/",
    ],
)
def test_the_execution_is_the_path_element_after_executions(tmp_path: Path, uri: str) -> None:
    assert read_job_config(config(tmp_path, uri)) == EvaluationOutput(uri.rstrip("/"), "abc-1")


@pytest.mark.parametrize(
    "uri", ["s3://bucket/fashion/evaluation", "s3://bucket/executions/", "/tmp/executions/a/b"]
)
def test_an_output_without_an_execution_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(JobError, match=f"executions/<execution id>.*, not to '{uri}'"):
        read_job_config(config(tmp_path, uri))


def test_an_output_of_another_name_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="has no output named 'evaluation'"):
        read_job_config(config(tmp_path, "s3://bucket/executions/a/evaluation", name="report"))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"ProcessingOutputConfig": null}'])
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(JobError, match=r"config\.json has no output"):
        read_job_config(path)


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"Could not read the job configuration .*absent\.json"):
        read_job_config(tmp_path / "absent.json")
