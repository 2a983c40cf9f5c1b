"""Versions of the pipeline: listed, found, named, labelled, started and gone back to."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.cli.commands import versions as command
from pipeline.errors import AwsError, UsageError
from pipeline.local.endpoint.wire import model
from pipeline.targets.aws.start import start_execution
from pipeline.targets.aws.upsert import upsert_pipeline
from pipeline.targets.aws.versions import Label, Version, Versions, jobs_of
from pipeline.targets.sagemaker import SageMakerTarget
from tests.pipeline.targets.aws.answers import DEFINITION, EXECUTION
from tests.pipeline.targets.aws.stubbed import NOW, PIPELINE, STACK, Stubbed
from tests.pipeline.targets.aws.test_start import REQUEST

SAGEMAKER = "sagemaker"
LABEL = Label("0a1b2c3d4e5f-changed", "Commit 0a1b2c3d4e5f")


def summary(number: int, **more: Any) -> dict[str, Any]:
    return {"PipelineArn": PIPELINE, "PipelineVersionId": number, "CreationTime": NOW, **more}


def lists(stubbed: Stubbed, *summaries: dict[str, Any], **more: Any) -> None:
    stubbed.on(
        SAGEMAKER,
        "list_pipeline_versions",
        {"PipelineVersionSummaries": list(summaries), **more},
        PipelineName="fashion-mnist",
        SortOrder="Descending",
    )


def changes(stubbed: Stubbed, number: int, **more: Any) -> None:
    stubbed.on(
        SAGEMAKER,
        "update_pipeline_version",
        {"PipelineArn": PIPELINE, "PipelineVersionId": number},
        PipelineArn=PIPELINE,
        PipelineVersionId=number,
        **more,
    )


@pytest.fixture
def versions(stubbed: Stubbed) -> Versions:
    return Versions(stubbed.client(SAGEMAKER), "fashion-mnist")


def test_all_are_listed_the_newest_first(stubbed: Stubbed, versions: Versions) -> None:
    about = {
        "PipelineVersionDisplayName": "0a1b",
        "PipelineVersionDescription": "Commit 0a1b",
        "PipelineVersionAliases": ["released"],
        "LastExecutionPipelineExecutionArn": EXECUTION,
    }
    lists(stubbed, summary(2), summary(3), NextToken="more")
    stubbed.on(SAGEMAKER, "list_pipeline_versions", {"PipelineVersionSummaries": [summary(1, **about)]})
    found = versions.all()
    assert [each.number for each in found] == [3, 2, 1]
    assert found[-1] == Version(1, NOW, "0a1b", "Commit 0a1b", ("released",), "abc123def456")


@pytest.mark.parametrize(("wanted", "number"), [("2", 2), ("released", 1)])
def test_one_is_found_by_its_number_or_an_alias(
    stubbed: Stubbed, versions: Versions, wanted: str, number: int
) -> None:
    lists(stubbed, summary(2), summary(1, PipelineVersionAliases=["released"]))
    assert versions.find(wanted).number == number


def test_one_that_is_not_there_is_told_with_those_that_are(stubbed: Stubbed, versions: Versions) -> None:
    lists(stubbed, summary(2), summary(1, PipelineVersionAliases=["released"]))
    with pytest.raises(UsageError, match=r"no version 9\. Its newest are 2, 1; aliases: released"):
        versions.find("9")


def test_a_refusal_is_told(stubbed: Stubbed, versions: Versions) -> None:
    stubbed.fails(SAGEMAKER, "list_pipeline_versions", "AccessDeniedException")
    with pytest.raises(AwsError, match="Listing the versions of the pipeline fashion-mnist"):
        versions.all()


def test_an_alias_leaves_the_version_that_had_it_first(stubbed: Stubbed, versions: Versions) -> None:
    """SageMaker refuses one that another version has."""
    stubbed.on(SAGEMAKER, "describe_pipeline", {"PipelineArn": PIPELINE}, PipelineName="fashion-mnist")
    lists(stubbed, summary(2), summary(1, PipelineVersionAliases=["released"]))
    changes(stubbed, 1, PipelineVersionAliasOperations={"Remove": ["released"]})
    changes(stubbed, 2, PipelineVersionAliasOperations={"Add": ["released"]})
    versions.name("released", Version(2, NOW))
    versions.name("released", Version(2, NOW, aliases=("released",)))  # asks nothing


@pytest.mark.parametrize("there", [False, True])
def test_a_version_that_a_run_makes_is_called_after_its_commit(stubbed: Stubbed, there: bool) -> None:
    if there:
        stubbed.on(SAGEMAKER, "describe_pipeline", {"PipelineDefinition": "{}", "RoleArn": STACK.job_role})
        stubbed.on(SAGEMAKER, "update_pipeline", {"PipelineArn": PIPELINE, "PipelineVersionId": 4})
    else:
        stubbed.fails(SAGEMAKER, "describe_pipeline", "ResourceNotFound", "does not exist")
        stubbed.on(SAGEMAKER, "create_pipeline", {"PipelineArn": PIPELINE})
    changes(
        stubbed,
        4 if there else 1,
        PipelineVersionDisplayName=LABEL.name,
        PipelineVersionDescription=LABEL.about,
    )
    upsert_pipeline(stubbed.client(SAGEMAKER), "fashion-mnist", DEFINITION, STACK.pipeline_role, {}, LABEL)


def test_an_older_stack_that_lets_nobody_name_versions_does_not_fail_a_run(stubbed: Stubbed) -> None:
    stubbed.on(SAGEMAKER, "describe_pipeline", {"PipelineDefinition": "{}", "RoleArn": STACK.job_role})
    stubbed.on(SAGEMAKER, "update_pipeline", {"PipelineArn": PIPELINE, "PipelineVersionId": 4})
    stubbed.fails(SAGEMAKER, "update_pipeline_version", "AccessDeniedException")
    client = stubbed.client(SAGEMAKER)
    assert upsert_pipeline(client, "fashion-mnist", DEFINITION, STACK.pipeline_role, {}, LABEL) == "updated"


def test_a_version_is_started_and_is_another_request_than_the_newest(stubbed: Stubbed) -> None:
    older = replace(REQUEST, version=3)
    assert older.token != REQUEST.token
    sent: list[dict[str, Any]] = []
    client = stubbed.client(SAGEMAKER)
    stubbed.on(SAGEMAKER, "start_pipeline_execution", {"PipelineExecutionArn": EXECUTION})
    stubbed.on(SAGEMAKER, "start_pipeline_execution", {"PipelineExecutionArn": EXECUTION})
    events = "provide-client-params.sagemaker.StartPipelineExecution"
    client.meta.events.register(events, lambda params, **_: sent.append(params), unique_id="test_versions")
    start_execution(client, older)
    start_execution(client, REQUEST)
    client.meta.events.unregister(events, unique_id="test_versions")
    assert [each.get("PipelineVersionId") for each in sent] == [3, None]


def test_what_a_version_costs_at_most_is_what_its_own_jobs_do() -> None:
    machines = {
        "InstanceType": {"Get": "Parameters.Kind"},
        "InstanceCount": 2,
        "KeepAlivePeriodInSeconds": 60,
    }
    train = {
        "ResourceConfig": machines,
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableManagedSpotTraining": True,
    }
    cluster = {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}}
    limits = {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2}
    search = {"HyperParameterTuningJobConfig": {"ResourceLimits": limits}, "TrainingJobDefinition": train}
    gate = {
        "IfSteps": [{"Name": "Train", "Type": "Training", "Arguments": train}],
        "ElseSteps": [{"Name": "F", "Type": "Fail"}],
    }
    definition = {
        "Parameters": [{"Name": "Kind", "Type": "String", "DefaultValue": "ml.g5.xlarge"}],
        "Steps": [
            {"Name": "Prepare", "Type": "Processing", "Arguments": {"ProcessingResources": cluster}},
            {"Name": "Tune", "Type": "Tuning", "Arguments": search},
            {"Name": "Gate", "Type": "Condition", "Arguments": gate},
        ],
    }
    prepare, tune, trained = jobs_of(json.dumps(definition), {"Kind": "ml.g4dn.xlarge"})
    assert (prepare.instance_type, prepare.instances, prepare.max_seconds) == ("ml.m5.large", 1, 86400)
    assert (tune.count, tune.at_once, tune.instance_type) == (8, 2, "ml.g4dn.xlarge")
    assert (trained.instances, trained.max_seconds, trained.spot, trained.kept_seconds) == (2, 3600, True, 60)
    (_, _, trained) = jobs_of(json.dumps(definition), {})
    assert trained.instance_type == "ml.g5.xlarge"


class Target(SageMakerTarget):
    """The stack of a stubbed account."""

    def __init__(self, client: Any) -> None:
        self.stack = STACK
        self._client = client

    @property
    def client(self) -> Any:
        return self._client


@pytest.fixture
def run(stubbed: Stubbed, monkeypatch: pytest.MonkeyPatch) -> Any:
    target = Target(stubbed.client(SAGEMAKER))
    monkeypatch.setattr("pipeline.targets.sagemaker.open_sagemaker", lambda environ: target)

    def main(action: str, version: str | None = None, alias: str | None = None, json: bool = False) -> int:
        return command.main(argparse.Namespace(action=action, version=version, alias=alias, json=json))

    return main


def test_going_back_makes_the_earlier_definition_the_newest(
    run: Any, stubbed: Stubbed, capsys: pytest.CaptureFixture[str]
) -> None:
    lists(stubbed, summary(4), summary(3, PipelineVersionDescription="Commit 0a1b"))
    stubbed.on(
        SAGEMAKER,
        "describe_pipeline",
        {"PipelineDefinition": DEFINITION},
        PipelineName="fashion-mnist",
        PipelineVersionId=3,
    )
    stubbed.on(SAGEMAKER, "describe_pipeline", {"PipelineDefinition": "{}", "RoleArn": STACK.pipeline_role})
    stubbed.on(
        SAGEMAKER,
        "update_pipeline",
        {"PipelineArn": PIPELINE, "PipelineVersionId": 5},
        PipelineName="fashion-mnist",
        PipelineDefinition=DEFINITION,
        RoleArn=STACK.pipeline_role,
    )
    changes(
        stubbed,
        5,
        PipelineVersionDisplayName="as-version-3",
        PipelineVersionDescription="Version 3 again. Commit 0a1b",
    )
    assert run("rollback", "3") == 0
    assert "3 is the newest again" in capsys.readouterr().out


def test_going_back_to_what_is_the_newest_changes_nothing(
    run: Any, stubbed: Stubbed, capsys: pytest.CaptureFixture[str]
) -> None:
    lists(stubbed, summary(4))
    same = {"PipelineDefinition": DEFINITION, "RoleArn": STACK.pipeline_role}
    stubbed.on(SAGEMAKER, "describe_pipeline", same)
    stubbed.on(SAGEMAKER, "describe_pipeline", same)
    assert run("rollback", "4") == 0
    assert "nothing to change" in capsys.readouterr().out


def test_the_list_says_what_each_is_of(
    run: Any, stubbed: Stubbed, capsys: pytest.CaptureFixture[str]
) -> None:
    found = (summary(2), summary(1, PipelineVersionDisplayName="0a1b", PipelineVersionAliases=["released"]))
    lists(stubbed, *found)
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert all(each in shown for each in ("0a1b", "released", "2026-11-25"))
    lists(stubbed, *found)
    assert run("list", json=True) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["number"], each["aliases"]) for each in listed] == [(2, []), (1, ["released"])]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("list", "3"), "versions list takes no version \\(got 3\\)"),
        (("rollback",), "versions rollback needs a version"),
        (("alias", "3"), "needs a name: --as NAME"),
        (("rollback", "3", "x"), "takes no --as \\(got x\\)"),
        (("alias", "3", "17"), "not digits alone \\(got '17'\\)"),
        (("alias", "3", "a b"), "\\(got 'a b'\\)"),
    ],
)
def test_wrong_words_are_told_before_aws_is_asked(run: Any, words: tuple[str, ...], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        run(*words)


def test_names_are_as_sagemaker_takes_them() -> None:
    sagemaker = model("sagemaker")
    shape = sagemaker.operation_model("UpdatePipelineVersion").input_shape.members
    longest = shape["PipelineVersionDisplayName"].metadata["max"]
    assert max(len(LABEL.name), len("as-version-999999")) <= longest
    rule = sagemaker.operation_model("StartPipelineExecution").input_shape
    assert rule.members["PipelineVersionId"].type_name == "long"


def test_a_version_that_prefers_some_types_may_run_on_each() -> None:
    preferences = [{"InstanceType": "ml.g5.xlarge"}, {"InstanceType": "ml.g4dn.xlarge"}]
    train = {"ResourceConfig": {"InstancePreferences": preferences, "InstanceCount": 1}}
    definition = {"Steps": [{"Name": "Train", "Type": "Training", "Arguments": train}]}
    (job,) = jobs_of(json.dumps(definition), {})
    assert job.types == ("ml.g5.xlarge", "ml.g4dn.xlarge")
