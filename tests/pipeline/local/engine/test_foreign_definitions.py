"""Small definitions as other people write them: what the service takes is read, what it refuses is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import DefinitionError
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_definition
from pipeline.spec.service_model import shape
from pipeline.spec.step_types import executed
from pipeline.spec.validation import validate_definition
from pipeline.spec.vocabulary import SERVICE_STEP_TYPES

PRINT = ["python3", "-c", "print(1)"]
ROLE = "arn:aws:iam::123456789012:role/jobs"
EQUAL = {"Type": "Equals", "LeftValue": 1, "RightValue": 2}


def processing(name: str = "P", **more: Any) -> dict[str, Any]:
    arguments = {
        "AppSpecification": {"ImageUri": "an-image", "ContainerEntrypoint": PRINT},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "RoleArn": ROLE,
        **more,
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments}


def training(name: str = "T", **more: Any) -> dict[str, Any]:
    arguments = {
        "AlgorithmSpecification": {
            "TrainingImage": "an-image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": PRINT,
        },
        "OutputDataConfig": {"S3OutputPath": "s3://a-bucket/out"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "RoleArn": ROLE,
        **more,
    }
    return {"Name": name, "Type": "Training", "Arguments": arguments}


def condition(name: str, *then: Any, entry: Any = EQUAL) -> dict[str, Any]:
    arguments = {"Conditions": [entry], "IfSteps": list(then), "ElseSteps": []}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def read(*steps: Any, **more: Any) -> dict[str, Any]:
    """The definition of these steps, after both models of it had nothing to refuse."""
    document = {"Version": "2020-12-01", "Steps": list(steps), **more}
    resolve_parameters(parse_definition(json.dumps(document)), {})
    assert [str(found) for found in validate_definition(document) if found.by != "nobody"] == []
    return document


def refused(*steps: Any, **more: Any) -> list[str]:
    """What the local engine says is wrong with the definition of these steps."""
    document = {"Version": "2020-12-01", "Steps": list(steps), **more}
    with pytest.raises(DefinitionError) as caught:
        parse_definition(json.dumps(document))
    return [line.strip() for line in str(caught.value).splitlines() if line.startswith("  ")]


def output(uri: str = "s3://a-bucket/t") -> dict[str, Any]:
    target = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/t", "S3UploadMode": "EndOfJob"}
    return {"Outputs": [{"OutputName": "train", "S3Output": target}]}


def reading(get: str) -> dict[str, Any]:
    source = {
        "S3Uri": {"Get": get},
        "LocalPath": "/opt/ml/processing/m",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    return processing("Q", ProcessingInputs=[{"InputName": "m", "S3Input": source}])


def test_a_step_may_read_the_name_of_its_own_job() -> None:
    read(
        training(HyperParameters={"n": {"Get": "Execution.TrainingJobName"}}),
        processing(Environment={"N": {"Get": "Execution.ProcessingJobName"}}),
    )


def test_the_name_of_a_job_is_known_to_its_own_step_alone() -> None:
    name = {"Get": "Execution.TrainingJobName"}
    steps = processing(Environment={"N": name}), condition("C", entry={**EQUAL, "LeftValue": name})
    assert refused(*steps, PipelineExperimentConfig={"TrialName": name}) == [
        f"$.{place}.Get: only a Training step has Execution.TrainingJobName, its own job's."
        for place in (
            "PipelineExperimentConfig.TrialName",
            "Steps[0].Arguments.Environment.N",
            "Steps[1].Arguments.Conditions[0].LeftValue",
        )
    ]


def test_a_negation_holds_a_condition() -> None:
    read(condition("C", processing(), entry={"Type": "Not", "Condition": EQUAL}))
    document = condition("C", processing(), entry={"Type": "Not", "Expression": EQUAL})
    assert refused(document) == [
        "$.Steps[0].Arguments.Conditions[0].Expression: Not has no such field; it has Condition.",
        "$.Steps[0].Arguments.Conditions[0].Condition: missing.",
    ]


def test_a_parameter_without_a_type_is_a_string() -> None:
    document = read(processing(), Parameters=[{"Name": "A", "DefaultValue": "x"}])
    definition = parse_definition(json.dumps(document))
    assert resolve_parameters(definition, {"A": "3"}) == {"A": "3"}
    assert validate_definition(document, {"A": 3})[0].message == "A: must be a string, not 3."
    (problem,) = refused(processing(), Parameters=[{"Name": "A", "DefaultValue": 3}])
    assert problem == "$.Parameters[0].DefaultValue: must be a string, not 3."


def test_a_definition_may_leave_out_its_version() -> None:
    document = {"Steps": [processing()]}
    assert parse_definition(json.dumps(document)).version == "2020-12-01"
    assert validate_definition(document) == []


@pytest.mark.parametrize(
    ("get", "problem"),
    [
        (
            "Steps.T.ModelArtifacts.S3ModelArtifact",
            "T has no property S3ModelArtifact in "
            "ModelArtifacts.S3ModelArtifact (there: S3ModelArtifacts). Did you mean 'S3ModelArtifacts'?",
        ),
        (
            "Steps.P.ProcessingOutputConfig.Outputs['trian'].S3Output.S3Uri",
            "P has no item trian, only: train. Did you mean 'train'?",
        ),
        (
            "Steps.P.ProcessingOutputConfig.Outputs[1].S3Output.S3Uri",
            "P has no item 1, only: train.",
        ),
    ],
)
def test_a_misspelt_property_or_output_is_refused_with_the_nearest(get: str, problem: str) -> None:
    steps = training(), processing(ProcessingOutputConfig=output())
    assert refused(*steps, reading(get)) == [
        f"$.Steps[2].Arguments.ProcessingInputs[0].S3Input.S3Uri.Get: {problem}"
    ]


def test_every_property_that_a_describe_response_has_may_be_read() -> None:
    read(
        training(),
        processing(ProcessingOutputConfig=output()),
        reading("Steps.T.ModelArtifacts.S3ModelArtifacts"),
        processing(
            "E", Environment={"A": {"Get": "Steps.P.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}}
        ),
        processing("F", Environment={"A": {"Get": "Steps.T.FinalMetricDataList['loss'].MetricName"}}),
        processing("G", Environment={"A": {"Get": "Steps.P.ExitMessage"}}),
    )


def test_an_output_whose_name_is_an_expression_is_not_judged() -> None:
    config = output()
    config["Outputs"][0]["OutputName"] = {"Get": "Parameters.Out"}
    get = "Steps.P.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"
    read(
        processing(ProcessingOutputConfig=config),
        reading(get),
        Parameters=[{"Name": "Out", "DefaultValue": "train"}],
    )


def test_conditions_may_stand_31_deep() -> None:
    step = processing()
    for depth in range(31):
        step = condition(f"C{depth}", step)
    document = read(step)
    assert len(parse_definition(json.dumps(document)).steps) == 32


def test_a_mistake_31_conditions_deep_is_one_short_line() -> None:
    step = processing(Environment={"A": 3})
    for depth in range(31):
        step = condition(f"C{depth}", step)
    (problem,) = refused(step)
    assert problem.endswith(".Arguments.Environment.A: must be a string, not 3.")
    assert len(problem) < 260


def test_every_type_of_step_that_the_service_knows_has_its_name() -> None:
    # In an execution's steps it says which job it was: TrainingJob for Training.
    listed = {name.removesuffix("Job") or name for name in shape("PipelineExecutionStepMetadata").members}
    assert listed - {*SERVICE_STEP_TYPES, "TuningJob"} == set()


def test_steps_that_are_not_executed_here_are_all_named_for_what_they_are() -> None:
    others = ("EMR", "Athena", "HubContent", "BedrockModelImport", "EMRServerless")
    steps = [{"Name": kind, "Type": kind, "Arguments": {}} for kind in others]
    get = {"A": {"Get": "Steps.EMR.OutputParameters['o']"}}
    only = f"only {', '.join(executed())}."
    assert refused(*steps, processing(Environment=get)) == [
        f"$.Steps[{index}].Type: the local engine executes no {kind} steps, {only}"
        for index, kind in enumerate(others)
    ]
    document = {"Steps": [*steps, processing()]}
    assert [problem.rule for problem in validate_definition(document)] == []


@pytest.mark.parametrize(
    "step",
    [
        processing("s" * 64),
        training(Environment={"_a1": "b=c\n"}),
        training(StoppingCondition={"MaxRuntimeInSeconds": 1}),
    ],
)
def test_what_is_just_within_a_limit_is_read(step: Any) -> None:
    read(step, Parameters=[{"Name": "p" * 256, "DefaultValue": ""}])


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (processing("s" * 65), "$.Steps[0].Name: must be 1 to 64 letters, digits, - and _, not 'sss"),
        (processing(""), "$.Steps[0].Name: must be 1 to 64 letters, digits, - and _, not ''"),
        (processing(Environment={"A=B": "c"}), "$.Steps[0].Arguments.Environment['A=B']: 'A=B' cannot be an"),
        (processing(Environment={"A": "\0"}), "$.Steps[0].Arguments.Environment.A: a NUL character"),
        (processing(Environment={"A": "\ud800"}), "$.Steps[0].Arguments.Environment.A: half a surrogate"),
        (
            training(StoppingCondition={"MaxRuntimeInSeconds": 0}),
            "$.Steps[0].Arguments.StoppingCondition.MaxRuntimeInSeconds: must be at least 1, not 0",
        ),
        (
            training(StoppingCondition={"MaxRuntimeInSeconds": True}),
            "$.Steps[0].Arguments.StoppingCondition.MaxRuntimeInSeconds: must be a whole number, not True",
        ),
        (
            {
                **training(),
                "RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 1e308}],
            },
            "$.Steps[0].RetryPolicies[0].IntervalSeconds: must be a number from 0 to 43200, not 1e+308",
        ),
    ],
)
def test_what_no_job_can_be_given_is_refused_by_name(step: Any, problem: str) -> None:
    assert refused(step)[0].startswith(problem)


def test_nothing_hides_beside_the_name_of_a_property_file() -> None:
    file = {"Get": "Steps.P.PropertyFiles.Report", "More": {"Get": "Parameters.Nowhere"}}
    left = {"Std:JsonGet": {"PropertyFile": file, "Path": "a"}}
    outputs = {
        **processing(ProcessingOutputConfig=output()),
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "train", "FilePath": "a.json"}],
    }
    (problem,) = refused(outputs, condition("C", entry={**EQUAL, "LeftValue": left}))
    assert problem.endswith(".PropertyFile.More: not supported here; only Get.")


def test_a_long_value_is_cut_in_every_message() -> None:
    long = "x" * 100_000
    for line in refused(
        processing(long, Environment={long: {"Get": long}}),
        {"Name": "A", "Type": long, long: long},
        Parameters=[{"Name": long, "Type": long, "DefaultValue": [long]}],
        **{long: long},
    ):
        assert len(line) < 620


def test_a_value_that_only_the_parameters_decide_is_checked_with_them() -> None:
    limit = {"MaxRuntimeInSeconds": {"Get": "Parameters.Limit"}}
    parameters = [{"Name": "Limit", "Type": "Integer", "DefaultValue": 60}]
    definition = parse_definition(json.dumps(read(training(StoppingCondition=limit), Parameters=parameters)))
    with pytest.raises(DefinitionError, match=r"must be at least 1, not 0"):
        resolve_parameters(definition, {"Limit": "0"})
