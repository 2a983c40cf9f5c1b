from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.errors import AwsError
from pipeline.targets.aws.start import StartRequest, start_execution
from tests.pipeline.targets.aws.answers import DEFINITION, EARLIER, EXECUTION
from tests.pipeline.targets.aws.stubbed import Stubbed

REQUEST = StartRequest(
    "fashion-mnist", DEFINITION, {"Epochs": 3, "MinAccuracy": 0.5, "ChampionModelPackage": "none"}
)


def test_the_same_request_has_the_same_token_however_it_is_written() -> None:
    spaced = replace(REQUEST, definition=json.dumps(json.loads(DEFINITION), indent=4))
    turned = replace(REQUEST, values=dict(sorted(REQUEST.values.items())))
    assert REQUEST.token == spaced.token == turned.token
    assert 32 <= len(REQUEST.token) <= 128
    assert REQUEST.display_name == f"cli-{REQUEST.token[:16]}"


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, values={**REQUEST.values, "Epochs": 4}),
        replace(REQUEST, definition=DEFINITION.replace("Evaluate", "Judge")),
        replace(REQUEST, again=1),
        replace(REQUEST, parallel=2),
        replace(REQUEST, only=("Evaluate",)),
        replace(REQUEST, only=("Evaluate",), source=EARLIER),
        replace(REQUEST, pipeline="another"),
    ],
)
def test_any_other_request_has_another_token_and_name(other: StartRequest) -> None:
    assert other.token != REQUEST.token
    assert other.display_name != REQUEST.display_name


def test_it_is_started_with_texts_and_the_token(stubbed: Stubbed) -> None:
    stubbed.on(
        "sagemaker",
        "start_pipeline_execution",
        {"PipelineExecutionArn": EXECUTION},
        PipelineName="fashion-mnist",
        PipelineExecutionDisplayName=REQUEST.display_name,
        PipelineParameters=[
            {"Name": "Epochs", "Value": "3"},
            {"Name": "MinAccuracy", "Value": "0.5"},
            {"Name": "ChampionModelPackage", "Value": "none"},
        ],
        ClientRequestToken=REQUEST.token,
    )
    assert start_execution(stubbed.client("sagemaker"), REQUEST) == EXECUTION


def test_selected_steps_and_parallelism_are_sent(stubbed: Stubbed) -> None:
    request = replace(REQUEST, values={}, only=("Evaluate",), source=EARLIER, parallel=2, again=3)
    stubbed.on(
        "sagemaker",
        "start_pipeline_execution",
        {"PipelineExecutionArn": EXECUTION},
        PipelineName="fashion-mnist",
        PipelineExecutionDisplayName=f"cli-{request.token[:16]}-again-3",
        PipelineParameters=[],
        ClientRequestToken=request.token,
        ParallelismConfiguration={"MaxParallelExecutionSteps": 2},
        SelectiveExecutionConfig={
            "SelectedSteps": [{"StepName": "Evaluate"}],
            "SourcePipelineExecutionArn": EARLIER,
        },
    )
    start_execution(stubbed.client("sagemaker"), request)


def test_a_refusal_is_told(stubbed: Stubbed) -> None:
    stubbed.fails("sagemaker", "start_pipeline_execution", "ResourceLimitExceeded", "too many executions")
    with pytest.raises(AwsError, match="too many executions"):
        start_execution(stubbed.client("sagemaker"), REQUEST)
