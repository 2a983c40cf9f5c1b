"""Reading compiled definitions. Both compiled_*.json were compiled with sagemaker 3.27.0."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DefinitionError
from pipeline.spec.definition import (
    MISSING,
    Branch,
    CacheConfig,
    Definition,
    Dependency,
    Parameter,
    PropertyFile,
    RetryPolicy,
)
from pipeline.spec.dependencies import dependencies
from pipeline.spec.parsing import parse_definition

COMPILED = (Path(__file__).parent / "compiled_definition.json").read_text()
MODELS = (Path(__file__).parent / "compiled_models.json").read_text()


def compiled() -> Any:
    return json.loads(COMPILED)


def problems(document: Any) -> list[str]:
    """The lines of the error that list what is wrong, without their indentation."""
    with pytest.raises(DefinitionError) as caught:
        parse_definition(json.dumps(document))
    assert caught.value.exit_status == 2
    return [line.strip() for line in str(caught.value).splitlines() if line.startswith("  ")]


def test_what_the_sdk_compiles_is_read_with_every_part() -> None:
    definition = parse_definition(COMPILED)
    assert definition.version == "2020-12-01"
    assert definition.text == COMPILED
    assert definition.parallelism is None
    assert definition.parameters == (
        Parameter("TrainingInstanceType", "String", "ml.m5.xlarge", ("ml.m5.xlarge", "ml.g5.xlarge")),
        Parameter("Epochs", "Integer", 3),
        Parameter("LearningRate", "Float", 0.003),
        Parameter("Flag", "Boolean", True),
        Parameter("NoDefault", "String", MISSING),
    )
    normalize, train, evaluate = definition.steps[:3]
    assert normalize.cache == CacheConfig(True, "30d")
    assert normalize.retry_policies == (
        RetryPolicy(("Step.THROTTLING",), 1, 2.0, max_attempts=3),
        RetryPolicy(("SageMaker.CAPACITY_ERROR",), 1, 2.0, expire_after_minutes=5),
    )
    assert train.depends_on == (Dependency("Normalize"),)
    assert train.arguments == compiled()["Steps"][1]["Arguments"]
    assert evaluate.property_files == (PropertyFile("Report", "evaluation", "evaluation.json"),)
    assert definition.step("Train") is train


def test_the_steps_that_register_and_create_a_model_are_read_as_the_sdk_compiles_them() -> None:
    definition = parse_definition(MODELS)
    assert [(step.name, step.type) for step in definition.steps] == [
        ("Make", "Processing"), ("Gate", "Condition"), ("Register", "RegisterModel"), ("Create", "Model"),
        ("Missed", "Fail"),
    ]  # fmt: skip
    assert definition.experiment == {
        "ExperimentName": {"Get": "Execution.PipelineName"},
        "TrialName": {"Get": "Execution.PipelineExecutionId"},
    }
    register = definition.step("Register")
    assert register.retry_policies == (RetryPolicy(("Step.THROTTLING",), 1, 2.0, max_attempts=3),)
    assert dependencies(definition)["Register"] == {"Make", "Gate"}


def test_nested_branches_become_steps_after_their_condition_in_document_order() -> None:
    steps = parse_definition(COMPILED).steps
    assert [step.name for step in steps] == [
        "Normalize", "Train", "Evaluate", "Gate", "Inner", "Missed2", "Missed",
    ]  # fmt: skip
    gate, inner, missed_2, missed = steps[3:]
    assert gate.branch == ()
    assert list(gate.arguments) == ["Conditions"]
    assert inner.branch == (Branch("Gate", True),)
    assert missed_2.branch == (Branch("Gate", True), Branch("Inner", True))
    assert missed_2.json_path == "$.Steps[3].Arguments.IfSteps[0].Arguments.IfSteps[0]"
    assert missed.branch == (Branch("Gate", False),)


def test_parallelism_metadata_and_completed_triggers_are_read() -> None:
    document = compiled()
    document["ParallelismConfiguration"] = {"MaxParallelExecutionSteps": 2}
    document["Metadata"] = {"Team": "vision"}
    document["Steps"][1]["DependsOn"] = [{"Step": "Normalize", "Trigger": "Completed"}, "Normalize"]
    definition = parse_definition(json.dumps(document))
    assert definition.parallelism == 2
    assert definition.metadata == {"Team": "vision"}
    assert definition.step("Train").depends_on == (Dependency("Normalize"),)


def set_at(*keys: Any) -> Callable[[Any, Any], None]:
    def change(document: Any, value: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


TRAIN = ("Steps", 1, "Arguments")
ROLE = (*TRAIN, "RoleArn")
GATE = ("Steps", 3, "Arguments", "Conditions")
GET_REPORT = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "a"}}


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (["Version"], "2021-01-01", "$.Version: must be one of 2020-12-01, not '2021-01-01'"),
        (["Step"], [], "$.Step: not supported here; only Version, Metadata"),
        (["MlflowConfig"], [], "$.MlflowConfig: must be an object, not []"),
        (["MlflowConfig"], {"MlflowName": "x"}, "$.MlflowConfig.MlflowName: not supported here; only Ml"),
        (["MlflowConfig"], {"MlflowResourceArn": 3}, "$.MlflowConfig.MlflowResourceArn: must be a string or an"),
        (["MlflowConfig"], {"MlflowExperimentName": {"Get": "Parameters.Run"}}, "there is no parameter 'Run'"),
        (["MlflowConfig"], {"MlflowResourceArn": {"Get": "Steps.Train.RoleArn"}},
            "$.MlflowConfig.MlflowResourceArn: may use only parameters and execution variables"),
        (["Steps"], [], "$.Steps: must have at least one step"),
        (["Steps"], {}, "$.Steps: must be a list, not {}"),
        (["Steps", 0], 7, "$.Steps[0]: must be an object, not 7"),
        (["ParallelismConfiguration"], {"MaxParallelExecutionSteps": 0}, "must be a whole number of at least 1"),
        (["Parameters", 0, "Type"], "Text", "$.Parameters[0].Type: must be one of String, Integer"),
        (["Parameters", 1, "DefaultValue"], "3", "$.Parameters[1].DefaultValue: must be a JSON Integer"),
        (["Parameters", 1, "DefaultValue"], 1.5, "$.Parameters[1].DefaultValue: must be a whole number"),
        (["Parameters", 0, "DefaultValue"], "ml.p3", "$.Parameters[0].DefaultValue: must be one of ml.m5.xlarge"),
        (["Parameters", 1, "Name"], "LearningRate", "the name 'LearningRate' is taken by $.Parameters[1]"),
        (["Steps", 0, "Name"], "../x", "$.Steps[0].Name: must be 1 to 64 letters, digits, - and _, not"),
        (["Steps", 2, "Name"], "Train", "$.Steps[2]: the name 'Train' is taken by $.St"),
        (["Steps", 0, "Type"], "Athena", "$.Steps[0].Type: the local engine executes no Athena steps, only "
            "Processing, Training, RegisterModel, Model, Condition, Fail, ForEach, Lambda, Callback, "
            "QualityCheck, ClarifyCheck, Transform, Cleanup, Tuning."),
        *[(["Steps", 0, "Type"], other, f"$.Steps[0].Type: the local engine executes no {other} steps")
            for other in ("EMR", "HubContent", "AutoML")],
        (["Steps", 0, "Type"], ["Training"], "$.Steps[0].Type: must be one of Processing, Training"),
        (["Steps", 0, "Type"], "CreateModel", "$.Steps[0].Type: must be one of Processing, Training, "
            "RegisterModel, Model, Condition, Fail, ForEach, Lambda, Callback, "
            "QualityCheck, ClarifyCheck, Transform, Cleanup, Tuning, not 'CreateModel'"),
        ([*TRAIN, "Enviroment"], {}, "$.Steps[1].Arguments.Enviroment: Training steps have no such argument. "
            "Did you mean 'Environment'?"),
        (["PipelineExperimentConfig"], [], "$.PipelineExperimentConfig: must be an object, not []"),
        (["PipelineExperimentConfig", "Name"], "x", "$.PipelineExperimentConfig.Name: not supported here"),
        (["PipelineExperimentConfig", "TrialName"], 3, "PipelineExperimentConfig.TrialName: must be a string or"),
        (["PipelineExperimentConfig", "TrialName"], {"Get": "Parameters.Run"}, "there is no parameter 'Run'"),
        (["PipelineExperimentConfig", "TrialName"], {"Get": "Steps.Train.RoleArn"},
            "$.PipelineExperimentConfig.TrialName: may use only parameters and execution variables"),
        (["PipelineExperimentConfig", "TrialName"], {"Get": "PipelineExperimentConfig.TrialName"},
            "$.PipelineExperimentConfig.TrialName: may use only parameters and execution variables"),
        (["Steps", 0, "Type"], "training", "not 'training'. Did you mean 'Training'?"),
        (["Steps", 0, "OutputParameters"], [], "$.Steps[0].OutputParameters: not supported here"),
        (["Steps", 3, "CacheConfig"], {"Enabled": True}, "$.Steps[3].CacheConfig: not supported here"),
        (["Steps", 1, "DependsOn"], ["Normalise"], "$.Steps[1].DependsOn: there is no step 'Normalise'. "
            "Did you mean 'Normalize'?"),
        (["Steps", 1, "DependsOn"], [3], "$.Steps[1].DependsOn[0]: must be the name of a step, not 3"),
        (["Steps", 1, "DependsOn"], [{"Step": "Normalize", "Trigger": "Skipped"}],
            "$.Steps[1].DependsOn[0].Trigger: must be one of Completed, Failed, Stopped, Any, not "),
        (["Steps", 1, "DependsOn"], ["Normalize", {"Step": "Normalize", "Trigger": "Any"}],
            "$.Steps[1].DependsOn[1]: step 'Normalize' is listed twice, with the triggers Completed and Any."),
        (["Steps", 1, "DependsOn"], [{"Step": "Missed", "Trigger": "Any"}],
            "$.Steps[1].DependsOn: a Fail step ends the execution: nothing can wait for Missed with the "
            "trigger Any"),
        (["Steps", 0, "CacheConfig", "ExpireAfter"], "a month", "$.Steps[0].CacheConfig.ExpireAfter: must be an"),
        (["Steps", 0, "RetryPolicies", 0, "ExpireAfterMin"], 5, "give either MaxAttempts or ExpireAfterMin"),
        (["Steps", 0, "RetryPolicies", 0, "ExceptionType"], ["Job.OOM"], "not 'Job.OOM'"),
        (["Steps", 0, "RetryPolicies", 0, "MaxAttempts"], -1, "a whole number of at least 0, not -1"),
        (["Steps", 2, "PropertyFiles", 0, "OutputName"], "evalution",
            "$.Steps[2].PropertyFiles[0].OutputName: the step has no output 'evalution', only: evaluation."),
        (["Steps", 2, "PropertyFiles", 0, "FilePath"], "../x", "$.Steps[2].PropertyFiles[0].FilePath: must be a"),
        (["Steps", 2, "PropertyFiles", 0, "PropertyFileName"], "Reports",
            "step Evaluate declares no property file 'Report', only: Reports. Did you mean 'Reports'?"),
        (ROLE, {"Get": "Parameter.X"},
            "$.Steps[1].Arguments.RoleArn.Get: Get must begin with one of Parameters.…, Execution.…, "
            "PipelineExperimentConfig.…, Steps.…, ForEach.…, IterationOutput.…, "
            "which 'Parameter.X' does not. Did you mean 'Parameters'?"),
        (ROLE, {"Get": "PipelineExperimentConfig.Trial"}, "PipelineExperimentConfig has only ExperimentName, "
            "TrialName, not 'Trial'. Did you mean 'TrialName'?"),
        (ROLE, {"Get": "Execution.ProcessingJobName"}, "RoleArn.Get: only a Processing step has "),
        (ROLE, {"Get": "Parameters.Epoch"}, "there is no parameter 'Epoch'. Did you mean 'Epochs'?"),
        (ROLE, {"Get": "Parameters.Epochs.x"}, "Get must be Parameters.<name>"),
        (ROLE, {"Get": "Execution.PipelineExecutionID"}, "Did you mean 'PipelineExecutionId'?"),
        (ROLE, {"Get": "Steps.Normalise.RoleArn"}, "there is no step 'Normalise'"),
        (ROLE, {"Get": "Steps.Normalize"}, "must name a property of the step"),
        (ROLE, {"Get": "Steps.Missed.ErrorMessage"}, "a Fail step has no properties"),
        (ROLE, {"Get": "Steps.Gate.Conditions"}, "a Condition step has only Outcome"),
        (ROLE, {"Get": "Steps.Normalize.Outputs[x]"}, "must be a path such as"),
        (ROLE, {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "only Std:JsonGet reads a property file"),
        (ROLE, {"Get": 3}, "$.Steps[1].Arguments.RoleArn.Get: Get must begin with one of Parameters"),
        (ROLE, {"Std:Split": {}}, "$.Steps[1].Arguments.RoleArn['Std:Split']: the local engine knows "
            "Get, Std:Join, Std:JsonGet only"),
        (ROLE, {"Std:Join": {"Values": []}, "On": ""}, "a function must be the only key of its object"),
        (ROLE, {"Std:Join": {"On": 1, "Values": []}}, "['Std:Join'].On: must be a string, not 1"),
        (ROLE, {"Std:Join": {"Values": ["a", None]}}, "['Std:Join'].Values[1]: Std:Join joins strings"),
        (ROLE, {"Std:Join": ["a"]}, "['Std:Join']: must be an object, not ['a']"),
        (ROLE, {"Std:JsonGet": {"S3Uri": "b/k", "Path": "a"}}, "S3Uri: must be s3://bucket/key or an expression"),
        (ROLE, {"Std:JsonGet": {"S3Uri": {"Get": "Parameters.Uri"}, "Path": "a"}},
            "['Std:JsonGet'].S3Uri.Get: there is no parameter 'Uri'"),
        (ROLE, {"Std:JsonGet": {"S3Uri": "s3://b/k", "PropertyFile": {}, "Path": "a"}},
            "['Std:JsonGet'].PropertyFile: not supported here; only S3Uri, Path"),
        (ROLE, {"Std:JsonGet": {"S3Uri": "s3://b/k", "Path": "a..b"}}, "['Std:JsonGet'].Path: must be a path"),
        (ROLE, {"Std:JsonGet": {**GET_REPORT["Std:JsonGet"], "Path": "a..b"}},
            "['Std:JsonGet'].Path: must be a path such as a.b['c'][0], not 'a..b'"),
        (ROLE, {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.X"}, "Path": "a"}},
            "must be Steps.<step>.PropertyFiles.<name>, not 'Steps.Evaluate.X'"),
        ([*GATE, 0, "Type"], "equals", "$.Steps[3].Arguments.Conditions[0].Type: must be one of Equals"),
        ([*GATE, 0, "RightValue"], None, "Conditions[0].RightValue: must be a string, number, boolean or"),
        ([*GATE, 0], {"Type": "Not", "Expression": {}}, "Conditions[0].Expression: Not has no such field; it has "
            "Condition"),
        ([*GATE, 0], {"Type": "Or", "Conditions": [{"Type": "In", "QueryValue": 1, "Values": 2}]},
            "Conditions[0].Conditions[0].Values: must be a list of operands, not 2"),
        ([*GATE, 0], {"Type": "In", "Values": []}, "Conditions[0].QueryValue: missing"),
        ([*GATE, 0], "true", "Conditions[0]: must be a condition, an object with a Type, not 'true'"),
        (["Steps", 3, "Arguments", "Conditions"], [], "$.Steps[3].Arguments.Conditions: must have at least one"),
        (["Steps", 3, "Arguments", "ElseSteps", 0, "Arguments"], {"ErrorMessage": 3}, "Message: must be a string"),
        (["Steps", 0, "DependsOn"], ["Evaluate"],
            "these steps wait for each other: Normalize → Evaluate → Train → Normalize"),
        (["Steps", 0, "DependsOn"], ["Normalize"], "these steps wait for each other: Normalize → Normalize"),
    ],
)  # fmt: skip
def test_what_is_malformed_or_unsupported_is_refused_with_its_json_path(
    place: Sequence[Any], value: Any, expected: str
) -> None:
    document = compiled()
    set_at(*place)(document, value)
    assert any(expected in problem for problem in problems(document)), problems(document)


def test_every_problem_is_listed_at_once() -> None:
    document = compiled()
    set_at("Version")(document, "2030-01-01")
    set_at("Steps", 0, "Type")(document, "EMR")
    set_at("Steps", 0, "Arguments")(document, {"ClusterId": {"Get": "Nothing.At.All"}})
    set_at(*TRAIN, "HyperParameters", "x.y")(document, {"Std:Upper": "a"})
    set_at(*TRAIN, "InputDataConfig", 1, "InputMode")(document, "Pipe")
    set_at(*GATE, 0, "Type")(document, "Xor")
    found = problems(document)
    assert [line.partition(": ")[0] for line in found] == [
        "$.Version",
        "$.Steps[0].Type",
        "$.Steps[0].Arguments.ClusterId.Get",
        "$.Steps[1].Arguments.HyperParameters['x.y']['Std:Upper']",
        "$.Steps[1].Arguments.InputDataConfig[1].InputMode",
        "$.Steps[3].Arguments.Conditions[0].Type",
    ]


def test_what_an_unsupported_step_would_have_had_is_no_problem_of_its_own() -> None:
    document = compiled()
    set_at("Steps", 2, "Type")(document, "AutoML")
    assert problems(document) == [
        "$.Steps[2].Type: the local engine executes no AutoML steps, only Processing, Training, "
        "RegisterModel, Model, Condition, Fail, ForEach, Lambda, Callback, "
        "QualityCheck, ClarifyCheck, Transform, Cleanup, Tuning."
    ]


def test_an_experiment_that_there_is_not_cannot_be_read() -> None:
    document = compiled()
    set_at(*ROLE)(document, {"Get": "PipelineExperimentConfig.TrialName"})
    parse_definition(json.dumps(document))
    set_at("PipelineExperimentConfig")(document, None)
    assert problems(document) == [
        "$.Steps[1].Arguments.RoleArn.Get: PipelineExperimentConfig has no TrialName here."
    ]


def test_a_condition_that_reads_a_step_of_its_own_branch_is_a_cycle() -> None:
    document = compiled()
    inside = copy.deepcopy(document["Steps"][2]) | {"Name": "Inside"}
    set_at("Steps", 3, "Arguments", "ElseSteps")(document, [inside])
    set_at(*GATE, 0, "LeftValue", "Std:JsonGet", "PropertyFile", "Get")(
        document, "Steps.Inside.PropertyFiles.Report"
    )
    assert problems(document) == ["$.Steps[3]: these steps wait for each other: Gate → Inside → Gate"]


@pytest.mark.parametrize("text", ["", "{", '{"Version": NaN}', "[" * 100_000, '"' + "x" * 10])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="Reading the pipeline definition: "):
        parse_definition(text)


@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"', "{}"])
def test_json_that_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="cannot execute this pipeline definition"):
        parse_definition(text)


def nodes(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [place, *(inner for key, entry in entries for inner in nodes(entry, (*place, key)))]


def resolves_everything_it_names(definition: Definition) -> bool:
    names = {step.name for step in definition.steps}
    return all(waits_for <= names for waits_for in dependencies(definition).values())


PLACES = nodes(compiled())[1:]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3)
    | st.sampled_from(["Steps.Train.X", "Parameters.Epochs", "Train", "Condition"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["Get", "Std:Join", "Std:JsonGet", "Values", "Type", "Name"]), inner),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), ANY_JSON)
def test_whatever_stands_anywhere_in_a_definition_it_is_read_or_refused(
    place: tuple[Any, ...], value: Any
) -> None:
    document = compiled()
    set_at(*place)(document, value)
    try:
        definition = parse_definition(json.dumps(document))
    except DefinitionError:
        return
    assert resolves_everything_it_names(definition)
