from __future__ import annotations

import pytest

from pipeline.errors import AwsError, UsageError
from pipeline.targets.aws.executions import Executions
from tests.pipeline.targets.aws.answers import EXECUTION, described, reads, step
from tests.pipeline.targets.aws.stubbed import NOW, PIPELINE, Stubbed


def lists(
    stubbed: Stubbed, *ids: str, names: tuple[str, ...] = (), token: str | None = None, **expected: str
) -> None:
    summaries = [
        {
            "PipelineExecutionArn": f"{PIPELINE}/execution/{id}",
            "StartTime": NOW,
            **({"PipelineExecutionDisplayName": names[index]} if names else {}),
        }
        for index, id in enumerate(ids)
    ]
    answer = {"PipelineExecutionSummaries": summaries, **({"NextToken": token} if token else {})}
    ask = {
        "PipelineName": "fashion-mnist",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 100,
    }
    stubbed.on("sagemaker", "list_pipeline_executions", answer, **ask, **expected)


def executions(stubbed: Stubbed) -> Executions:
    return Executions(stubbed.client("sagemaker"), "fashion-mnist")


def test_all_pages_are_read(stubbed: Stubbed) -> None:
    lists(stubbed, "bbb", "bba", token="more")
    lists(stubbed, "aaa", NextToken="more")
    assert [arn.rpartition("/")[2] for arn in executions(stubbed).arns()] == ["bbb", "bba", "aaa"]


def test_an_execution_is_found_by_a_unique_beginning(stubbed: Stubbed) -> None:
    for wanted, found in ((None, "bbb"), ("aa", "aaa"), ("bb", None), ("bbb", "bbb"), ("x", None)):
        lists(stubbed, "bbb", "bbbb", "aaa")
        if found is not None:
            assert executions(stubbed).find(wanted).endswith(f"/{found}")
        else:
            with pytest.raises(UsageError, match="python -m pipeline executions --target sagemaker"):
                executions(stubbed).find(wanted)


def test_an_arn_is_an_id_too(stubbed: Stubbed) -> None:
    lists(stubbed, "bbb", "aaa")
    assert executions(stubbed).find(f"{PIPELINE}/execution/aaa").endswith("/aaa")


def test_a_pipeline_that_was_never_made_has_no_executions(stubbed: Stubbed) -> None:
    for _ in range(2):
        stubbed.fails("sagemaker", "list_pipeline_executions", "ResourceNotFound", "does not exist")
    assert executions(stubbed).arns() == []
    with pytest.raises(UsageError, match=r"There is no execution of .* yet"):
        executions(stubbed).find(None)


def test_who_may_not_list_is_told(stubbed: Stubbed) -> None:
    stubbed.fails("sagemaker", "list_pipeline_executions", "AccessDeniedException")
    with pytest.raises(AwsError, match=r"docs/permissions\.md"):
        executions(stubbed).arns()


def test_an_execution_is_known_by_its_display_name(stubbed: Stubbed) -> None:
    lists(stubbed, "bbb", "aaa", names=("cli-2", "cli-1"))
    assert str(executions(stubbed).started_as("cli-1")).endswith("/aaa")
    lists(stubbed, "bbb")
    assert executions(stubbed).started_as("cli-1") is None


def test_reading_asks_for_the_definition_once(stubbed: Stubbed) -> None:
    reads(stubbed, described(), step("NormalizeData", "Executing", end=None))
    reads(stubbed, described("Succeeded"), step("NormalizeData"), first=False)
    read = executions(stubbed)
    assert read.read(EXECUTION).record.parameters["Epochs"] == 3
    assert read.read(EXECUTION).record.status == "Succeeded"


def test_the_newest_are_read_and_the_others_counted(stubbed: Stubbed) -> None:
    lists(stubbed, "abc123def456", "aaa", "bbb")
    reads(stubbed, described())
    found, older = executions(stubbed).newest(1)
    assert [each.record.execution_id for each in found] == ["abc123def456"]
    assert older == 2
