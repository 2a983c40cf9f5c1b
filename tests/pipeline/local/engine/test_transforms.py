"""Transform steps through whole executions: their models, what is refused ahead, reuse and resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DefinitionError, UsageError
from pipeline.local.engine.start import resume_execution
from pipeline.local.jobs.stand_in import StandIn
from pipeline.local.state.store import Store
from tests.pipeline.local.engine.test_start import Watcher, document, get, start, statuses
from tests.pipeline.local.jobs.transform.test_transform_job import SERVER, archive
from tests.pipeline.local.workbench import QUICK, Workbench

IMAGE = "1.dkr/adder:1"
ADDER = StandIn("*/adder:*", ("python3", SERVER))
ROLE = "arn:aws:iam::123456789012:role/pipeline"


def model(bench: Workbench, name: str = "Make", **container: Any) -> dict[str, Any]:
    uri = bench.put("models", {"model.tar.gz": archive(factor="2")}) + "model.tar.gz"
    primary = {"Image": IMAGE, "ModelDataUrl": uri, **container}
    return {
        "Name": name,
        "Type": "Model",
        "Arguments": {"ExecutionRoleArn": ROLE, "PrimaryContainer": primary},
    }


def transform(bench: Workbench, rows: str = "1,2\n", name: str = "Score", **arguments: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": bench.put("in", {"a.csv": rows})}
    return {
        "Name": name,
        "Type": "Transform",
        "CacheConfig": {"Enabled": True},
        "Arguments": {
            "ModelName": get("Steps.Make.ModelName"),
            "TransformInput": {
                "DataSource": {"S3DataSource": source},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {"S3OutputPath": bench.uri("out"), "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
            **arguments,
        },
    }


def test_a_model_that_a_step_made_transforms_and_others_read_where(
    bench: Workbench, local_store: Store
) -> None:
    read = bench.processing("print(open('/opt/ml/processing/in/a.csv.out').read())")
    output = get("Steps.Score.TransformOutput.S3OutputPath")
    read["ProcessingInputs"].append(
        {"InputName": "in", "S3Input": {"S3Uri": output, "LocalPath": "/opt/ml/processing/in",
         "S3DataType": "S3Prefix", "S3InputMode": "File"}}
    )  # fmt: skip
    read["AppSpecification"]["ContainerArguments"] = [get("Steps.Score.TransformJobName")]
    text = document(model(bench), transform(bench), {"Name": "Read", "Type": "Processing", "Arguments": read})
    watcher = Watcher()
    record = start(bench, local_store, text, watcher, stand_ins=[ADDER])
    assert record.status == "Succeeded", record.failure_reason
    assert ("Read", "6") in watcher.lines
    assert record.step("Score").launcher == bench.launcher.name
    assert record.step("Score").properties["ModelName"] == record.step("Make").properties["ModelName"]


def test_a_registered_version_transforms(bench: Workbench, local_store: Store) -> None:
    made = model(bench, Environment={"LEVEL": "3"})
    container = made["Arguments"]["PrimaryContainer"]
    group = f"group-{bench.execution_id}"
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": group,
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        },
    }
    version = get("Steps.Register.ModelPackageArn")
    made["Arguments"]["PrimaryContainer"] = {"ModelPackageName": version}
    record = start(bench, local_store, document(register, made, transform(bench)), stand_ins=[ADDER])
    assert record.status == "Succeeded", record.failure_reason
    assert bench.get(bench.uri("out", "a.csv.out")) == b"6\n"


def test_a_model_of_an_earlier_execution_has_its_name_still(bench: Workbench, local_store: Store) -> None:
    first = start(bench, local_store, document(model(bench), transform(bench)), stand_ins=[ADDER])
    name = first.step("Make").properties["ModelName"]
    alone = document(transform(bench, ModelName=name))
    again = [start(bench, local_store, alone, stand_ins=[ADDER]) for _ in range(2)]
    assert [record.status for record in again] == ["Succeeded"] * 2
    # What the first execution made of the same model and input.
    assert [record.step("Score").cached for record in again] == [True, True]
    changed = document(transform(bench, "5\n", ModelName=name))
    assert start(bench, local_store, changed, stand_ins=[ADDER]).status == "Succeeded"


def test_a_failed_transform_goes_on_with_the_model_that_was_made(
    bench: Workbench, local_store: Store
) -> None:
    text = document(model(bench), transform(bench, "status 400\n"))
    record = start(bench, local_store, text, stand_ins=[ADDER])
    assert statuses(record) == {"Make": "Succeeded", "Score": "Failed"}
    assert "a.csv, line 1: the model answered 400" in str(record.failure_reason)
    bench.put("in", {"a.csv": "4\n"})
    resumed = resume_execution(
        record.execution_id, home=bench.home, aws=bench.aws, store=local_store, observer=Watcher(),
        stop=bench.stop, graces=QUICK,
    )  # fmt: skip
    assert statuses(resumed) == {"Make": "Succeeded", "Score": "Succeeded"}
    assert bench.get(bench.uri("out", "a.csv.out")) == b"8\n"


def refused(bench: Workbench, store: Store, *steps: dict[str, Any], **more: Any) -> str:
    with pytest.raises((UsageError, DefinitionError)) as error:
        start(bench, store, document(*steps), **more)
    return str(error.value)


def test_models_that_nothing_serves_are_refused_before_anything_runs(
    bench: Workbench, local_store: Store
) -> None:
    said = refused(bench, local_store, model(bench), transform(bench))
    assert f"Score: its model is served by the image {IMAGE}. Say what to run: --stand-in" in said
    said = refused(bench, local_store, transform(bench, ModelName="nobodys"))
    assert "Score: no step and no execution made the model 'nobodys'" in said
    several = model(bench)
    container = several["Arguments"].pop("PrimaryContainer")
    several["Arguments"]["Containers"] = [container, container]
    said = refused(bench, local_store, several, transform(bench), stand_ins=[ADDER])
    assert "Score: its model has 2 containers, and one is served here" in said


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"DataProcessing": {"InputFilter": "x"}}, "DataProcessing.InputFilter: must be a JSONPath of"),
        (
            {"DataProcessing": {"JoinSource": "Output"}},
            "DataProcessing.JoinSource: the local engine supports only 'None' and 'Input'",
        ),
        (
            {"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c"}},
            "DataCaptureConfig: the local engine does not",
        ),
        (
            {"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2},
            "MaxPayloadInMB: 60 times MaxConcurrentTransforms",
        ),
        ({"ModelClientConfig": {"InvocationsMaxRetries": 9}}, "ModelClientConfig.InvocationsMaxRetries"),
        ({"BatchStrategy": "Both"}, "BatchStrategy: the local engine supports only 'MultiRecord'"),
        (
            {"TransformOutput": {"S3OutputPath": "out"}},
            "TransformOutput.S3OutputPath: must be s3://bucket/key",
        ),
        ({"TransformOutput": {}}, "TransformOutput.S3OutputPath: missing."),
    ],
)
def test_what_cannot_be_transformed_is_refused_by_its_place(
    bench: Workbench, local_store: Store, change: dict[str, Any], problem: str
) -> None:
    said = refused(bench, local_store, model(bench), transform(bench, **change), stand_ins=[ADDER])
    assert f"$.Steps[1].Arguments.{problem}" in said


@pytest.mark.parametrize(
    ("taken", "made", "split", "problem"),
    [
        (
            "text/csv",
            "application/json",
            "Line",
            "DataProcessing.JoinSource: input and output must have the same format",
        ),
        ("text/plain", "text/csv", "Line", "TransformInput.ContentType: filters and joins work on text/csv"),
        (
            "text/csv",
            "text/csv",
            "None",
            "TransformInput.SplitType: filters and joins of text/csv need Line.",
        ),
    ],
)
def test_a_join_needs_records_of_one_form(
    bench: Workbench, local_store: Store, taken: str, made: str, split: str, problem: str
) -> None:
    step = transform(bench, DataProcessing={"JoinSource": "Input"})
    step["Arguments"]["TransformInput"] |= {"ContentType": taken, "SplitType": split}
    step["Arguments"]["TransformOutput"]["Accept"] = made
    said = refused(bench, local_store, model(bench), step, stand_ins=[ADDER])
    assert f"$.Steps[1].Arguments.{problem}" in said


def test_the_children_of_a_loop_have_the_stand_in_of_the_step_of_its_body(
    bench: Workbench, local_store: Store, tmp_path: Path
) -> None:
    inside = transform(bench, ModelName="anybodys", Environment={"NUMBER": get("ForEach.CurrentItem")})
    inside["Arguments"]["TransformOutput"]["S3OutputPath"] = {
        "Std:Join": {"On": "/", "Values": [bench.uri("out"), get("ForEach.CurrentItem")]}
    }
    training = {
        "Name": "Fit",
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {"TrainingImage": "1.dkr/own:1", "TrainingInputMode": "File"},
            "HyperParameters": {"number": get("ForEach.CurrentItem")},
            "OutputDataConfig": {"S3OutputPath": bench.uri("models")},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        },
    }
    loop = {
        "Name": "Loop",
        "Type": "ForEach",
        "Arguments": {"IterableItems": ["2", "3"], "MaxConcurrency": 2, "ForEachBody": [training, inside]},
    }
    said = refused(bench, local_store, loop)
    assert "Fit: no ContainerEntrypoint in its AlgorithmSpecification (image 1.dkr/own:1)" in said
    assert "Score: no step and no execution made the model 'anybodys'" in said
    text = (
        Path(SERVER)
        .read_text()
        .replace('Path(os.environ["SM_MODEL_DIR"], "factor").read_text()', 'os.environ["NUMBER"]')
    )
    (tmp_path / "serve.py").write_text(text)
    stand_ins = [
        StandIn("Fit", ("python3", "-c", "import os; print('number', os.environ['SM_HP_NUMBER'])")),
        StandIn("Score", ("python3", str(tmp_path / "serve.py"))),
    ]
    watcher = Watcher()
    record = start(bench, local_store, document(loop), watcher, stand_ins=stand_ins)
    assert record.status == "Succeeded", record.failure_reason
    assert {("Fit-0", "number 2"), ("Fit-1", "number 3")} <= set(watcher.lines)
    assert [bench.get(bench.uri("out", item, "a.csv.out")) for item in "23"] == [b"6\n", b"9\n"]
    with pytest.raises(UsageError, match="the definition has no job of that name"):
        start(bench, local_store, document(loop), stand_ins=[*stand_ins, StandIn("Fot", ("true",))])


def test_a_step_on_a_branch_may_have_a_model_that_is_made_meanwhile(
    bench: Workbench, local_store: Store
) -> None:
    create = bench.processing(
        "import boto3, sys\n"
        "boto3.client('sagemaker').create_model(ModelName=sys.argv[1], ExecutionRoleArn=sys.argv[2],"
        " PrimaryContainer={'Image': sys.argv[3], 'ModelDataUrl': sys.argv[4]})"
    )
    name = f"own-{bench.execution_id}"
    data = model(bench)["Arguments"]["PrimaryContainer"]["ModelDataUrl"]
    create["AppSpecification"]["ContainerArguments"] = [name, ROLE, IMAGE, data]
    made = {"Name": "Create", "Type": "Processing", "Arguments": create}
    score = {**transform(bench, ModelName=name), "DependsOn": ["Create"]}
    record = start(bench, local_store, document(made, score), stand_ins=[ADDER])
    assert record.status == "Succeeded", record.failure_reason
    assert json.dumps(record.step("Score").properties)


def test_addresses_of_s3_may_be_those_of_its_websites(bench: Workbench, local_store: Store) -> None:
    def address(uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return f"https://{bucket}.s3.us-east-1.amazonaws.com/{key}"

    made, step = model(bench), transform(bench)
    container, arguments = made["Arguments"]["PrimaryContainer"], step["Arguments"]
    container["ModelDataUrl"] = address(container["ModelDataUrl"])
    source = arguments["TransformInput"]["DataSource"]["S3DataSource"]
    source["S3Uri"] = address(source["S3Uri"])
    arguments["TransformOutput"]["S3OutputPath"] = address(bench.uri("out"))
    record = start(bench, local_store, document(made, step), stand_ins=[ADDER])
    assert record.status == "Succeeded", record.failure_reason
    assert bench.get(bench.uri("out", "a.csv.out")) == b"6\n"
