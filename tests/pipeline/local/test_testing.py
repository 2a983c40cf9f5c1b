"""What other projects' tests call: a definition runs, and what it left can be looked at."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import FashionError, UsageError
from pipeline.local.testing import LocalPipeline, local_pipeline, run_definition

ROLE = "arn:aws:iam::123456789012:role/jobs"
WORK = "cp /opt/ml/processing/in/* /opt/ml/processing/out/ && echo $0 > /opt/ml/processing/out/word"
MODEL = "echo weights > /opt/ml/model/weights; mkdir -p /opt/ml/output/data; echo 1 > /opt/ml/output/data/log"
BUCKET = "s3://a-bucket"


def copy_step(name: str, source: Any, *, word: Any = "w", command: str = WORK, cached: bool = True) -> Any:
    """A Processing step that copies its input and writes the word to its output `out`."""
    uri = {"Std:Join": {"On": "/", "Values": [BUCKET, {"Get": "Execution.PipelineExecutionId"}, name]}}
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": "an-image",
                "ContainerEntrypoint": ["sh", "-c", command],
                "ContainerArguments": [word],
            },
            "ProcessingInputs": [
                {
                    "InputName": "in",
                    "S3Input": {
                        "S3Uri": source,
                        "LocalPath": "/opt/ml/processing/in",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "out",
                        "S3Output": {
                            "S3Uri": uri,
                            "LocalPath": "/opt/ml/processing/out",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
            "RoleArn": ROLE,
        },
        **({"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}} if cached else {}),
    }


def training_step(name: str) -> Any:
    return {
        "Name": name,
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": "an-image",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["sh", "-c", MODEL],
            },
            "OutputDataConfig": {"S3OutputPath": f"{BUCKET}/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "RoleArn": ROLE,
        },
    }


def output_of(step: str) -> Any:
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}


def definition(*steps: Any, **defaults: str) -> dict[str, Any]:
    parameters = [{"Name": name, "Type": "String", "DefaultValue": value} for name, value in defaults.items()]
    return {"Version": "2020-12-01", "Parameters": parameters, "Steps": list(steps)}


TWO = definition(
    copy_step("First", f"{BUCKET}/raw/", word={"Get": "Parameters.Word"}),
    copy_step("Second", output_of("First")),
    Word="hello",
)
RAW = {f"{BUCKET}/raw/a.txt": b"a"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPipeline]:
    with local_pipeline(tmp_path_factory.mktemp("state") / "state") as pipeline:
        yield pipeline


def test_a_definition_runs_by_one_call_and_leaves_the_surroundings_as_they_were(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    before = dict(os.environ)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text("a")
    result = run_definition(
        json.dumps(TWO), parameters={"Word": "bye"}, uploads={f"{BUCKET}/raw/": tmp_path / "raw"}
    )
    assert result.check().statuses == {"First": "Succeeded", "Second": "Succeeded"}
    files = result.files("Second", "out")
    assert {name: path.read_text() for name, path in files.items()} == {"a.txt": "a", "word": "w\n"}
    assert result.files("First", "out")["word"].read_text() == "bye\n"
    uri = f"{BUCKET}/{result.record.execution_id}/First/word"
    assert (uri in result.uris(BUCKET), result.read(uri)) == (True, b"bye\n")
    assert result.properties("First")["ProcessingJobStatus"] == "Completed"
    assert "processing job" in result.log("First")
    assert dict(os.environ) == before
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_a_temporary_state_goes_with_the_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = run_definition(definition(copy_step("First", f"{BUCKET}/raw/")), uploads=RAW)
    path = result.files("First", "out")["word"]
    assert path.exists()
    assert list(tmp_path.glob("definition-*"))
    del result
    assert not path.exists()
    assert not list(tmp_path.glob("definition-*"))
    with pytest.raises(UsageError, match="a-bucket/raw"):
        run_definition(definition(copy_step("First", f"{BUCKET}/raw/")))
    assert not list(tmp_path.glob("definition-*"))


def test_a_file_of_a_result_is_a_copy(shared: LocalPipeline) -> None:
    result = shared.run(definition(copy_step("Copied", f"{BUCKET}/raw/")), uploads=RAW)
    path = result.files("Copied", "out")["a.txt"]
    path.write_text("spoiled")
    assert result.files("Copied", "out")["a.txt"].read_text() == "a"


def test_a_model_is_unpacked(shared: LocalPipeline) -> None:
    result = shared.run(definition(training_step("Train"))).check()
    assert result.files("Train", "model")["weights"].read_text() == "weights\n"
    assert result.files("Train", "data")["log"].read_text() == "1\n"
    archive = result.read(result.properties("Train")["ModelArtifacts"]["S3ModelArtifacts"])
    with tarfile.open(fileobj=BytesIO(archive)) as packed:
        assert packed.getnames() == ["weights"]


def test_a_failure_is_a_result_whose_check_says_why(shared: LocalPipeline) -> None:
    step = copy_step("Broken", f"{BUCKET}/raw/", command="echo no such thing; exit 3")
    result = shared.run(definition(step), uploads=RAW)
    assert (result.status, result.statuses) == ("Failed", {"Broken": "Failed"})
    with pytest.raises(FashionError, match=r"(?s)Broken failed: .*exit status 3.*no such thing"):
        result.check()
    with pytest.raises(UsageError, match=r"Broken .*Failed.* has no output 'out'"):
        result.files("Broken", "out")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"parameters": {"Wrod": "x"}}, "Did you mean 'Word'|Did you mean Word"),
        ({"uploads": {"http://x/y": b""}}, "s3://bucket/key"),
        ({"uploads": {f"{BUCKET}/raw/": b""}}, "key of an object"),
        ({"uploads": {"s3://A_B/raw": b""}}, "bucket"),
        ({"uploads": {f"{BUCKET}/raw": "/no/such/file"}}, "/no/such/file"),
    ],
)
def test_a_mistake_is_an_exception_with_the_engines_message(
    shared: LocalPipeline, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        shared.run(TWO, **wrong)


def test_a_wrong_definition_is_refused(shared: LocalPipeline) -> None:
    with pytest.raises(UsageError, match="Steps"):
        shared.run("{}")
    with pytest.raises(UsageError, match=r"no step 'Thrid'.*First, Second"):
        shared.run(TWO, uploads=RAW).log("Thrid")


def test_a_step_says_why_it_ran(shared: LocalPipeline) -> None:
    def run(word: str, **options: Any) -> Any:
        return shared.run(TWO, parameters={"Word": word}, uploads=RAW, pipeline_name="why", **options)

    first = run("one")
    assert first.explain("First").reason == "no earlier success"
    again = run("one")
    assert again.explain("First").text == (
        f"First was reused from execution {first.record.execution_id}: everything that decides its result is "
        "the same."
    )
    # As on SageMaker that decides nothing, which is said.
    other = shared.run(
        TWO, parameters={"Word": "one"}, uploads={f"{BUCKET}/raw/a.txt": b"other"}, pipeline_name="why"
    )
    assert other.explain("First").text == (
        f"{again.explain('First').text}\nWhat lies at {BUCKET}/raw/ is not what that execution read. As on "
        "SageMaker, the cache compares addresses alone: to have it read, use another address, or --no-cache."
    )
    assert "\n" not in other.explain("Second").text
    changed = run("two")
    told = changed.explain("First")
    assert (told.reason, told.compared_with) == ("changed", other.record.execution_id)
    assert [str(each) for each in told.changes] == [
        'AppSpecification.ContainerArguments[0]: "one" → "two"  (from the parameter Word)'
    ]
    (change,) = changed.explain("Second").changes
    assert (change.member, change.step) == ("ProcessingInputs[in].S3Input.S3Uri", "First")
    assert (change.before, change.after) == tuple(
        f"{BUCKET}/{each.record.execution_id}/First" for each in (first, changed)
    )
    assert f"explain {changed.record.execution_id} First" in str(change.origin)
    forced = run("two", use_cache=False)
    assert forced.explain("First").reason == "no cache wanted"
    assert "Nothing that decides its result has changed" in forced.explain("First").text


def test_a_step_says_that_its_cacheconfig_is_off_or_that_its_output_changed(shared: LocalPipeline) -> None:
    step = copy_step("First", f"{BUCKET}/raw/", cached=False)
    result = shared.run(definition(step), uploads=RAW, pipeline_name="off")
    assert "CacheConfig is missing or off" in result.explain("First").text
    step = copy_step("First", f"{BUCKET}/raw/")
    kept = shared.run(definition(step), uploads=RAW, pipeline_name="off")
    uri = kept.uris(f"{BUCKET}/{result.record.execution_id}")[0]
    assert kept.explain("First").reason == "reused"
    key = uri.removeprefix(f"{BUCKET}/")
    shared.boto_session.client("s3").delete_object(Bucket="a-bucket", Key=key)
    told = shared.run(definition(step), uploads=RAW, pipeline_name="off").explain("First")
    assert told.reason == "changed on disk"
    assert uri in told.text


def test_a_value_comes_from_another_steps_retry_or_from_the_executions_own_id(
    shared: LocalPipeline,
) -> None:
    """The job is killed once: its second attempt is a job with another name, and so with another artifact."""
    once = training_step("Train")
    die_once = (
        "import boto3, os; s3 = boto3.client('s3'); "
        "there = s3.list_objects_v2(Bucket='a-bucket', Prefix='flag')['KeyCount']; "
        "s3.put_object(Bucket='a-bucket', Key='flag', Body=b''); there or os.kill(os.getpid(), 9)"
    )
    once["Arguments"]["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", die_once]
    once["RetryPolicies"] = [
        {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 2}
    ]
    model = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    both = definition(
        once,
        copy_step("Use", model, word={"Get": "Execution.PipelineExecutionId"}),
    )
    shared.upload(RAW)
    first = shared.run(both, pipeline_name="retry").check()
    assert first.step("Train").attempts == 2
    shared.boto_session.client("s3").delete_object(Bucket="a-bucket", Key="flag")
    second = shared.run(both, pipeline_name="retry").check()
    told = {change.member: change for change in second.explain("Use").changes}
    assert "which ran, in attempt 2" in str(told["ProcessingInputs[in].S3Input.S3Uri"].origin)
    assert "PipelineExecutionId" in str(told["AppSpecification.ContainerArguments[0]"].origin)
    assert "can never be reused" in str(told["AppSpecification.ContainerArguments[0]"].origin)


def test_a_child_of_a_for_each_is_explained_like_any_step(shared: LocalPipeline) -> None:
    each = copy_step("Each", f"{BUCKET}/raw/", word={"Get": "Parameters.Word"})
    loop = {
        "Name": "Loop",
        "Type": "ForEach",
        "Arguments": {"IterableItems": ["x", "y"], "MaxConcurrency": 2, "ForEachBody": [each]},
    }
    each["Arguments"]["Environment"] = {"ITEM": {"Get": "ForEach.CurrentItem"}}
    text = definition(loop, Word="one")
    shared.run(text, uploads=RAW, pipeline_name="loop").check()
    again = shared.run(text, uploads=RAW, pipeline_name="loop").check()
    assert again.explain("Each-1").reason == "reused"
    other = shared.run(text, uploads=RAW, parameters={"Word": "two"}, pipeline_name="loop").check()
    assert [str(change) for change in other.explain("Each-1").changes] == [
        'AppSpecification.ContainerArguments[0]: "one" → "two"  (from the parameter Word)'
    ]
    assert other.explain("Loop").reason == "never reused"
