"""An execution in SageMaker as the record that view, report and JSON know."""

from __future__ import annotations

from typing import Any

from pipeline.targets.aws.listed_steps import read_graph
from pipeline.targets.aws.records import AwsExecution, make_execution
from tests.pipeline.targets.aws.answers import (
    DEFINITION,
    EARLIER,
    EXECUTION,
    after,
    described,
    gate,
    job_arn,
    step,
)
from tests.pipeline.targets.aws.stubbed import NOW

GIVEN = [{"Name": "Epochs", "Value": "3"}]


def make(execution: dict[str, Any], *steps: dict[str, Any]) -> AwsExecution:
    return make_execution(execution, steps, GIVEN, read_graph(DEFINITION))


def statuses(execution: AwsExecution) -> dict[str, str]:
    return {each.name: each.status for each in execution.record.steps}


def test_steps_that_sagemaker_does_not_list_yet_are_pending_in_the_definitions_order() -> None:
    made = make(described(), step("NormalizeData", "Executing", end=None))
    assert statuses(made) == {
        "NormalizeData": "Executing",
        "Train-baseline-0": "Pending",
        "Evaluate": "Pending",
        "QualityGate": "Pending",
        "GateMissed": "Pending",
    }
    assert not made.ended
    assert made.record.ended_at is None
    assert made.record.execution_id == "abc123def456"
    assert made.record.target == "sagemaker"
    assert made.record.pipeline_name == "fashion-mnist"
    assert made.record.started_at == NOW.timestamp()


def test_the_branch_that_was_not_taken_is_skipped() -> None:
    done = [step("NormalizeData"), step("Train-baseline-0"), step("Evaluate")]
    assert statuses(make(described(), *done, gate("True")))["GateMissed"] == "Skipped"
    assert statuses(make(described(), *done, gate("false")))["GateMissed"] == "Pending"
    ended = make(described("Succeeded"), *done, gate("True"))
    assert ended.ended
    assert ended.record.ended_at == after(300).timestamp()


def test_what_a_failed_execution_never_reached_stays_pending() -> None:
    made = make(
        described("Failed", FailureReason="Step failure: one or more steps failed"),
        step("NormalizeData", "Failed", FailureReason="ClientError: no data"),
    )
    assert statuses(made)["Evaluate"] == "Pending"
    assert made.record.step("NormalizeData").failure_reason == "ClientError: no data"
    assert made.record.failure_reason == "Step failure: one or more steps failed"


def test_a_fail_steps_message_is_its_reason() -> None:
    made = make(
        described("Failed"),
        gate("False"),
        step("GateMissed", "Failed", Metadata={"Fail": {"ErrorMessage": "The quality gate was missed"}}),
    )
    assert made.record.step("GateMissed").failure_reason == "The quality gate was missed"


def test_a_reused_step_says_whose_result_it_is_and_its_job_is_not_this_executions() -> None:
    made = make(
        described(),
        step("NormalizeData", CacheHitResult={"SourcePipelineExecutionArn": EARLIER}),
        step("Train-baseline-0"),
    )
    reused = made.record.step("NormalizeData")
    assert (reused.cached, reused.reused_from) == (True, "earlier00000")
    assert not made.jobs["NormalizeData"].own
    own = made.jobs["Train-baseline-0"]
    assert (own.own, own.kind, own.arn) == (True, "TrainingJob", job_arn("training", "Train-baseline-0"))
    assert own.name == "pipelines-abc123def456-Train-baseline-0-xyz"


def test_steps_that_were_not_selected_are_skipped_and_those_built_on_are_reused() -> None:
    made = make(
        described(SelectiveExecutionConfig={"SelectedSteps": [{"StepName": "Evaluate"}]}),
        step("Train-baseline-0", SelectiveExecutionResult={"SourcePipelineExecutionArn": EARLIER}),
        step("Evaluate", "Executing", end=None),
    )
    assert statuses(made) | {"GateMissed": ""} == {
        "NormalizeData": "Skipped",
        "Train-baseline-0": "Succeeded",
        "Evaluate": "Executing",
        "QualityGate": "Skipped",
        "GateMissed": "",
    }
    assert made.record.step("Train-baseline-0").reused_from == "earlier00000"


def test_parameters_have_their_types_and_defaults() -> None:
    assert make(described()).record.parameters == {
        "Epochs": 3,
        "MinAccuracy": 0.9,
        "ChampionModelPackage": "none",
    }


def test_attempts_and_parallelism_are_kept() -> None:
    made = make(
        described(ParallelismConfiguration={"MaxParallelExecutionSteps": 2}),
        {**step("NormalizeData"), "AttemptCount": 3},
    )
    assert made.record.parallel == 2
    assert made.record.step("NormalizeData").attempts == 3
    assert made.arn == EXECUTION
