"""A definition with a ForEach step and steps that run on failures, compiled by the SDK, from the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.e2e.command import Finished, executions, run

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore")]

BUCKET = "a-bucket"
NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "SAGEMAKER_VALIDATE_ROLE": "false",
}
# The items are text, as the SDK asks, and objects whose fields the body reads.
LIST = """
import json, pathlib
items = [json.dumps({"name": name, "score": score}) for name, score in (("a", 2), ("b", 7), ("c", 5))]
pathlib.Path("opt/ml/processing/output/list/items.json").write_text(json.dumps({"items": json.dumps(items)}))
"""
MAKE = """
import os, pathlib, sys
print("making", sys.argv[1], flush=True)
pathlib.Path("opt/ml/processing/output/made/name.txt").write_text(sys.argv[1])
"""
CHECK = "import sys; sys.exit('broken, as asked' if sys.argv[1] == 'yes' else 0)"
TELL = "import sys; print('told', *sys.argv[1:])"


def compile_definition() -> str:
    """List → Each (Make → Check for every item) → Best; Check → Tell (on failure), Tidy (on any end)."""
    from sagemaker.core.processing import Processor
    from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join, JsonGet
    from sagemaker.core.workflow.parameters import ParameterString
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.core.workflow.properties import PropertyFile
    from sagemaker.mlops.workflow.for_each_step import (
        CurrentItem,
        ForEachSelector,
        ForEachStep,
        IterationOutput,
    )
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.step_dependency import StepDependency, TriggerCondition
    from sagemaker.mlops.workflow.steps import ProcessingStep

    aws = boto3.Session(region_name="us-east-1")
    aws.client("s3").create_bucket(Bucket=BUCKET)
    session = PipelineSession(boto_session=aws, default_bucket=BUCKET, sagemaker_config=NO_TELEMETRY)
    broken = ParameterString("Broken", default_value="no")
    item = CurrentItem()

    def step(name: str, code: str, *arguments: Any, output: str = "", **more: Any) -> ProcessingStep:
        processor = Processor(
            role="arn:aws:iam::123456789012:role/jobs",
            image_uri="an-image",
            instance_count=1,
            instance_type="ml.m5.large",
            entrypoint=["python3", "-c", code],
            env=more.pop("env", None),
            sagemaker_session=session,
        )
        key = Join(on="/", values=[f"s3://{BUCKET}", ExecutionVariables.PIPELINE_EXECUTION_ID, name])
        place = ProcessingS3Output(
            s3_uri=key, local_path=f"/opt/ml/processing/output/{output}", s3_upload_mode="EndOfJob"
        )
        outputs = [ProcessingOutput(output_name=output, s3_output=place)] if output else []
        return ProcessingStep(name, processor.run(outputs=outputs, arguments=list(arguments)), **more)

    items = PropertyFile("Items", "list", "items.json")
    make = step("Make", MAKE, item.name, output="made", env={"SCORE": Join(on="", values=[item.score])})
    size = step("Size", TELL, make.properties.ProcessingJobName)
    each = ForEachStep(
        "Each",
        JsonGet(step_name="List", property_file=items, json_path="items"),
        max_concurrency=2,
        for_each_body=[make, size],
        selector=ForEachSelector("MaxBy", IterationOutput(make).Environment["SCORE"]),
    )
    best = step("Best", TELL, "best", each.properties.Selected.Environment["SCORE"])
    check = step("Check", CHECK, broken)
    steps = [
        step("List", LIST, output="list", property_files=[items]),
        each,
        best,
        check,
        step("After", TELL, depends_on=["Check"]),
        step("Tell", TELL, "failure", depends_on=[StepDependency(check, TriggerCondition.FAILED)]),
        step("Tidy", TELL, depends_on=[StepDependency(check, TriggerCondition.ANY)]),
    ]
    text: str = Pipeline("p", parameters=[broken], steps=steps, sagemaker_session=session).definition()
    return text


@dataclass(frozen=True)
class Ran:
    """The state folder, and how the definition ran: `well` and with a step that failed."""

    home: Path
    well: Finished
    well_result: Mapping[str, Any]
    broken: Finished
    broken_result: Mapping[str, Any]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("loops")
    file, home = folder / "loops.json", folder / "home"
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        file.write_text(compile_definition())
    well = run(home, "run", "--definition", file, "--result", folder / "well.json")
    broken = run(
        home, "run", "--definition", file, "--param", "Broken=yes", "--result", folder / "broken.json"
    )
    results = [json.loads((folder / f"{name}.json").read_text()) for name in ("well", "broken")]
    return Ran(home, well, results[0], broken, results[1])


def statuses(result: Mapping[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in result["steps"]}


CHILDREN = {f"{name}-{number}": "Succeeded" for number in range(3) for name in ("Make", "Size")}


def test_the_children_are_steps_and_what_waits_for_a_failure_is_skipped(ran: Ran) -> None:
    assert ran.well.status == 0, ran.well.said
    assert list(statuses(ran.well_result))[:3] == ["List", "Each", "Make-0"]
    assert statuses(ran.well_result) == {
        "List": "Succeeded",
        "Each": "Succeeded",
        **CHILDREN,
        "Best": "Succeeded",
        "Check": "Succeeded",
        "After": "Succeeded",
        "Tell": "Skipped",
        "Tidy": "Succeeded",
    }


def test_each_child_has_a_log_and_the_best_is_selected(ran: Ran) -> None:
    execution = ran.well_result["execution_id"]
    assert "making b" in run(ran.home, "logs", execution, "Make-1").out
    assert f"told pipelines-{execution}-Make-2-" in run(ran.home, "logs", execution, "Size-2").out
    assert "told best 7" in run(ran.home, "logs", execution, "Best").out


def test_a_failure_that_a_step_ran_on_completes_with_failures(ran: Ran) -> None:
    assert ran.broken.status == 1, ran.broken.said
    assert ran.broken_result["status"] == "Failed"
    assert ran.broken_result["failure_reason"].startswith("Step Check failed: ")
    found = statuses(ran.broken_result)
    assert {name: found[name] for name in ("Check", "After", "Tell", "Tidy")} == {
        "Check": "Failed",
        "After": "Pending",
        "Tell": "Succeeded",
        "Tidy": "Succeeded",
    }
    assert "completed with failures" in ran.broken.err
    execution = ran.broken_result["execution_id"]
    assert "told failure" in run(ran.home, "logs", execution, "Tell").out
    assert f"python -m pipeline resume {execution}" in ran.broken.out


def test_both_are_listed_with_their_ends(ran: Ran) -> None:
    listed = {each["execution_id"]: each["status"] for each in executions(ran.home)}
    assert listed == {
        ran.well_result["execution_id"]: "Succeeded",
        # One of the three ends that the JSON promises.
        ran.broken_result["execution_id"]: "Failed",
    }
    assert "completed with failures" in run(ran.home, "executions").out
    shown = run(ran.home, "show", ran.broken_result["execution_id"])
    assert "completed with failures" in shown.out
    assert "Make-2" in shown.out
