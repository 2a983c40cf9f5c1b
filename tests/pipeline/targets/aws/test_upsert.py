from __future__ import annotations

import json

import pytest

from pipeline.errors import AwsError
from pipeline.targets.aws.definitions import without_cache
from pipeline.targets.aws.upsert import upsert_pipeline
from tests.pipeline.targets.aws.answers import DEFINITION
from tests.pipeline.targets.aws.stubbed import PIPELINE, STACK, Stubbed, role

ROLE = STACK.pipeline_role


def upsert(stubbed: Stubbed) -> str:
    return upsert_pipeline(stubbed.client("sagemaker"), "fashion-mnist", DEFINITION, ROLE, {"Project": "x"})


def test_a_pipeline_that_is_not_there_is_created_with_role_and_tags(stubbed: Stubbed) -> None:
    stubbed.fails("sagemaker", "describe_pipeline", "ResourceNotFound", "does not exist")
    stubbed.on("sagemaker", "create_pipeline", {"PipelineArn": PIPELINE})
    sent: list[dict[str, object]] = []
    events = stubbed.client("sagemaker").meta.events
    events.register("provide-client-params.sagemaker.CreatePipeline", lambda params, **_: sent.append(params))
    assert upsert(stubbed) == "created"
    assert sent[0]["RoleArn"] == ROLE
    assert sent[0]["Tags"] == [{"Key": "Project", "Value": "x"}]
    assert 32 <= len(str(sent[0]["ClientRequestToken"])) <= 128


def describes(stubbed: Stubbed, definition: str, arn: str) -> None:
    stubbed.on("sagemaker", "describe_pipeline", {"PipelineDefinition": definition, "RoleArn": arn})


def test_a_pipeline_that_says_the_same_is_left_alone(stubbed: Stubbed) -> None:
    describes(stubbed, json.dumps(json.loads(DEFINITION), indent=4), ROLE)
    assert upsert(stubbed) == "unchanged"


@pytest.mark.parametrize(
    ("definition", "arn"), [(without_cache(DEFINITION), ROLE), (DEFINITION, role("another"))]
)
def test_another_definition_or_role_updates_it(stubbed: Stubbed, definition: str, arn: str) -> None:
    describes(stubbed, definition, arn)
    stubbed.on(
        "sagemaker",
        "update_pipeline",
        {"PipelineArn": PIPELINE},
        PipelineName="fashion-mnist",
        PipelineDefinition=DEFINITION,
        RoleArn=ROLE,
    )
    assert upsert(stubbed) == "updated"


def test_a_refusal_is_told(stubbed: Stubbed) -> None:
    stubbed.fails("sagemaker", "describe_pipeline", "AccessDeniedException")
    with pytest.raises(AwsError, match="Bringing the pipeline fashion-mnist up to date"):
        upsert(stubbed)


def test_switching_the_cache_off_changes_nothing_else() -> None:
    before, after = json.loads(DEFINITION), json.loads(without_cache(DEFINITION))
    assert [step["CacheConfig"]["Enabled"] for step in after["Steps"] if "CacheConfig" in step] == [False] * 2
    for document in (before, after):
        for step in document["Steps"]:
            step.pop("CacheConfig", None)
    assert before == after
