"""What the SDK sends along with jobs runs as it is in a sandbox: FrameworkProcessor's script, the repacking of a
model, functions that are steps."""

import importlib
import io
import json
import logging
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.pipeline.local.jobs.test_layer import wheel
from tests.pipeline.local.jobs.test_script_start import packed, script
from tests.pipeline.local.workbench import Workbench

# The SDK warns while it is imported and when it compiles.
pytestmark = pytest.mark.filterwarnings("ignore")

ROLE = "arn:aws:iam::123456789012:role/jobs"
NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "SAGEMAKER_VALIDATE_ROLE": "false",
}
BUCKET = "sdk-bundles"


@pytest.fixture
def sandbox(bench: Workbench) -> Workbench:
    """The bench, where the machine allows a sandbox: these scripts have /opt/ml written into them."""
    if bench.launcher.name != "sandbox":
        pytest.skip("this machine allows no sandbox")
    return bench


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The SDK's session for pipelines in a made-up account with BUCKET."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        from sagemaker.core.workflow.pipeline_context import PipelineSession

        aws = boto3.Session(region_name="us-east-1")
        aws.client("s3").create_bucket(Bucket=BUCKET)
        yield PipelineSession(boto_session=aws, default_bucket=BUCKET, sagemaker_config=NO_TELEMETRY)


def compile_step(session: Any, step: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The arguments of the one step of a pipeline, and what compiling uploaded, by key."""
    from sagemaker.mlops.workflow.pipeline import Pipeline

    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    definition = json.loads(Pipeline("bundles", steps=[step], sagemaker_session=session).definition())
    client = session.boto_session.client("s3")
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET)["Contents"]]
    objects = {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
    (compiled,) = definition["Steps"]
    return compiled["Arguments"], objects


def put(bench: Workbench, objects: Mapping[str, bytes]) -> None:
    """Let the local S3 have `objects`."""
    bench.aws.ensure_bucket(BUCKET)
    for key, content in objects.items():
        bench.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)


def framework_step(session: Any, source: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A FrameworkProcessor's step with the script and the package in `source`, as compile_step gives it."""
    from sagemaker.core.processing import FrameworkProcessor
    from sagemaker.mlops.workflow.steps import ProcessingStep

    package = wheel(source, "1")
    (source / "requirements.txt").write_text(f"./{package.name}\n")
    (source / "entry.py").write_text("import sys, tiny; print('tiny', tiny.VERSION, sys.argv[1:])")
    processor = FrameworkProcessor(
        image_uri="1.dkr/x:1",
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    run = processor.run(code="entry.py", source_dir=str(source), arguments=["--a", "b"])
    return compile_step(session, ProcessingStep("Frame", step_args=run))


def test_a_framework_processor_installs_its_requirements_and_runs(
    sandbox: Workbench, session: Any, tmp_path: Path
) -> None:
    request, objects = framework_step(session, tmp_path / "source")
    with_bench(sandbox, session, request, objects, "Processing")
    assert "tiny 1 ['--a', 'b']" in sandbox.lines


def test_a_function_that_is_a_step_runs(sandbox: Workbench, session: Any) -> None:
    from sagemaker.mlops.workflow.function_step import step

    def add_one(number: int) -> int:
        print("in the function", number)
        return number + 1

    # By value: the job cannot import this test.
    add_one.__module__ = "__main__"
    decorated = step(name="Fun", role=ROLE, image_uri="1.dkr/x:1", instance_type="ml.m5.large")(add_one)
    request, objects = compile_step(session, decorated(3))
    arguments = json.dumps(request).replace('{"Get": "Execution.PipelineExecutionId"}', '"an-execution"')
    request = json.loads(arguments)
    request["OutputDataConfig"]["S3OutputPath"] = sandbox.uri("results")
    with_bench(sandbox, session, request, objects, "Training")
    assert "in the function 3" in sandbox.lines


def with_bench(
    bench: Workbench, session: Any, request: dict[str, Any], objects: Mapping[str, bytes], type: str
) -> None:
    """Run the request with what compiling uploaded; the mocked account must not answer for the local S3."""
    put(bench, objects)
    bench.run(type, request)


def repacking(module: str) -> dict[str, str]:
    """The files that the SDK sends to repack a model."""
    text = Path(str(importlib.import_module(module).__file__)).with_name("_repack_model.py").read_text()
    launcher = importlib.import_module(module).LAUNCH_REPACK_SCRIPT_CMD
    return {"_repack_model.py": text, "_repack_script_launcher.sh": launcher, "inference.py": "answer = 42"}


def test_a_model_is_repacked_with_its_inference_script(sandbox: Workbench) -> None:
    files = repacking("sagemaker.mlops.workflow._utils")
    model = sandbox.put("model", {"model.tar.gz": packed({"weights": "w"})})
    request = script(
        sandbox,
        files,
        "_repack_script_launcher.sh",
        inference_script='"inference.py"',
        model_archive=json.dumps(f"{model}model.tar.gz"),
        dependencies="null",
        source_dir="null",
    )
    channel = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{model}model.tar.gz"}}}
    request["InputDataConfig"] = [{"ChannelName": "training", **channel}]
    outcome = sandbox.run("Training", request)
    content = sandbox.get(outcome.properties["ModelArtifacts"]["S3ModelArtifacts"])
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert {name for name in tar.getnames() if "." in name or name == "weights"} == {
            "weights",
            "code/inference.py",
        }


def test_an_archive_whose_names_begin_with_a_slash_is_unpacked(sandbox: Workbench, tmp_path: Path) -> None:
    """As SDK 2 packs the code for repacking: tar.add(folder, arcname="/")."""
    (tmp_path / "train.py").write_text("print('from the root')")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.add(tmp_path, arcname="/")
    request = script(sandbox, {"train.py": ""})
    sandbox.put("code", {"sourcedir.tar.gz": content.getvalue()})
    sandbox.run("Training", request)
    assert "from the root" in sandbox.lines
