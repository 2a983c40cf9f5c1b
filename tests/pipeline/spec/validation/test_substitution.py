"""What expressions are replaced by, and what is said of expressions that lead nowhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.spec.json_values import value_at
from pipeline.spec.parsing import examine
from pipeline.spec.validation import validate_definition
from pipeline.spec.validation.substitution import Substitution

HERE = "Evaluate.Arguments.Environment.VALUE"
OUTPUT = "ProcessingOutputConfig.Outputs['processed'].S3Output.S3Uri"


def value_of(
    definition: dict[str, Any], expression: object, parameters: dict[str, Any] | None = None
) -> object:
    """What the expression is replaced by in the environment of Evaluate."""
    document, _ = examine(definition, "")
    evaluate = replace(document.step("Evaluate"), arguments={"Environment": {"VALUE": expression}})
    substitution = Substitution(document, parameters or {})
    value = value_at(substitution.apply(evaluate).step.arguments, "Environment", "VALUE")
    assert substitution.findings.entries == []
    return value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Get": "Parameters.Epochs"}, 3),
        ({"Get": "Execution.PipelineExecutionId"}, "abcdefghijkl"),
        ({"Get": "Execution.ProcessingJobName"}, "pipelines-abcdefghijkl-Evaluate-Abcdefghij"),
        ({"Std:Join": {"On": "-", "Values": ["a", {"Get": "Parameters.Epochs"}, 1.5, True]}}, "a-3-1.5-true"),
        ({"Std:Join": {"Values": ["a", {"Std:Join": {"On": "/", "Values": ["b", "c"]}}]}}, "ab/c"),
        ({"Get": f"Steps.Prepare.{OUTPUT}"}, "s3://a-bucket/project/abcdefghijkl/processed"),
        ({"Get": "Steps.Prepare.ProcessingInputs[1].S3Input.LocalPath"}, "/opt/ml/processing/input"),
        ({"Get": "Steps.Train.HyperParameters['epochs']"}, "3"),
        ({"Get": "Steps.Train.TrainingJobName"}, "pipelines-abcdefghijkl-Train-Abcdefghij"),
        ({"Get": "Steps.Train.TrainingJobStatus"}, "InProgress"),
        ({"Get": "Steps.Train.BillableTimeInSeconds"}, 1),
        ({"Get": "Steps.Train.FinalMetricDataList['loss'].Value"}, 1.0),
        (
            {"Get": "Steps.Train.TrainingJobArn"},
            "arn:aws:sagemaker:us-east-1:123456789012:training-job/pipelines-abcdefghijkl-Train-Abcdefghij",
        ),
        (
            {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
            "s3://a-bucket/project/abcdefghijkl/models/pipelines-abcdefghijkl-Train-Abcdefghij/output/model.tar.gz",
        ),
    ],
)
def test_an_expression_becomes_a_value(definition: dict[str, Any], expression: Any, value: Any) -> None:
    assert value_of(definition, expression) == value


def test_a_given_parameter_goes_before_the_default_also_through_other_steps(
    definition: dict[str, Any],
) -> None:
    assert value_of(definition, {"Get": "Parameters.Epochs"}, {"Epochs": 7}) == 7
    through = {"Get": "Steps.Prepare.ProcessingInputs['data'].S3Input.S3Uri"}
    assert value_of(definition, through, {"InputDataUri": "s3://mine"}) == "s3://mine"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ({"Get": "Parameters.Epoch"}, "Did you mean 'Epochs'?"),
        ({"Get": "Execution.Id"}, "PipelineExecutionId"),
        ({"Get": "Execution.TrainingJobName"}, "only a Training step has"),
        ({"Get": "Steps.Prepair.ProcessingJobArn"}, "Did you mean 'Prepare'?"),
        ({"Get": "Steps.Train.Model.S3ModelArtifacts"}, "ModelArtifacts"),
        ({"Get": "Steps.Train.ModelArtifacts.S3Model"}, "S3ModelArtifacts"),
        ({"Get": f"Steps.Prepare.{OUTPUT.replace('processed', 'data')}"}, "processed"),
        ({"Get": "Steps.Prepare.ProcessingInputs[2].InputName"}, "code, data"),
        ({"Get": "Parameters"}, "Parameters.<name>"),
        ({"Get": "Parameters.Epochs.Value"}, "Parameters.<name>"),
        ({"Get": "Steps.Train.ModelArtifacts[x]"}, "Train.ModelArtifacts[x]"),
        ({"Get": "Steps.Train"}, "must name a property of the step"),
        ({"Get": 3}, "Get must begin with one of Parameters.…"),
        ({"Std:Format": "a"}, "Std:Join"),
        ({"Std:Join": {"On": "/"}}, "missing: must be a list"),
        ({"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epoch"}]}}, "Epochs"),
        ({"Std:Join": {"On": "", "Values": [["a"]]}}, "strings, numbers and booleans"),
    ],
)
def test_an_expression_that_leads_nowhere_is_reported_once(
    changed: Callable[..., Any], expression: Any, words: str
) -> None:
    (problem,) = validate_definition(changed({HERE: expression}))
    assert problem.path.startswith("$.Steps[2].Arguments.Environment.VALUE")
    assert words in problem.message


def test_a_fail_step_has_no_properties_to_refer_to(changed: Callable[..., Any]) -> None:
    step = {"Name": "Late", "Type": "RegisterModel", "Arguments": {"ModelPackageGroupName": "models"}}
    late = changed({"Steps[+]": step, "Late.Arguments.Task": {"Get": "Steps.Missed.ErrorMessage"}})
    (problem,) = validate_definition(late)
    assert problem.path == "$.Steps[4].Arguments.Task.Get"
    assert "a Fail step" in problem.message


@pytest.mark.parametrize(
    ("get", "path"),
    [
        ("Steps.Evaluate.PropertyFiles.Metrics", "accuracy"),
        ("Steps.Train.PropertyFiles.Report", "accuracy"),
        ("Steps.Evaluation.PropertyFiles.Report", "accuracy"),
        ("Steps.Evaluate.ProcessingJobName", "accuracy"),
        ("Steps.Evaluate.PropertyFiles.Report", ""),
    ],
)
def test_a_condition_reads_a_declared_property_file(changed: Callable[..., Any], get: str, path: str) -> None:
    value = {"Std:JsonGet": {"PropertyFile": {"Get": get}, "Path": path}}
    (problem,) = validate_definition(changed({"Gate.Arguments.Conditions[0].LeftValue": value}))
    assert problem.path.startswith("$.Steps[3].Arguments.Conditions[0].LeftValue")


def test_nothing_is_said_of_a_value_that_only_the_execution_knows(changed: Callable[..., Any]) -> None:
    uri = "Prepare.Arguments.ProcessingInputs[1].S3Input.S3Uri"
    report = {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "where"}
    package = {"ModelPackageGroupName": "models", "ModelApprovalStatus": {"Std:JsonGet": report}}
    register = {"Name": "Register", "Type": "RegisterModel", "Arguments": package}
    assert validate_definition(changed({"Parameters[1].DefaultValue": ..., "Steps[+]": register})) == []
    problems = validate_definition(
        changed({uri: {"Get": "Parameters.InputDataUri"}}), {"InputDataUri": "/data"}
    )
    assert [problem.rule for problem in problems] == ["s3-uris-are-well-formed"]


def test_a_condition_may_read_json_at_an_s3_uri(changed: Callable[..., Any]) -> None:
    value = {"Std:JsonGet": {"S3Uri": "s3://a-bucket/report.json", "Path": "accuracy"}}
    assert validate_definition(changed({"Gate.Arguments.Conditions[0].LeftValue": value})) == []


def test_steps_that_refer_to_each_other_are_reported_not_followed(changed: Callable[..., Any]) -> None:
    later = {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"}
    problems = validate_definition(changed({"Prepare.Arguments.ProcessingInputs[1].S3Input.S3Uri": later}))
    assert "these steps wait for each other: Prepare → Evaluate" in " ".join(map(str, problems))
    assert len(problems) == 1


def test_a_long_chain_is_followed_however_it_is_written() -> None:
    def job(number: int) -> dict[str, Any]:
        source = {"Get": f"Steps.S{number - 1}.ProcessingJobArn"} if number else "first"
        return {"Name": f"S{number}", "Type": "Processing", "Arguments": {"Environment": {"SOURCE": source}}}

    document, _ = examine({"Steps": [job(number) for number in reversed(range(2000))]}, "")
    substitution = Substitution(document, {})
    steps = substitution.apply_all()
    assert [each.step.name for each in steps] == [step.name for step in document.steps]
    assert str(value_at(steps[0].step.arguments, "Environment", "SOURCE")).startswith("arn:aws:sagemaker:")
    assert substitution.findings.entries == []


def test_a_long_circle_is_no_end() -> None:
    def job(number: int) -> dict[str, Any]:
        source = {"Get": f"Steps.S{(number + 1) % 2000}.ProcessingJobArn"}
        return {"Name": f"S{number}", "Type": "Processing", "Arguments": {"Environment": {"SOURCE": source}}}

    document, _ = examine({"Steps": [job(number) for number in range(2000)]}, "")
    assert len(Substitution(document, {}).apply_all()) == 2000
